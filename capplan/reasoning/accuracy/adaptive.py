"""Adaptive self-consistency: rounds of 2, 4, 8 ... samples in all, stopping as soon as the vote is decided."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from capplan.reasoning.accuracy import difficulty
from capplan.reasoning.accuracy.voting import winning
from capplan.reasoning.normal import Array

# The vote counts as decided when the leader is ahead of the runner-up with this posterior chance:
# the Beta criterion and its default of Aggarwal et al. 2023 (arXiv 2305.11860).
DECIDED = 0.95


@dataclass(frozen=True)
class Growth:
    """What growing the vote until it is decided comes to, per query and on average.

    samples: mean number drawn. stages: total samples after each round. reached: share of queries that draw round j.
    """

    accuracy: float
    samples: float
    rounds: float
    stages: tuple[int, ...]
    reached: tuple[float, ...]


def stages(most: int) -> tuple[int, ...]:
    """Totals after each round: doubling from 2, the last one `most`.

    >>> stages(16), stages(20)
    ((2, 4, 8, 16), (2, 4, 8, 16, 20))
    """
    totals, total = [], 2
    while total < most:
        totals.append(total)
        total *= 2
    return (*totals, max(int(most), 1))


@lru_cache(maxsize=512)
def grown(accuracy: float, most: int, concentration: float = 1.2, vote_share: float = 0.25) -> Growth:
    """Exact walk over (samples so far, right ones), problem by problem of the Beta law of difficulty.

    The strongest wrong answer holds a share t / (1 - t) of the wrong votes, which is what a winning share of t means.
    """
    chances = difficulty.CHANCES
    share = difficulty.weights(accuracy, concentration)
    keep = share > 1e-9
    chances, share = chances[keep], share[keep] / share[keep].sum()
    going = np.ones((chances.size, 1))
    drawn, right, samples, rounds, reached = 0, 0.0, 0.0, 0.0, []
    totals = stages(most)
    for total in totals:
        alive = float(share @ going.sum(axis=1))
        reached.append(alive)
        samples += alive * (total - drawn)
        rounds += alive
        going, drawn = _draw(going, chances, total - drawn), total
        stop = np.ones(total + 1, dtype=bool) if total == totals[-1] else _decided(total, vote_share)
        right += float(share @ (going[:, stop] @ winning(total, np.asarray(vote_share))[stop]))
        going = np.where(stop, 0.0, going)
    return Growth(right, samples, rounds, totals, tuple(reached))


def _draw(going: Array, chances: Array, more: int) -> Array:
    """Distribution of right votes after `more` samples; going: (problems, votes so far + 1)."""
    k = np.arange(more + 1, dtype=np.float64)
    ways = math.lgamma(more + 1) - difficulty.log_gamma(k + 1) - difficulty.log_gamma(more - k + 1)
    p = np.clip(chances, 1e-300, 1 - 1e-16)[:, None]
    step = np.exp(ways + k * np.log(p) + (more - k) * np.log1p(-p))
    result = np.zeros((going.shape[0], going.shape[1] + more))
    for before in range(going.shape[1]):
        result[:, before : before + more + 1] += going[:, before : before + 1] * step
    return result


def _decided(total: int, vote_share: float) -> Array:
    """For k = 0 .. total right votes: is the leader ahead with the chance DECIDED?"""
    right = np.arange(total + 1)
    wrong = (total - right) * min(vote_share / (1.0 - vote_share), 1.0)
    leader, second = np.maximum(right, wrong), np.minimum(right, wrong)
    return np.array([_ahead(float(a), float(b)) >= DECIDED for a, b in zip(leader, second, strict=True)])


@lru_cache(maxsize=8192)
def _ahead(leader: float, second: float) -> float:
    """P(x > 1/2) for x ~ Beta(leader + 1, second + 1), by Simpson's rule.

    >>> round(_ahead(2, 0), 3)  # 1 - 1/8
    0.875
    """
    x = np.linspace(0.0, 1.0, 2001)
    with np.errstate(divide="ignore"):
        density = np.exp(leader * np.log(x) + second * np.log1p(-x)) if second > 0 else x**leader
    simpson = np.where(np.arange(2001) % 2, 4.0, 2.0)
    simpson[[0, 1000, -1]] = (1.0, 2.0, 1.0)
    whole = density @ simpson
    half = simpson[1000:].copy()
    half[0] = 1.0
    return float(density[1000:] @ half / whole)
