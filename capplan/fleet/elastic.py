"""Fleets that change: following the hours of a day, replacing what fails, and doing again what evictions lose."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.errors import UserError
from capplan.fleet.replicas import Counts

Floats = NDArray[np.float64]

DAY_S = 86_400.0
_MOST_SPARES = 1 << 15
# Beyond so many evictions of one answer the factor stays: no plan lives on one try in 150.
_MOST_EXPECTED = 5.0


def standing(needed: ArrayLike, start_s: float, period_s: float = DAY_S) -> Floats:
    """Replicas that stand in the mean over each part of a period, those that are starting included; shape of `needed`.

    A replica takes `start_s` from being asked for to serving, so what the load needs by then stands already; one that
    is no longer needed goes at once. The load is taken as level within a part, and known so far ahead.
    needed: replicas that serve in each of the equal parts of the period, last axis, repeated.
    Raises ValueError for a negative start.

    >>> standing([1, 4, 4, 2], 900.0, 4 * 3600.0).tolist()  # the last quarter of the first hour has 4, 15 min early
    [1.75, 4.0, 4.0, 2.0]
    """
    if not (start_s >= 0 and period_s > 0):
        raise ValueError("start_s from 0 up and period_s above 0 are needed")
    count = np.asarray(needed, np.float64)
    parts = count.shape[-1]
    ahead, rest = divmod(min(start_s, period_s) / (period_s / parts), 1.0)
    soon = np.max([np.roll(count, -part, axis=-1) for part in range(min(int(ahead), parts - 1) + 1)], axis=0)
    later = np.maximum(soon, np.roll(count, -(int(ahead) + 1), axis=-1))
    kept: Floats = (1 - rest) * soon + rest * later
    return kept


def down_share(events_per_s: ArrayLike, away_s: ArrayLike) -> Floats:
    """Share of the time for which something is away that goes at a rate and comes back after `away_s` in the mean.

    >>> float(down_share(1 / (99 * 3600), 3600).round(9))  # one hour after 99 hours
    0.01
    """
    expected = np.asarray(events_per_s, np.float64) * np.asarray(away_s, np.float64)
    share: Floats = expected / (1 + expected)
    return share


def spares_for_availability(replicas: ArrayLike, down: ArrayLike, availability: float) -> Counts:
    """Spare replicas with which at least `replicas` of all are up for a share `availability` of the time.

    Each replica is down by itself for a share `down` of the time, so that the number that are up is binomial; failures
    of whole racks or of the network are not in it. Broadcasts.
    Raises ValueError for an availability outside 0 .. 1, UserError where 32,768 spares are not enough.

    >>> int(spares_for_availability(10, 4 / 724, 0.999))  # each up 99.4 %: one down 6 % of the time, two 0.2 %
    2
    """
    if not 0 < availability < 1:
        raise ValueError("availability: a ratio between 0 and 1 is needed")
    count, away = np.broadcast_arrays(np.asarray(replicas, np.int64), np.asarray(down, np.float64))
    if np.any(~(away >= 0)) or np.any(~(away < 1)):
        raise ValueError("down: a share of the time from 0 up and below 1 is needed")
    spare = np.zeros(count.shape, np.int64)
    # P(at most s down of n + s), a term at a time: passing from n + s to n + s + 1 replicas adds the chance that the
    # spare is the one that was missing, C(n + s, s + 1) (1 - down)^n down^(s + 1). In logarithms, for n in thousands.
    with np.errstate(divide="ignore"):
        log_term, log_down = count * np.log1p(-away), np.log(away)
    enough = np.exp(log_term)
    while np.any(short := (enough < availability) & (count > 0) & (away > 0)):
        if spare.max() >= _MOST_SPARES:
            raise UserError(
                f"replicas that are up {1 - float(away.max()):.1%} of the time: no number of spares keeps up"
            )
        spare = np.where(short, spare + 1, spare)
        grown = np.log(np.maximum(count + spare - 1, 1)) - np.log(np.maximum(spare, 1))
        log_term = np.where(short, log_term + log_down + grown, log_term)
        enough = np.where(short, enough + np.exp(log_term), enough)
    return spare


def redone_factor(work_s: ArrayLike, evictions_per_s: ArrayLike) -> Floats:
    """Work done over work asked for where machines are taken away and what they were at starts again.

    An answer of `work_s` that loses everything at each eviction takes (e^(rate x work) - 1) / rate of work in the mean.
    Evictions come at random (Poisson). The factor rises with length: long chains of thought on spot machines pay most.
    Source: A. Duda 1983, "The effects of checkpointing on program execution time".

    >>> float(redone_factor(600.0, 1 / 3600).round(4))  # ten minutes, evicted hourly
    1.0882
    """
    work, rate = np.asarray(work_s, np.float64), np.asarray(evictions_per_s, np.float64)
    if np.any(~(work >= 0)) or np.any(~(rate >= 0)):
        raise ValueError("work_s and evictions_per_s from 0 up are needed")
    expected = np.minimum(rate * work, _MOST_EXPECTED)
    factor: Floats = np.where(expected > 1e-12, np.expm1(expected) / np.where(expected > 1e-12, expected, 1.0), 1.0)
    return factor
