"""How sure a plan is: intervals of cost, fleet and latency, odds of its targets, what matters, what regrets least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.errors import UserError
from capplan.plan import Plan
from capplan.plan.rows import layout_of
from capplan.plan.varied import Fleet
from capplan.search.draws import Uncertain
from capplan.search.inputs import GROWTH, inputs
from capplan.search.monte_carlo import in_parts, middle_plan
from capplan.search.regret import Regret, regrets
from capplan.search.tornado import Swing, tornado
from capplan.search.workers import Map, locally
from capplan.search.worlds import Worlds

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

WORLDS = 10_000
QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
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
    middle = middle_plan(scenario)
    drawn_inputs = inputs(middle, law, bands)
    if not drawn_inputs:
        raise UserError(f"{scenario.name}: nothing is uncertain (write a key as {{low: ..., mid: ..., high: ...}})")
    _correlations_of_drawn(scenario, drawn_inputs)
    layout = layout_of(middle.row)
    made, kept = (
        in_parts(scenario, drawn_inputs, count, seed, layout, fleet, mapped) for fleet in (None, Fleet.of(middle.row))
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
        tornado=tornado(scenario, drawn_inputs, layout),
        regrets=regrets(candidates or {}, count, seed, law, bands, mapped),
        usd=np.where(made.possible, made.usd, np.nan),
        notes=tuple(_notes(scenario, count, seed, law, drawn_inputs)),
    )


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
