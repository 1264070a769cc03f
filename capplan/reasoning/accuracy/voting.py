"""Plurality voting over samples of problems that differ in difficulty (self-consistency)."""

import math

import numpy as np

from capplan.reasoning.accuracy import difficulty
from capplan.reasoning.normal import Array, Values


def winning(samples: int, vote_share: Values) -> Array:
    """Chance that k right answers of `samples` win the vote, for k = 0 .. samples; shape (..., samples + 1).

    The right answer wins above a share `vote_share` of the votes (1/2 is a strict majority; less stands for a plurality
    over scattered wrong answers) and ties with the strongest wrong one at it; between whole votes the tie goes over
    smoothly, so that accuracy does not jump with N. A single right vote among several can win only by drawing lots.
    """
    votes = np.arange(samples + 1)
    won = np.clip(votes - np.asarray(vote_share, dtype=np.float64)[..., None] * samples + 0.5, 0.0, 1.0)
    won[..., 0] = 0.0
    if samples == 1:
        won[..., 1] = 1.0
    else:
        won[..., 1] = np.minimum(won[..., 1], 1.0 / samples)
        won[..., samples] = 1.0
    return won


def voted(accuracy: Values, samples: Values, concentration: Values = math.inf, vote_share: Values = 0.5) -> Array:
    """Accuracy of the most frequent of `samples` answers.

    accuracy: of one sample. concentration: of the Beta law of difficulty; infinite is independence.
    vote_share: what the right answer needs to win. All broadcast; samples are rounded to whole ones.
    Source: Wang et al. 2022 (arXiv 2203.11171) for the method; the law is ours, fitted in configs/quality.

    >>> round(float(voted(0.6, 5)), 3), round(float(voted(0.6, 64)), 3)
    (0.683, 0.946)
    >>> round(float(voted(0.74, 16, 1.2, 0.25)), 3)
    0.886
    """
    mean, counts, spread, share = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (accuracy, samples, concentration, vote_share))
    )
    result = np.empty(mean.shape)
    whole = np.rint(counts).astype(int)
    for count in np.unique(whole):
        here = whole == count
        chance = right_votes(mean[here], int(count), spread[here])
        result[here] = np.sum(chance * winning(int(count), share[here]), axis=-1)
    return result


def right_votes(accuracy: Array, samples: int, concentration: Array) -> Array:
    """Chance of k right answers, k = 0 .. samples: beta-binomial, or binomial at infinite concentration."""
    k = np.arange(samples + 1, dtype=np.float64)
    ways = math.lgamma(samples + 1) - difficulty.log_gamma(k + 1) - difficulty.log_gamma(samples - k + 1)
    finite = np.where(np.isfinite(concentration), concentration, 1.0)
    a, b = (part[..., None] for part in difficulty.shape(accuracy, finite))
    mixed = ways + difficulty.log_beta(a + k, b + samples - k) - difficulty.log_beta(a, b)
    p = np.clip(accuracy, 1e-300, 1 - 1e-16)[..., None]
    single = ways + k * np.log(p) + (samples - k) * np.log1p(-p)
    return np.asarray(np.exp(np.where(np.isfinite(concentration)[..., None], mixed, single)))
