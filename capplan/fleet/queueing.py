"""Waiting in front of many servers: Erlang B and C, Hayward and Allen-Cunneen.

A server is whatever serves one request at a time: a batch slot of a replica, or a whole replica of the textbook view.
Nothing here knows of models or money; all functions broadcast and give an array of the broadcast shape.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_RELATIVE_PRECISION = 1e-16


def _poisson_pmf(count: Floats, mean: Floats) -> Floats:
    """Probability of exactly `count` (>= 1) arrivals where `mean` are expected.

    Loader's saddle-point form: at 100,000 servers the textbook form would take the difference of numbers near 1e6.
    Source: C. Loader 2000, "Fast and accurate computation of binomial probabilities".
    """
    off = (mean - count) / count
    deviance = count * (off - np.log1p(off))
    squared = count * count
    series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * squared)) / squared) / squared) / count
    # The series is asymptotic: poor below 10, so small counts take the exact error.
    exact = _EXACT_STIRLING_ERROR[np.minimum(count, 15).astype(int)]
    stirling_error = np.where(count <= 15, exact, series)
    pmf: Floats = np.exp(-stirling_error - deviance) / np.sqrt(2 * np.pi * count)
    return pmf


def _exact_stirling_errors() -> Floats:
    """log n! less Stirling's approximation of it, for n = 0..15 (the 0 is never read)."""
    n = np.arange(1, 16, dtype=np.float64)
    log_factorial = np.cumsum(np.log(n))
    return np.concatenate([[0.0], log_factorial - ((n + 0.5) * np.log(n) - n + 0.5 * np.log(2 * np.pi))])


_EXACT_STIRLING_ERROR = _exact_stirling_errors()


def _below_capacity(servers: Floats, load: Floats) -> Floats:
    """Erlang B for load < servers: pmf(servers) / P(at most `servers`), the tail above summed term by term."""
    term = np.ones_like(load)
    total = term.copy()
    step = 1.0
    while np.any(term > _RELATIVE_PRECISION * total):
        term = term * load / (servers + 1 + step)
        total = total + term
        step += 1
    above = _poisson_pmf(servers + 1, load) * total
    blocked: Floats = _poisson_pmf(servers, load) / (1 - above)
    return blocked


def _above_capacity(servers: Floats, load: Floats) -> Floats:
    """Erlang B for load >= servers: 1 / sum over j of servers! / (servers - j)! / load^j, whose terms only fall."""
    term = np.ones_like(load)
    total = term.copy()
    step = 0.0
    while np.any(term > _RELATIVE_PRECISION * total):
        term = term * np.maximum(servers - step, 0) / load
        total = total + term
        step += 1
    blocked: Floats = 1 / total
    return blocked


def _servers_and_load(servers: ArrayLike, load: ArrayLike) -> tuple[Floats, Floats]:
    c, a = np.broadcast_arrays(np.asarray(servers, np.float64), np.asarray(load, np.float64))
    if np.any(c < 1) or np.any(c != np.floor(c)):
        raise ValueError("servers: whole numbers from 1 up are needed")
    if np.any(a < 0) or not np.all(np.isfinite(a)):
        raise ValueError("load: finite numbers from 0 up are needed (arrivals a second x mean service seconds)")
    return c, a


def erlang_b(servers: ArrayLike, load: ArrayLike) -> Floats:
    """Share of arrivals turned away by `servers` without a queue (M/G/c/c), exact.

    load: offered load in erlang, arrivals a second x mean service seconds; may exceed the servers.
    Raises ValueError for servers below 1 or not whole, and for a negative or infinite load.
    Source: A. K. Erlang 1917; sums that neither overflow nor cancel up to 1e5 servers (about 3,000 terms there).

    >>> float(erlang_b(2, 1.0).round(12))  # (1/2) / (1 + 1 + 1/2)
    0.2
    """
    c, a = _servers_and_load(servers, load)
    blocked = np.zeros(c.shape)
    stable = (a > 0) & (a < c)
    blocked[stable] = _below_capacity(c[stable], a[stable])
    blocked[a >= c] = _above_capacity(c[a >= c], a[a >= c])
    return blocked


def erlang_c(servers: ArrayLike, load: ArrayLike) -> Floats:
    """Probability that an arrival has to wait in M/M/c; 1 where the load reaches the servers.

    Source: A. K. Erlang 1917, through Erlang B: C = B / (1 - rho (1 - B)).

    >>> float(erlang_c(1, 0.7).round(12))  # one server: as often as it is busy
    0.7
    """
    c, a = _servers_and_load(servers, load)
    blocked = erlang_b(c, a)
    busy = np.minimum(a / c, 1.0)
    probability: Floats = np.where(a >= c, 1.0, blocked / (1 - busy * (1 - blocked)))
    return probability


def peaked_wait(
    servers: ArrayLike,
    arrivals_per_s: ArrayLike,
    service_s: ArrayLike,
    arrival_cv: ArrayLike,
    service_cv: ArrayLike,
    peakedness: ArrayLike,
) -> tuple[Floats, Floats]:
    """(chance of waiting, mean wait in seconds over all) of G/G/c whose number in service is known to swing.

    Chance: Erlang C of servers and load both divided by the peakedness, at the same utilisation (Hayward); wait of
    those who wait: Allen-Cunneen. Exact for M/M/c, whose peakedness is 1. Raises as `erlang_c`.
    peakedness: variance over mean of the number in service, were there always room.
    Elsewhere, beside simulations of 16 to 64 servers 80 to 90 % full: right within the runs' own interval for bursts
    and constant service; up to a third too long for Poisson arrivals with heavy-tailed service (cv 1.5), where few
    servers are ever all held by long requests (tests/fleet/test_queueing_by_simulation.py, by ciw 3.2).
    Source: A. A. Fredericks 1980, "Congestion in blocking systems - a simple approximation technique"; W. Whitt 1993,
    "Approximations for the GI/G/m queue".

    >>> chance, wait_s = peaked_wait(1, 0.5, 1.0, 1.0, 1.0, 1.0)
    >>> float(chance.round(9)), float(wait_s.round(9))
    (0.5, 1.0)
    """
    count = np.asarray(servers, np.float64)
    utilization = np.asarray(arrivals_per_s, np.float64) * np.asarray(service_s, np.float64) / count
    alike = np.maximum(np.rint(count / np.maximum(np.asarray(peakedness, np.float64), 1e-9)), 1.0)
    alike, utilization = np.broadcast_arrays(alike, utilization)
    chance = erlang_c(alike, utilization * alike)
    variability = (np.square(np.asarray(arrival_cv, np.float64)) + np.square(np.asarray(service_cv, np.float64))) / 2
    one_s = np.asarray(service_s, np.float64) / np.maximum(count * (1 - utilization), 1e-12)
    wait_s: Floats = np.where(utilization >= 1, np.inf, chance * one_s * variability)
    return chance, wait_s
