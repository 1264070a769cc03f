"""The budget of the years ahead: growing traffic, falling prices, and the month in which each next node is bought.

$ capplan forecast scenarios/forecast-growth.yaml
"""

from typing import TYPE_CHECKING, Annotated

import typer

from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from capplan.report.report import Report

Years = Annotated[str | None, typer.Option("--years", metavar="N", help="Years planned for.")]
Growth = Annotated[str | None, typer.Option("--growth", metavar="RATIO", help="Growth of the traffic a month.")]


@reports
def command(
    scenario: ScenarioFile = None, years: Years = None, growth: Growth = None, settings: Settings = None
) -> "Report":
    from capplan.report.report import report
    from capplan.search.forecast import forecast

    loaded = load(scenario, settings, {"forecast.years": years, "forecast.growth_per_month": growth})
    found = forecast(loaded)
    totals = {"part": "total", "total_usd": sum(year.total_usd for year in found.years),
              "residual_usd": found.residual_usd, "npv_usd": found.npv_usd}  # fmt: skip
    budget = [
        {"part": "year", "year": year.year, "qps": year.qps, "nodes": year.nodes, "gpus": year.gpus,
         "purchases_usd": year.purchases_usd, "rent_usd": year.rent_usd, "running_usd": year.running_usd,
         "total_usd": year.total_usd, "present_usd": year.present_usd}
        for year in found.years
    ]  # fmt: skip
    bought = [
        {"part": "purchase", "year": year.year, "month": one.month, "nodes_bought": one.nodes,
         "nodes": one.fleet_nodes, "purchases_usd": one.usd}
        for year in found.years for one in year.bought
    ]  # fmt: skip
    first = {**found.plan.row, "part": "plan"}
    return report(
        "forecast",
        [found.plan],
        rows=[first, *budget, totals, *bought],
        axes=("part", "year", "month"),
        notes=found.notes,
        scenario=loaded.resolved(),
    )
