"""How latency, tokens, energy, fleet and cost grow with K, with any other key, or over the grid of several.

$ capplan sweep scenarios/cot-k-sweep.yaml --k 1,8 --over serving.weights=fp8,bf16
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ._grid import K, Over, grid
from ._many import Cluster, Jobs, Resume, interrupted, working
from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from capplan.report.report import Report
    from capplan.scenario.schema import Scenario
    from capplan.search.sweep import Sweep

# Rows from which on an interrupted sweep leaves what is done beside its output file.
LONG = 256


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
    from capplan.search.sweep import sweep

    swept_keys = grid(k, over)
    asked = load(scenario, settings)
    long = out is not None and math.prod(len(values) for values in {**asked.sweeps, **swept_keys}.values()) > LONG
    if jobs == 1 and cluster is None and not (resume or long):
        swept = sweep(asked, swept_keys)
    else:
        swept = _many(asked, swept_keys, jobs, cluster, resume, out)
    return report(
        "sweep", swept.plans, rows=swept.rows, axes=swept.columns, notes=swept.notes, scenario=swept.scenario.resolved()
    )


def _many(
    asked: "Scenario", over: dict[str, list[str]], jobs: int, cluster: str | None, resume: bool, out: Path | None
) -> "Sweep":
    """The sweep by many workers; what an interrupt leaves is written to `out`."""
    from capplan.report.report import report
    from capplan.search.many import Planners
    from capplan.search.sweep import rows_done, sweep

    with working(jobs, cluster, "plans", out, resume) as work:
        planners = Planners(work)
        try:
            return sweep(asked, over, planners.plans)
        except KeyboardInterrupt:
            done = rows_done(asked, over, planners.made)
            left = report("sweep", done.plans, rows=done.rows, axes=done.columns, scenario=asked.resolved())
            interrupted(left, out, len(done.rows))
            raise
