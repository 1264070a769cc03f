"""Arrival times: Poisson, Gamma or Weibull gaps of a given burstiness, at a constant or a daily changing rate."""

from collections.abc import Sequence
from enum import StrEnum
from math import exp, inf, isfinite, lgamma, log1p, sqrt

import numpy as np

from capplan.errors import UserError
from capplan.simulate.requests import Floats

DAY_S = 86_400.0
# Gamma gaps of a coefficient of variation above this come, in doubles, as one burst and a gap of years.
MOST_CV = 100.0


class Gaps(StrEnum):
    """The law of the gaps between arrivals; `poisson` is either of the others at burstiness 1."""

    POISSON = "poisson"
    GAMMA = "gamma"
    WEIBULL = "weibull"


def unit_gaps(count: int, burstiness: float, law: Gaps, rng: np.random.Generator) -> Floats:
    """Gaps of mean 1 and coefficient of variation `burstiness`, shape (count,).

    Burstiness 0 is a clock. Production reasoning traffic has 2.3 (ServeGen, arXiv 2505.09999, by client and rate).
    Raises UserError outside 0 .. 100.
    """
    if not (isfinite(burstiness) and 0 <= burstiness <= MOST_CV):
        raise UserError(f"burstiness {burstiness}: give a coefficient of variation, 0 to {MOST_CV:g}")
    if burstiness == 0:
        return np.ones(count)
    if law is Gaps.POISSON:
        if burstiness != 1:
            raise UserError(f"burstiness {burstiness} is not Poisson, whose gaps have 1: choose gamma or weibull")
        return rng.exponential(1.0, count)
    if law is Gaps.GAMMA:
        shape = 1 / burstiness**2
        return rng.gamma(shape, 1 / shape, count)
    shape = weibull_shape(burstiness)
    return rng.weibull(shape, count) / exp(lgamma(1 + 1 / shape))


def weibull_shape(cv: float) -> float:
    """The shape of the Weibull law with this coefficient of variation, by bisection.

    >>> round(weibull_shape(1.0), 9)
    1.0
    """
    low, high = 0.05, 200.0
    for _ in range(80):
        middle = sqrt(low * high)
        log_ratio = lgamma(1 + 2 / middle) - 2 * lgamma(1 + 1 / middle)
        # CV^2 + 1 = Gamma(1 + 2/k) / Gamma(1 + 1/k)^2 falls as the shape k rises.
        low, high = (middle, high) if log_ratio > log1p(cv * cv) else (low, middle)
    return sqrt(low * high)


def arrival_times(
    count: int,
    rate_per_s: float,
    rng: np.random.Generator,
    *,
    burstiness: float = 1.0,
    law: Gaps = Gaps.GAMMA,
    profile: Sequence[float] = (),
    period_s: float = DAY_S,
) -> Floats:
    """`count` arrivals at a mean rate, from time 0, shape (count,).

    profile: relative rates over equal parts of `period_s`, repeated (24 numbers make a day by the hour); their mean
    does not matter. Bursts follow the rate: gaps are stretched where it is low. Raises UserError for a rate not
    above 0 and for a profile that is negative or all zero.
    """
    if not 0 < rate_per_s < inf:
        raise UserError(f"rate {rate_per_s} requests/s: give a number above 0")
    operational = np.cumsum(unit_gaps(count, burstiness, law, rng))
    if not len(profile):
        return operational / rate_per_s
    return stretched(operational / rate_per_s, profile, period_s)


def stretched(times_s: Floats, profile: Sequence[float], period_s: float) -> Floats:
    """Times at a steady rate moved so that their rate follows the profile; whole periods stay where they are."""
    weights = np.asarray(profile, dtype=np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
        raise UserError("traffic profile: relative rates must be 0 or above, finite and not all 0")
    share = np.concatenate([[0.0], np.cumsum(weights) / weights.sum()])
    whole, part = np.divmod(times_s / period_s, 1.0)
    clock = np.linspace(0.0, 1.0, len(share))
    result: Floats = (whole + np.interp(part, share, clock)) * period_s
    return result
