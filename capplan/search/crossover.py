"""At which K one model with reasoning takes longer, or costs more, than another with less of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capplan.plan import Plan, plans
from capplan.scenario.overrides import with_values

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

# Searched up to this K; a chain of thought of more steps is no longer one answer.
MOST_K = 4096

MEASURES = {"latency": "tta_s", "cost": "annual_tco_usd"}


@dataclass(frozen=True)
class Crossover:
    """The answer of `crossover`.

    first_k: per measure (`latency`, `cost`), the smallest K at which A exceeds B; None where none up to MOST_K does.
    versus: B's plan. plans: A's plans at K = 1, below and at each crossing, in the order of K.
    """

    first_k: Mapping[str, int | None]
    versus: Plan
    plans: tuple[Plan, ...]


def crossover(
    scenario: Scenario, model: str, versus: str, k_versus: int = 1, versus_values: Mapping[str, object] | None = None
) -> Crossover:
    """The smallest K at which `model` exceeds `versus` at `k_versus`, in time to answer and in yearly cost.

    Everything else is as in the scenario; `versus_values` are scenario keys that differ for B (its GPU, its layout).
    Time and cost never fall as K grows, so the crossing is found by halving.
    """
    a = with_values(scenario, {"model": model})
    b = plans([with_values(scenario, {"model": versus, "reasoning.k": k_versus, **(versus_values or {})})])[0]
    seen: dict[int, Plan] = {}

    def at(ks: list[int]) -> list[Plan]:
        new = [k for k in ks if k not in seen]
        seen.update(zip(new, plans([with_values(a, {"reasoning.k": k}) for k in new]), strict=True) if new else ())
        return [seen[k] for k in ks]

    first = {name: _first(column, b, at) for name, column in MEASURES.items()}
    shown = sorted({1, *(k for found in first.values() if found for k in (found - 1, found) if k > 0)})
    return Crossover(first, b, tuple(at(shown)))


def _first(column: str, versus: Plan, at: Callable[[list[int]], list[Plan]]) -> int | None:
    """The smallest K whose plan exceeds `versus` in a column, or None. Values of a plan that cannot be still count."""
    limit = _value(versus, column)
    if limit is None:
        return None

    def exceeds(plan: Plan) -> bool:
        return (_value(plan, column) or 0.0) > limit

    powers = [2**i for i in range(MOST_K.bit_length())]
    high = next((k for k, plan in zip(powers, at(powers), strict=True) if exceeds(plan)), None)
    if high is None:
        return None
    between = range(high // 2 + 1, high + 1)
    return between[bisect_left(between, True, key=lambda k: exceeds(at([k])[0]))]


def _value(plan: Plan, column: str) -> float | None:
    value = plan.row.get(column)
    return None if value is None else float(str(value))
