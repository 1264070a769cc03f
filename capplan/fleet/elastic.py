"""Fleets that change: following the hours of a day, replacing what fails, and losing what is evicted."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.fleet.replicas import Counts, replicas_needed

Floats = NDArray[np.float64]

_MOST_SPARES = 4096


def standing_replicas(
    profile: ArrayLike,
    qps_mean: float,
    requests_per_s_per_replica: float,
    max_utilization: float = 1.0,
    start_s: float = 0.0,
    period_s: float = 86_400.0,
    least: int = 1,
) -> Counts:
    """Replicas that an autoscaler keeps in each part of a period, shape of the profile.

    A replica takes `start_s` from being asked for to serving, so what the parts ahead need must stand already now;
    one that is no longer needed goes at once. The load is taken as level within a part and known ahead.
    profile: relative arrivals over equal parts of `period_s`, repeated; their mean does not matter. least: kept always.
    Raises ValueError for a profile that is negative or all zero, and what `replicas_needed` raises.

    >>> standing_replicas([1, 1, 4, 2], 20.0, 10.0, period_s=4 * 3600.0, start_s=600.0).tolist()
    [1, 4, 4, 2]
    """
    weights = np.asarray(profile, np.float64)
    if weights.ndim != 1 or not len(weights) or np.any(~(weights >= 0)) or not weights.sum() > 0:
        raise ValueError("profile: relative arrivals from 0 up, not all 0")
    if not (start_s >= 0 and period_s > 0):
        raise ValueError("start_s from 0 up and period_s above 0 are needed")
    rates = qps_mean * weights / weights.mean()
    needed = np.maximum(replicas_needed(rates, requests_per_s_per_replica, max_utilization), least)
    ahead = min(int(np.ceil(start_s / (period_s / len(weights)))), len(weights) - 1)
    kept: Counts = np.max([np.roll(needed, -part) for part in range(ahead + 1)], axis=0)
    return kept


def autoscaled_share(standing: ArrayLike) -> float:
    """Replica-hours of an autoscaled fleet over those of one that stands at its peak all the time.

    >>> autoscaled_share([1, 4, 4, 2])
    0.6875
    """
    counts = np.asarray(standing, np.float64)
    return float(counts.mean() / counts.max())


def spares_for_availability(
    replicas: ArrayLike, failures_per_s: float, repair_s: float, availability: float = 0.999
) -> Counts:
    """Spare replicas with which at least `replicas` of all are up for a share `availability` of the time.

    Each replica fails by itself and is back after `repair_s` in the mean, so that it is up for 1 / (1 + rate x repair)
    of the time and the number that are up is binomial; failures of whole racks or of the network are not in it.
    Raises ValueError for an availability outside 0 .. 1 and where no number of spares below 4,096 is enough.

    >>> int(spares_for_availability(10, 1 / (30 * 86_400), 4 * 3600, 0.999))  # each up 99.4 %: one down 6 % of the time
    2
    """
    if not 0 < availability < 1:
        raise ValueError("availability: a ratio between 0 and 1 is needed")
    if not (failures_per_s >= 0 and repair_s >= 0):
        raise ValueError("failures_per_s and repair_s: numbers from 0 up are needed")
    count = np.asarray(replicas, np.int64)
    down = failures_per_s * repair_s / (1 + failures_per_s * repair_s)
    spare = np.zeros(count.shape, np.int64)
    # P(at most s down of n + s), a term at a time: passing from n + s to n + s + 1 replicas adds the chance that the
    # spare is the one that was missing, C(n + s, s + 1) (1 - down)^n down^(s + 1).
    term = np.power(1 - down, count.astype(np.float64))
    enough = term.copy()
    while np.any((enough < availability) & (count > 0)):
        if spare.max() >= _MOST_SPARES:
            raise ValueError(f"replicas that are up {1 - down:.1%} of the time: no number of spares is enough")
        short = (enough < availability) & (count > 0)
        spare = np.where(short, spare + 1, spare)
        term = np.where(short, term * down * (count + spare - 1) / np.maximum(spare, 1), term)
        enough = np.where(short, enough + term, enough)
    return spare


def redone_factor(work_s: ArrayLike, evictions_per_s: ArrayLike, checkpoint_s: ArrayLike = np.inf) -> Floats:
    """Work done over work asked for where machines are taken away and what they were at starts again.

    An answer of `work_s` that loses everything at each eviction takes (e^(rate x work) - 1) / rate of work in the mean;
    with a checkpoint every `checkpoint_s`, only the piece since the last one is lost. Saving and loading are free here.
    Evictions come at random (Poisson). The factor rises with length: long chains of thought on spot machines pay most.
    Source: A. Duda 1983, "The effects of checkpointing on program execution time".

    >>> float(redone_factor(600.0, 1 / 3600).round(4))  # ten minutes, evicted hourly
    1.0882
    >>> float(redone_factor(600.0, 1 / 3600, 60.0).round(4))
    1.0084
    """
    work, rate = np.asarray(work_s, np.float64), np.asarray(evictions_per_s, np.float64)
    if np.any(~(work >= 0)) or np.any(~(rate >= 0)) or np.any(~(np.asarray(checkpoint_s) > 0)):
        raise ValueError("work_s and evictions_per_s from 0 up and checkpoint_s above 0 are needed")
    expected = rate * np.minimum(work, np.asarray(checkpoint_s, np.float64))
    factor: Floats = np.where(expected > 1e-12, np.expm1(expected) / np.where(expected > 1e-12, expected, 1.0), 1.0)
    return factor


def lost_tokens(output_tokens: ArrayLike, itl_s: ArrayLike, evictions_per_s: ArrayLike) -> Floats:
    """Output tokens that are written again for each answer because of evictions, without checkpoints.

    >>> float(lost_tokens(10_000, 0.03, 1 / 3600).round())  # five minutes of decode
    428.0
    """
    tokens = np.asarray(output_tokens, np.float64)
    lost: Floats = tokens * (redone_factor(tokens * np.asarray(itl_s), evictions_per_s) - 1.0)
    return lost
