"""How latency, tokens, energy, fleet and cost grow with K, with any other key, or over the grid of several.

$ capplan sweep scenarios/cot-k-sweep.yaml --k 1,8 --over serving.weights=fp8,bf16
"""

from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from capplan.report.report import Report

K = Annotated[str | None, typer.Option("--k", metavar="1,4,8,16", help="Reasoning steps to compare.")]
Over = Annotated[
    list[str] | None,
    typer.Option("--over", metavar="PATH=V1,V2", help="Sweep any scenario key; several give their grid."),
]


@reports
def command(
    scenario: ScenarioFile = None, k: K = None, over: Over = None, settings: Settings = None
) -> "Report":
    from capplan.report.report import report
    from capplan.search.axes import parse_over, split_values
    from capplan.search.sweep import sweep

    grid: dict[str, list[str]] = {"reasoning.k": split_values(k)} if k else {}
    for path, values in map(parse_over, over or ()):
        if path in grid:
            raise UserError(f"--over {path}: given twice")
        grid[path] = values
    swept = sweep(load(scenario, settings), grid)
    return report(
        "sweep", swept.plans, rows=swept.rows, axes=swept.columns, notes=swept.notes, scenario=swept.scenario.resolved()
    )
