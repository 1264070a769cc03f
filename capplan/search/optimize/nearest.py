"""Where nothing meets all targets: the plan that comes nearest, and the smallest relaxation that works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.search.optimize.candidate import Candidate, Exact, best_of, exactly
from capplan.search.optimize.evaluated import SLACK, Evaluated
from capplan.search.optimize.limits import ACCURACY, limit, limited, limits_of, loosened, rounded
from capplan.search.optimize.select import CLOSE, winner
from capplan.search.optimize.sensitivity import LOOSER, Evaluate
from capplan.search.optimize.space import choices

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

_ROUNDS = 6
# Of plans that miss by about as much, the cheaper one: twenty times the money must bring 6 %.
_THRIFT = 0.02
_RIVALS = 4


@dataclass(frozen=True)
class Relaxation:
    """Limits that are loosened, each by its factor, and the plan that then keeps all.

    further: the same a tenth looser still, for the least that works is often dear; None where that changes nothing.
    """

    factors: tuple[tuple[str, float], ...]
    exact: Exact
    scenario: Scenario
    further: Relaxation | None = None


def nearest(found: Sequence[Evaluated], objective: str) -> Exact | None:
    """The plan whose worst miss is the smallest; None where no candidate fits and has a price."""
    firsts = []
    for one in found:
        firsts += best_of(one, _missed(one) * one.usd**_THRIFT, one.possible, 1)
    if not firsts:
        return _widest(found, objective)
    return exactly([min(firsts, key=lambda pair: pair[0])[1]], objective)[0]


def _widest(found: Sequence[Evaluated], objective: str) -> Exact | None:
    """The layout with the most GPUs, whose plan then says what it lacks."""
    if not found:
        return None
    one = max(found, key=lambda each: float(np.max(each.layout.gpus)))
    priced = [place for place, why in enumerate(one.unpriced) if not why]
    if not priced:
        return None
    return exactly([Candidate(one, priced[0], int(np.argmax(one.layout.gpus)), 0)], objective)[0]


def relaxation(scenario: Scenario, found: Sequence[Evaluated], objective: str, evaluate: Evaluate) -> Relaxation | None:
    """The smallest loosening of one limit that lets a plan be; of all that are missed, where one alone does not do.

    Smallest: of the factors on the limits, to the next value that is told in full. None where limits are not what
    stands in the way.
    """
    names = [name for name in limits_of(scenario) if any(name in one.ratios for one in found)]
    alone = {name: factor for name in names if np.isfinite(factor := _factor_alone(found, name)) and factor > 1}
    for name in sorted(alone, key=lambda each: alone[each]):
        made = _smallest(scenario, (name,), (alone[name],), found, objective, evaluate)
        if made is not None:
            return made
    together = _together(found, names)
    if not together:
        return None
    return _smallest(scenario, tuple(together), tuple(together.values()), found, objective, evaluate)


def _factor_alone(found: Sequence[Evaluated], name: str) -> float:
    """The least that `name` alone is exceeded by, where all other constraints are kept."""
    least = np.inf
    for one in found:
        kept = one.possible
        for other, ratio in one.ratios.items():
            if other != name:
                kept = kept & (ratio <= 1 + SLACK)
        if name in one.ratios and kept.any():
            least = min(least, float(np.where(kept, one.ratios[name], np.inf).min()))
    return least


def _together(found: Sequence[Evaluated], names: Sequence[str]) -> dict[str, float]:
    """The factors of the candidate whose worst miss is the smallest."""
    best: tuple[float, dict[str, float]] = (np.inf, {})
    for one in found:
        for value, candidate in best_of(one, _missed(one) * one.usd**_THRIFT, one.possible, 1):
            missed = {name: candidate.ratio(name) for name in one.ratios if candidate.ratio(name) > 1 + SLACK}
            if value < best[0] and missed.keys() <= set(names):
                best = (value, missed)
    return best[1]


def _smallest(
    scenario: Scenario,
    names: tuple[str, ...],
    factors: tuple[float, ...],
    found: Sequence[Evaluated],
    objective: str,
    evaluate: Evaluate,
) -> Relaxation | None:
    """Between the limits as they are and `factors` on them, the least that works: a larger fleet may need less."""
    near = sorted(found, key=_least_missed)[:_RIVALS]
    rivals = {one.choice.name for one in near}

    def tried(share: float, more: float = 1.0) -> Relaxation | None:
        loose = scenario
        for name, factor in zip(names, factors, strict=True):
            loose = rounded(loosened(loose, [name], more * (1 + share * (factor * 1.01 - 1))), name)
        now = tuple((name, _factor(scenario, loose, name)) for name in names)
        held = winner(evaluate([c for c in choices(loose) if c.name in rivals]), objective, 32)
        return Relaxation(now, held.best, loose) if held else None

    works = tried(1.0)
    low, high = 0.0, 1.0
    for _ in range(_ROUNDS if works else 0):
        middle = (low + high) / 2
        now = tried(middle)
        works, low, high = (now, low, middle) if now else (works, middle, high)
    if works is None:
        return None
    more = tried(high, LOOSER)
    cheaper = more is not None and more.exact.value < works.exact.value * (1 - CLOSE)
    return replace(_no_looser(scenario, works), further=more if cheaper else None)


def _no_looser(scenario: Scenario, found: Relaxation) -> Relaxation:
    """The same plan with its limits no looser than it needs: where it is the best, it still is."""
    needed = {name: found.exact.shares[name] for name, _ in found.factors}
    loose = scenario
    for name, _ in found.factors:
        own = rounded(loosened(found.scenario, [name], needed[name]), name)
        if _factor(scenario, own, name) > 1:
            loose = limited(loose, name, limit(own, name))
    factors = ((name, _factor(scenario, loose, name)) for name, _ in found.factors)
    return replace(found, factors=tuple((name, by) for name, by in factors if by > 1), scenario=loose)


def _factor(scenario: Scenario, loose: Scenario, name: str) -> float:
    factor = limit(loose, name) / limit(scenario, name)
    return 1 / factor if name == ACCURACY else factor


def _missed(one: Evaluated) -> Any:
    """The worst ratio of every candidate, 1 at least; shape (P, L, C)."""
    worst = np.ones(one.usd.shape)
    for ratio in one.ratios.values():
        worst = np.maximum(worst, ratio)
    return worst


def _least_missed(one: Evaluated) -> float:
    return float(np.where(one.possible, _missed(one), np.inf).min())
