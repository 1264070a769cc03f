"""How sure a plan is: intervals of cost, fleet and latency, odds of its targets, what matters, what regrets least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.engine.layout import Layout
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.plan.rows import layout_of
from capplan.plan.varied import Fleet
from capplan.scenario.overrides import with_values
from capplan.search.draws import Uncertain, correlated, shares
from capplan.search.inputs import GROWTH, inputs
from capplan.search.workers import Map, locally
from capplan.search.worlds import Worlds, is_array, joined, worlds

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

WORLDS = 10_000
# Worlds of one task: enough that an array pays, few enough that many workers have some.
PART = 2_500
QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
# The share of the worlds in which a candidate's regret is at most the figure that candidates are judged by.
REGRET_SHARE = 0.95
SHOWN = (
    "annual_tco_usd", "capex_usd_per_year", "energy_usd_per_year", "maintenance_usd_per_year", "rent_usd_per_year",
    "gpus", "nodes", "replicas", "utilization", "ttft_s", "itl_s", "ttfo_s", "tta_s", "tta_p95_s", "tta_p99_s",
    "usd_per_1k_queries", "usd_per_m_output_tokens", "energy_j_per_query", "annual_kwh", "annual_kg_co2e",
)  # fmt: skip


@dataclass(frozen=True)
class Odds:
    """Shares of the worlds in which a target holds: with a fleet sized for each, and with the plan's own fleet."""

    target: str
    sized: float
    kept: float


@dataclass(frozen=True)
class Swing:
    """What one input alone does to the yearly cost: at its low and high point, all others at their middle.

    *_usd, *_gpus: None where no plan can be there.
    """

    input: Uncertain
    low_usd: float | None
    high_usd: float | None
    low_gpus: float | None
    high_gpus: float | None

    @property
    def width_usd(self) -> float:
        if self.low_usd is None or self.high_usd is None:
            return float("inf")
        return abs(self.high_usd - self.low_usd)


@dataclass(frozen=True)
class Regret:
    """What choosing one candidate costs beyond the best one of each world, USD a year.

    usd: in all but 1 - REGRET_SHARE of the worlds. best: share of the worlds in which it is the cheapest that can be.
    None where it cannot be in that many worlds.
    """

    name: str
    mean_usd: float | None
    usd: float | None
    best: float
    possible: float


@dataclass(frozen=True)
class Risk:
    """The answer of `risk`.

    quantiles: by name (p10, p50, p90), columns over the worlds where a plan can be; each column by itself. possible:
    share of such worlds. usd: the yearly cost of every world, NaN where none can be.
    """

    plan: Plan
    inputs: tuple[Uncertain, ...]
    quantiles: Mapping[str, Mapping[str, float]]
    mean_usd: float
    possible: float
    odds: tuple[Odds, ...]
    tornado: tuple[Swing, ...]
    regrets: tuple[Regret, ...]
    usd: Any
    notes: tuple[str, ...]


def risk(
    scenario: Scenario,
    count: int = WORLDS,
    seed: int = 0,
    law: str = "pert",
    bands: bool = True,
    candidates: Mapping[str, Scenario] | None = None,
    mapped: Map = locally,
) -> Risk:
    """Monte-Carlo over everything that is uncertain: the scenario's ranges and, with `bands`, the catalogue's.

    The layout is that of the plan at the middle; the fleet is sized anew in every world, and the plan's own fleet is
    judged beside it. Inputs are independent but for `risk.correlations`. candidates: by name, what could be built
    instead; they meet the same worlds. mapped: who plans the worlds, in parts. The same seed gives the same worlds on
    every machine. Raises UserError where nothing is uncertain, no plan can be at the middle, or correlations name what
    is not drawn.
    """
    middle = _middle(scenario)
    drawn_inputs = inputs(middle, law, bands)
    if not drawn_inputs:
        raise UserError(f"{scenario.name}: nothing is uncertain (write a key as {{low: ..., mid: ..., high: ...}})")
    _correlations_of_drawn(scenario, drawn_inputs)
    layout = layout_of(middle.row)
    made, kept = (
        _in_parts(scenario, drawn_inputs, count, seed, layout, fleet, mapped) for fleet in (None, Fleet.of(middle.row))
    )
    if not made.possible.any():
        raise UserError(f"{scenario.name}: no plan can be in any of the worlds (`capplan tco` says why)")
    return Risk(
        plan=middle,
        inputs=drawn_inputs,
        quantiles={name: _quantiles(made, share) for name, share in QUANTILES.items()},
        mean_usd=float(made.usd[made.possible].mean()),
        possible=float(made.possible.mean()),
        odds=_odds(made, kept),
        tornado=_tornado(scenario, drawn_inputs, layout),
        regrets=_regrets(candidates or {}, count, seed, law, bands, mapped),
        usd=np.where(made.possible, made.usd, np.nan),
        notes=tuple(_notes(scenario, count, seed, law, drawn_inputs)),
    )


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


def _in_parts(
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


def _middle(scenario: Scenario) -> Plan:
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


def _correlations_of_drawn(scenario: Scenario, drawn: Sequence[Uncertain]) -> None:
    known = [one.path for one in drawn]
    for name in (name for one in scenario.risk.correlations for name in one.between):
        if name not in known:
            raise UserError(f"risk.correlations: {name} is not uncertain here (drawn are {', '.join(known)})")


def _quantiles(made: Worlds, share: float) -> dict[str, float]:
    return {
        name: float(np.quantile(made.columns[name][made.possible], share)) for name in SHOWN if name in made.columns
    }


def _odds(made: Worlds, kept: Worlds) -> tuple[Odds, ...]:
    return tuple(Odds(name, float(made.held[name].mean()), float(kept.held[name].mean())) for name in made.held)


def _tornado(scenario: Scenario, drawn: Sequence[Uncertain], layout: Layout) -> tuple[Swing, ...]:
    """Widest swing first; the ends of all inputs that are arrays are one call."""
    arrays = [one for one in drawn if is_array(scenario, one)]
    count = 2 * len(arrays)
    at = {one.path: np.full(count, one.mid) for one in arrays}
    for place, one in enumerate(arrays):
        at[one.path][2 * place : 2 * place + 2] = one.low, one.high
    made = worlds(scenario, [_held(one) for one in arrays], at, layout) if arrays else None
    swings = []
    for one in drawn:
        if made is not None and one in arrays:
            place = 2 * arrays.index(one)
            (low, few), (high, many) = _at(made, place), _at(made, place + 1)
        else:
            ends = [with_values(scenario, {one.path: int(end) if one.whole else end}) for end in (one.low, one.high)]
            (low, few), (high, many) = (_at(worlds(changed, (), {}, layout), 0) for changed in ends)
        swings.append(Swing(one, low, high, few, many))
    return tuple(sorted(swings, key=lambda swing: -swing.width_usd))


def _at(made: Worlds, row: int) -> tuple[float | None, float | None]:
    return (float(made.usd[row]), float(made.columns["gpus"][row])) if made.possible[row] else (None, None)


class _Held(Uncertain):
    """An input whose `shares` are its values."""

    def at(self, share: Any) -> Any:
        return np.asarray(share, np.float64)


def _held(one: Uncertain) -> Uncertain:
    return _Held(one.path, one.low, one.mid, one.high, one.law, one.source, one.whole)


def _regrets(
    candidates: Mapping[str, Scenario], count: int, seed: int, law: str, bands: bool, mapped: Map
) -> tuple[Regret, ...]:
    """The candidates, least regret first; those that cannot be in too many worlds last."""
    if len(candidates) < 2:
        return ()
    costs = np.array(mapped(_costs, [_Candidate(one, count, seed, law, bands) for one in candidates.values()]))
    best = costs.min(axis=0)
    some = np.isfinite(best)
    found = []
    for name, usd in zip(candidates, costs, strict=True):
        regret = np.where(np.isfinite(usd[some]), usd[some] - best[some], np.inf)
        high = float(np.quantile(regret, REGRET_SHARE, method="higher")) if some.any() else np.inf
        mean = float(regret.mean()) if some.any() else np.inf
        found.append(
            Regret(
                name,
                mean if np.isfinite(mean) else None,
                high if np.isfinite(high) else None,
                float(np.mean(np.isfinite(usd) & (usd <= best))),
                float(np.isfinite(usd).mean()),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.usd is None, one.usd or 0.0, one.mean_usd or 0.0)))


@dataclass(frozen=True)
class _Candidate:
    scenario: Scenario
    count: int
    seed: int
    law: str
    bands: bool


def _costs(one: _Candidate) -> Any:
    """Cost of every world, infinite where no plan can be."""
    try:
        middle = _middle(one.scenario)
    except UserError:
        return np.full(one.count, np.inf)
    drawn = inputs(middle, one.law, one.bands)
    made = _in_parts(one.scenario, drawn, one.count, one.seed, layout_of(middle.row), None, locally)
    return np.where(made.possible, made.usd, np.inf)


def _notes(scenario: Scenario, count: int, seed: int, law: str, drawn: Sequence[Uncertain]) -> list[str]:
    said = [
        f"{count:,} worlds, seed {seed}; ranges of the scenario as {law}, catalogued prices as triangular, the model's "
        f"error as lognormal through its 80 % interval; {_together(scenario)}.",
        "The layout is that of the plan at the middle in every world, since one is bought; replicas and GPUs follow "
        "each world's load, and `kept` judges the plan's own fleet in the same worlds.",
    ]
    if scenario.forecast.growth_per_month or GROWTH in {one.path for one in drawn}:
        said.append("Traffic is that after a year of the forecast's growth.")
    return said


def _together(scenario: Scenario) -> str:
    pairs = [f"{' and '.join(one.between)} ({one.rank:+.2g})" for one in scenario.risk.correlations]
    if not pairs:
        return "inputs are drawn independently (`risk.correlations` would tie them)"
    return f"rank correlations of {', '.join(pairs)} by a Gaussian copula, all else independent"
