"""What choosing a candidate costs beyond the best one of each world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.errors import UserError
from capplan.plan.rows import layout_of
from capplan.search.inputs import inputs
from capplan.search.monte_carlo import in_parts, middle_plan
from capplan.search.workers import Map, locally

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario


# The share of the worlds in which a candidate's regret is at most the figure that candidates are judged by.
REGRET_SHARE = 0.95


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


def regrets(
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
        middle = middle_plan(one.scenario)
    except UserError:
        return np.full(one.count, np.inf)
    drawn = inputs(middle, one.law, one.bands)
    made = in_parts(one.scenario, drawn, one.count, one.seed, layout_of(middle.row), None, locally)
    return np.where(made.possible, made.usd, np.inf)
