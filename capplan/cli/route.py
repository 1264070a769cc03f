"""What splitting queries over pools saves, pool by pool, beside one pool for all.

$ capplan route scenarios/routing-70-30.yaml
"""

from typing import TYPE_CHECKING

from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from capplan.report.report import Report


@reports
def command(scenario: ScenarioFile = None, settings: Settings = None) -> "Report":
    from capplan.report.report import report
    from capplan.search.route import route

    loaded = load(scenario, settings)
    routed = route(loaded)
    return report(
        "route", routed.plans, rows=routed.rows, axes=("pool",), notes=routed.notes, scenario=loaded.resolved()
    )
