"""Cascades: a query goes to the cheapest tier first and on to the next while a check rejects the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capplan.errors import UserError
from capplan.reasoning.accuracy import difficulty
from capplan.reasoning.normal import Array


@dataclass(frozen=True)
class Tier:
    """One attempt. accuracy: over all queries. keeps_right, keeps_wrong: share of its right and wrong answers that the
    check lets through; the last tier's answer always stands. cost: of one attempt, in any unit."""

    accuracy: float
    cost: float
    keeps_right: float = 1.0
    keeps_wrong: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """reached: share of queries that come to each tier. cost: mean per query, every failed attempt included."""

    reached: tuple[float, ...]
    answered: tuple[float, ...]
    accuracy: float
    cost: float


def cascade(tiers: Sequence[Tier], concentration: float = 1.2) -> Outcome:
    """What a cascade answers, how well and at what cost.

    Difficulty is shared: a query in the hardest tenth for one tier is so for all of them, each with its own Beta law of
    that concentration. What escalates is therefore harder than the average, and the later tiers' accuracy on it lower
    than their own; `concentration` infinite makes tiers independent.

    >>> both = cascade([Tier(0.6, 1.0, keeps_right=1.0, keeps_wrong=0.0), Tier(0.9, 20.0)], float("inf"))
    >>> both.reached, round(both.accuracy, 2), round(both.cost, 1)
    ((1.0, 0.4), 0.96, 9.0)
    """
    if not tiers:
        raise UserError("a cascade needs at least one tier")
    curves = chances([tier.accuracy for tier in tiers], concentration)
    going = np.full(curves.shape[1], 1.0 / curves.shape[1])
    reached, answered, right, cost = [], [], 0.0, 0.0
    for at, (tier, chance) in enumerate(zip(tiers, curves, strict=True)):
        last = at == len(tiers) - 1
        keeps_right, keeps_wrong = (1.0, 1.0) if last else (tier.keeps_right, tier.keeps_wrong)
        kept_right, kept_wrong = going * chance * keeps_right, going * (1 - chance) * keeps_wrong
        reached.append(float(going.sum()))
        answered.append(float((kept_right + kept_wrong).sum()))
        right += float(kept_right.sum())
        cost += reached[-1] * tier.cost
        going = going - kept_right - kept_wrong
    return Outcome(tuple(round(x, 12) for x in reached), tuple(answered), right, cost)


def chances(accuracies: Sequence[float], concentration: float = 1.2, ranks: int = 400) -> Array:
    """Chance of a right answer by tier at equal ranks of difficulty, the hardest first; shape (tiers, ranks)."""
    share = (np.arange(ranks) + 0.5) / ranks
    rows = []
    for accuracy in accuracies:
        if np.isinf(concentration) or accuracy in (0.0, 1.0):
            rows.append(np.full(ranks, accuracy))
            continue
        rising = np.cumsum(difficulty.weights(accuracy, concentration))
        chance = np.interp(share, rising, difficulty.CHANCES)
        # Equal ranks on a grid miss a little of the poles at 0 and 1: put the mean right where there is room.
        rows.append(
            chance
            + (accuracy - chance.mean())
            * 4
            * chance
            * (1 - chance)
            / max(float((4 * chance * (1 - chance)).mean()), 1e-12)
        )
    return np.asarray(np.clip(np.array(rows), 0.0, 1.0))
