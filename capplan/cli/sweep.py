"""How latency, tokens, energy, fleet and cost grow with K, with any other key, or over the grid of several.

$ capplan sweep scenarios/cot-k-sweep.yaml --k 1,8 --over serving.weights=fp8,bf16
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

from . import _completion
from ._many import Cluster, Jobs, Resume, interrupted, working
from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from capplan.report.report import Report
    from capplan.scenario.schema import Scenario
    from capplan.search.sweep import Sweep

# Rows from which on an interrupted sweep leaves what is done beside its output file.
LONG = 256

K = Annotated[str | None, typer.Option("--k", metavar="1,4,8,16", help="Reasoning steps to compare.")]
Over = Annotated[
    list[str] | None,
    typer.Option(
        "--over",
        metavar="PATH=V1,V2",
        help="Sweep any scenario key; several give their grid.",
        autocompletion=_completion.settings,
    ),
]


@reports
def command(
    scenario: ScenarioFile = None,
    k: K = None,
    over: Over = None,
    settings: Settings = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    resume: Resume = False,
    out: Path | None = None,
) -> "Report":
    from capplan.report.report import report
    from capplan.search.axes import parse_over, split_values
    from capplan.search.sweep import sweep

    grid: dict[str, list[str]] = {"reasoning.k": split_values(k)} if k else {}
    for path, values in map(parse_over, over or ()):
        if path in grid:
            raise UserError(f"--over {path}: given twice")
        grid[path] = values
    asked = load(scenario, settings)
    long = out is not None and math.prod(len(values) for values in {**asked.sweeps, **grid}.values()) > LONG
    if jobs == 1 and cluster is None and not (resume or long):
        swept = sweep(asked, grid)
    else:
        swept = _many(asked, grid, jobs, cluster, resume, out)
    return report(
        "sweep", swept.plans, rows=swept.rows, axes=swept.columns, notes=swept.notes, scenario=swept.scenario.resolved()
    )


def _many(
    asked: "Scenario", grid: dict[str, list[str]], jobs: int, cluster: str | None, resume: bool, out: Path | None
) -> "Sweep":
    """The sweep by many workers; what an interrupt leaves is written to `out`."""
    from capplan.report.report import report
    from capplan.search.many import Planners
    from capplan.search.sweep import rows_done, sweep

    with working(jobs, cluster, "plans", out, resume) as work:
        planners = Planners(work)
        try:
            return sweep(asked, grid, planners.plans)
        except KeyboardInterrupt:
            done = rows_done(asked, grid, planners.made)
            left = report("sweep", done.plans, rows=done.rows, axes=done.columns, scenario=asked.resolved())
            interrupted(left, out, len(done.rows))
            raise
