"""What each policy on thinking changes: the plan without any, then with one more at a time, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capplan.errors import UserError
from capplan.plan import Plan, plans
from capplan.reasoning import scene
from capplan.reasoning.strategy import under_policies
from capplan.scenario.part import slots
from capplan.scenario.policies import Policies

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Stepwise:
    """The answer of `strategies --policies`: rows are the plans' with `policy`, what it changes of the year's cost
    (`change_usd_per_year`)."""

    plans: tuple[Plan, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def step_by_step(scenario: Scenario) -> Stepwise:
    """The scenario's policies one after another, each on top of those before it.

    Raises UserError where it has none.
    """
    reasoning = scenario.reasoning
    names = [slot.field for slot in slots(Policies).values() if getattr(reasoning.policies, slot.field) is not None]
    if not names:
        known = ", ".join(slot.key for slot in slots(Policies).values())
        raise UserError(
            f"{scenario.name}: no policy on thinking is given; under reasoning.policies there may be {known}"
        )
    asked = [_with(scenario, names[:count]) for count in range(len(names) + 1)]
    made = plans(asked)
    rows, before = [], made[0]
    for name, plan in zip(("none", *names), made, strict=True):
        rows.append(
            {
                "policy": name.replace("_", " "),
                **plan.row,
                "change_usd_per_year": None
                if plan is before
                else plan.row["annual_tco_usd"] - before.row["annual_tco_usd"],
            }
        )
        before = plan
    first, last = (float(row["annual_tco_usd"]) for row in (rows[0], rows[-1]))
    head = f"All together cost {last / first:.1%} of what the same queries cost without any."
    told = under_policies(scene.options_of(scenario))[1].each
    return Stepwise(tuple(made), tuple(rows), (head, *(f"{one.name.replace('_', ' ')}: {one.said}." for one in told)))


def _with(scenario: Scenario, names: list[str]) -> Scenario:
    reasoning = scenario.reasoning
    held = Policies(**{name: getattr(reasoning.policies, name) for name in names})
    return scenario.having({"reasoning": reasoning.having({"policies": held}), "strategies": ()})
