"""Self-host or API: both bills for the same queries, and where the answer flips.

$ capplan breakeven scenarios/breakeven-reasoning.yaml
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from capplan.report.report import Report

Api = Annotated[str | None, typer.Option("--api", metavar="MODEL", help="Hosted model to compare with.")]
Provider = Annotated[str | None, typer.Option("--provider", metavar="NAME", help="Who hosts it.")]


@reports
def command(
    scenario: ScenarioFile = None,
    api: Api = None,
    provider: Provider = None,
    settings: Settings = None,
) -> "Report":
    from capplan.cost.age import used_api
    from capplan.report.report import report
    from capplan.search.breakeven import breakeven
    from capplan.search.breakeven_rows import AXES, rows

    loaded = load(scenario, settings, {"cost.api.model": api, "cost.api.provider": provider})
    found = breakeven(loaded)
    made = report(
        "breakeven",
        [found.plan],
        rows=rows(found),
        axes=AXES,
        notes=found.notes,
        scenario=loaded.resolved(),
    )
    return replace(made, prices=(*made.prices, *used_api(loaded.cost)))
