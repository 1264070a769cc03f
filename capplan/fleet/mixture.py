"""Laws of lengths as values at fixed normal scores, their moments, and percentiles of sums without a convolution."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.reasoning import normal

Floats = NDArray[np.float64]

_EDGES = np.linspace(-2.5, 3.5, 31)
# A law of lengths is its values at these scores, each standing for WEIGHTS of the requests, the ends for all beyond.
SCORES: Floats = (_EDGES[:-1] + _EDGES[1:]) / 2
WEIGHTS: Floats = np.diff(np.concatenate([[0.0], normal.cdf(_EDGES[1:-1]), [1.0]]))
SHARES: Floats = normal.cdf(SCORES)
_Z95, _Z99 = 1.6448536, 2.3263479
Z = {"p50": 0.0, "p95": _Z95, "p99": _Z99}


def spread(p50: ArrayLike, p95: ArrayLike, p99: ArrayLike) -> Floats:
    """A law at SCORES from three percentiles, in logarithms straight between them; shape (..., scores).

    Below the median it falls as it rises to p95; beyond p99 it goes on as from p95 to p99.

    >>> spread(300.0, 300.0, 300.0).round(6).tolist() == [300.0] * 30
    True
    """
    middle, high, top = (np.log(np.maximum(np.asarray(p, np.float64), 1e-9))[..., None] for p in (p50, p95, p99))
    first, second = (high - middle) / _Z95, (top - high) / (_Z99 - _Z95)
    values: Floats = np.exp(np.where(SCORES <= _Z95, middle + first * SCORES, high + second * (SCORES - _Z95)))
    return values


def mean(values: ArrayLike) -> Floats:
    """Mean of a law at SCORES, over the last axis."""
    result: Floats = np.asarray(values, np.float64) @ WEIGHTS
    return result


def at(values: ArrayLike, which: str) -> Floats:
    """`p50`, `p95` or `p99` of a law at SCORES, shape (..., scores) -> (...)."""
    law = np.asarray(values, np.float64)
    low = int(np.searchsorted(SCORES, Z[which])) - 1
    part = (Z[which] - SCORES[low]) / (SCORES[low + 1] - SCORES[low])
    result: Floats = law[..., low] * (1 - part) + law[..., low + 1] * part
    return result


def lingering(values: ArrayLike) -> Floats:
    """Integral of P(X > t)^2 over E[X], the mean of the lesser of two over the mean: 1 constant, 1/2 exponential.

    values: a law at SCORES, rising, shape (..., scores).

    >>> float(lingering(np.full(30, 7.0)).round(9))
    1.0
    """
    law = np.maximum(np.asarray(values, np.float64), 1e-12)
    above = 1.0 - np.cumsum(WEIGHTS)
    # The lesser of two: each value by the chance that the other one is above it, or in the same cell.
    share: Floats = (law * (WEIGHTS * (2 * above + WEIGHTS))).sum(axis=-1) / mean(law)
    return share


def score(share: ArrayLike) -> Floats:
    """Normal score of a share, 0 < share < 1, within 5e-4, at the speed of a logarithm.

    Source: Abramowitz & Stegun 1964, formula 26.2.23.

    >>> score([0.9, 0.99, 0.01]).round(2).tolist()
    [1.28, 2.33, -2.33]
    """
    p = np.asarray(share, np.float64)
    t = np.sqrt(-2 * np.log(np.clip(np.minimum(p, 1 - p), 1e-300, 0.5)))
    far = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    result: Floats = np.where(p < 0.5, -far, far)
    return result


def tail(which: str, chance: ArrayLike, mean_value: ArrayLike, square: ArrayLike) -> Floats:
    """A percentile of what is 0 for most: positive by `chance`, then lognormal with the moments that all have together.

    mean_value, square: over all, zeros included.

    >>> float(tail("p95", 0.05, 0.1, 1.0))  # only one in twenty waits at all
    0.0
    """
    share = {"p50": 0.5, "p95": 0.95, "p99": 0.99}[which]
    chance, value, square = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (chance, mean_value, square)))
    met = (chance > 1 - share) & (value > 1e-12)
    q, one, two = (np.where(met, v, 1.0) for v in (chance, value, square))
    log_ratio = np.log(np.maximum(two * q / np.square(one), 1.0))
    reached = np.log(one / q) - log_ratio / 2 + np.sqrt(log_ratio) * score(np.clip(1 - (1 - share) / q, 1e-6, 1 - 1e-6))
    result: Floats = np.where(met, np.exp(reached), 0.0)
    return result


def together(*deviations: ArrayLike) -> Floats:
    """How far a percentile of a sum lies from its middle, given how far those of its independent parts lie.

    Root of the sum of squares, signs kept: exact for normal parts, and where one part outweighs the others.

    >>> float(together(3.0, 4.0)), float(together(-3.0, 0.0))
    (5.0, -3.0)
    """
    total = sum((np.sign(d) * np.square(d) for d in deviations), start=np.zeros(()))
    result: Floats = np.sign(total) * np.sqrt(np.abs(total))
    return result
