"""How sure a plan is: intervals of cost, fleet and latency, odds that targets hold, and what matters.

$ capplan risk scenarios/risk-support.yaml --worlds 2000

Ranges are written into the scenario as {low: 50, mid: 100, high: 200}; prices, lengths and the model's own error bring
the catalogue's bands where the scenario leaves them open.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

from ._many import Cluster, Jobs, Resume, going_on
from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from capplan.report.report import Report
    from capplan.scenario.schema import Scenario

Worlds = Annotated[int, typer.Option("--worlds", min=100, max=1_000_000, help="Worlds that are drawn.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same worlds.")]
Law = Annotated[str, typer.Option("--law", metavar="LAW", help="Of the ranges: pert, triangular or lognormal.")]
GivenOnly = Annotated[bool, typer.Option("--given-only", help="The scenario's ranges only, no bands of the catalogue.")]
Budget = Annotated[str | None, typer.Option("--budget", metavar="USD", help="What a year may cost.")]
Over = Annotated[
    list[str] | None,
    typer.Option("--over", metavar="PATH=V1,V2", help="Candidates, to find the one with the least regret; repeatable."),
]


@reports
def command(
    scenario: ScenarioFile = None,
    worlds: Worlds = 10_000,
    seed: Seed = 0,
    law: Law = "pert",
    given_only: GivenOnly = False,
    budget: Budget = None,
    over: Over = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    resume: Resume = False,
    settings: Settings = None,
    out: Path | None = None,
) -> "Report":
    from capplan.report.report import report
    from capplan.search.draws import LAWS
    from capplan.search.risk import risk
    from capplan.search.risk_rows import AXES, rows

    if law not in LAWS:
        raise UserError(f"--law {law}: no such law (choose from {', '.join(LAWS)})")
    loaded = load(scenario, settings, {"targets.annual_tco": budget})
    asked = candidates(loaded, over or ())
    with going_on(jobs, cluster, "parts", out, resume) as mapped:
        found = risk(loaded, worlds, seed, law, not given_only, asked, mapped)
    return report(
        "risk",
        [found.plan],
        rows=rows(found),
        axes=AXES,
        notes=found.notes,
        scenario=loaded.resolved(),
    )


def candidates(scenario: "Scenario", over: "list[str] | tuple[str, ...]") -> "dict[str, Scenario]":
    """The points of the scenario's own sweeps and of `--over`, by what tells them apart."""
    from capplan.scenario.overrides import with_values
    from capplan.search.axes import axes, parse_over, points

    grid = axes({**scenario.sweeps, **dict(map(parse_over, over))})
    if not grid:
        return {}
    return {
        ", ".join(f"{path.rpartition('.')[2]} {value}" for path, value in point.items()): with_values(scenario, point)
        for point in points(grid)
    }
