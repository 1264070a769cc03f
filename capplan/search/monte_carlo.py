"""The worlds that a scenario may meet: drawn from all that is uncertain, and planned in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from capplan.engine.layout import Layout
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.plan.varied import Fleet
from capplan.search.draws import Uncertain, correlated, shares
from capplan.search.workers import Map
from capplan.search.worlds import Worlds, joined, worlds

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario


# Worlds of one task: enough that an array pays, few enough that many workers have some.
PART = 2_500


@dataclass(frozen=True)
class _Part:
    """The worlds from `start` to `stop` of those that the seed draws. shares: of every input in them."""

    scenario: Scenario
    inputs: tuple[Uncertain, ...]
    count: int
    seed: int
    layout: Layout
    fleet: Fleet | None
    start: int
    stop: int
    shares: Mapping[str, Any] = field(repr=False)  # all else tells these apart


def in_parts(
    scenario: Scenario,
    drawn: tuple[Uncertain, ...],
    count: int,
    seed: int,
    layout: Layout,
    fleet: Fleet | None,
    mapped: Map,
) -> Worlds:
    """All worlds, in parts that are the same however many work at them."""
    every = _drawn(scenario, drawn, count, seed)
    parts = [
        _Part(scenario, drawn, count, seed, layout, fleet, start, stop,
              {name: shares[start:stop] for name, shares in every.items()})
        for start in range(0, count, PART)
        for stop in [min(start + PART, count)]
    ]  # fmt: skip
    return joined(mapped(_worlds_of, parts))


def _worlds_of(part: _Part) -> Worlds:
    return worlds(part.scenario, part.inputs, part.shares, part.layout, part.fleet)


def middle_plan(scenario: Scenario) -> Plan:
    """The plan at the middle of all ranges; raises UserError where none can be."""
    if scenario.serving.engine == "textbook":
        raise UserError(f"{scenario.name}: the textbook engine has no steady state (set serving.engine: vllm)")
    made = plan(scenario)
    # A plan that only overshoots its budget is a plan; its odds are what is asked for.
    hard = [why for why in made.excuses if why.constraint not in ("annual_tco", "power", "accuracy")]
    if hard:
        raise UserError(f"{scenario.name}: no plan at the middle values: {hard[0].message} (cure: {hard[0].cure})")
    return made


def _drawn(scenario: Scenario, drawn: Sequence[Uncertain], count: int, seed: int) -> dict[str, Any]:
    """Shares of every input in every world. Correlations of what is not drawn, as a price of another way, are idle."""
    names = {one.path for one in drawn}
    ranks = {(a, b): one.rank for one in scenario.risk.correlations for a, b in [one.between] if {a, b} <= names}
    return correlated({name: shares(name, count, seed) for name in sorted(names)}, ranks)
