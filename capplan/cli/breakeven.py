"""Self-host or API: both bills for the same queries, and where the answer flips.

$ capplan breakeven scenarios/breakeven-reasoning.yaml
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

from .common import ScenarioFile, Settings, load, reports, write

if TYPE_CHECKING:
    from capplan.report.report import Report

Api = Annotated[str | None, typer.Option("--api", metavar="MODEL", help="Hosted model to compare with.")]
Provider = Annotated[str | None, typer.Option("--provider", metavar="NAME", help="Who hosts it.")]
Chart = Annotated[Path | None, typer.Option("--chart", metavar="FILE.svg", help="Both costs over the volume, drawn.")]


@reports
def command(
    scenario: ScenarioFile = None,
    api: Api = None,
    provider: Provider = None,
    chart: Chart = None,
    settings: Settings = None,
) -> "Report":
    from capplan.cost.age import used_api
    from capplan.report.report import report
    from capplan.report.swap_chart import swap_chart
    from capplan.search.breakeven import breakeven
    from capplan.search.breakeven_rows import rows

    if chart is not None and chart.suffix != ".svg":
        raise UserError(f"--chart {chart}: the chart is an SVG; name a .svg file")
    loaded = load(scenario, settings, {"cost.api.model": api, "cost.api.provider": provider})
    found = breakeven(loaded)
    if chart is not None:
        points = [(volume, float(fleet), float(hosted)) for volume, fleet, hosted, _ in found.curve]
        write(swap_chart(f"{loaded.name}: self-hosting or {found.tariff.title}", points, found.volumes.stays), chart)
    made = report("breakeven", [found.plan], rows=rows(found), notes=found.notes, scenario=loaded.resolved())
    return replace(made, prices=(*made.prices, *used_api(loaded.cost)))
