"""Percentiles of a sum: waiting in the queue, then service of any distribution."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.reasoning import normal

Floats = NDArray[np.float64]

# Shares at which a service time is sampled: even steps of the normal score, so a lognormal tail is sampled as finely as
# its middle, from 0.05 % to 99.993 %.
LEVELS: Floats = normal.cdf(np.linspace(-3.3, 3.8, 72))
_BISECTIONS = 40  # halves the bracket to 1e-12 of itself


def lognormal_service_s(mean_s: ArrayLike, cv: ArrayLike) -> Floats:
    """Service times at `LEVELS` of a lognormal law; the inputs' shape with one axis more.

    cv: coefficient of variation, 0 for a constant.

    >>> float(lognormal_service_s(2.0, 0.0)[3])
    2.0
    """
    mean, spread = np.broadcast_arrays(np.asarray(mean_s, np.float64), np.asarray(cv, np.float64))
    variance = np.log1p(np.square(spread))[..., None]
    values: Floats = mean[..., None] * np.exp(np.sqrt(variance) * normal.quantile(LEVELS) - variance / 2)
    return values


def _share_done(time_s: Floats, wait_probability: Floats, wait_rate_per_s: Floats, service_s: Floats) -> Floats:
    """P(wait + service <= time), the service's quantile function taken as straight between `LEVELS`.

    Within one cell of shares the service time is uniform, so its sum with an exponential wait integrates exactly.
    All but service_s: shape (..., 1); service_s: (..., levels). Returns shape (...).
    """
    low, high = service_s[..., :-1], service_s[..., 1:]
    width = high - low
    reached = np.clip(time_s, low, high) - low
    part = np.where(width > 0, reached / np.where(width > 0, width, 1.0), (time_s >= high).astype(np.float64))
    # Mean over the cell of exp(-rate (time - s)) for the service times s that the time has reached.
    since = np.maximum(time_s - low - reached, 0.0)
    exponent = wait_rate_per_s * reached
    averaged = np.where(exponent > 1e-9, -np.expm1(-exponent) / np.where(exponent > 1e-9, exponent, 1.0), 1.0)
    still_waiting = wait_probability * np.exp(-wait_rate_per_s * since) * averaged
    cells = np.diff(LEVELS)
    inner = (cells * part * (1 - still_waiting)).sum(axis=-1)
    # The two ends beyond the outermost levels count as atoms there.
    for share, value in ((LEVELS[0], service_s[..., :1]), (1 - LEVELS[-1], service_s[..., -1:])):
        gone = (time_s >= value) * (1 - wait_probability * np.exp(-wait_rate_per_s * np.maximum(time_s - value, 0.0)))
        inner = inner + share * gone[..., 0]
    result: Floats = inner
    return result


def sojourn_percentile_s(
    percentile: float, wait_probability: ArrayLike, mean_wait_s: ArrayLike, service_s: ArrayLike
) -> Floats:
    """The time, waiting and service together, that a share `percentile` of requests does not exceed.

    Wait and service are independent; those who wait, wait exponentially. A percentile of the sum is less than the
    sum of the percentiles, often by a third.
    percentile: 0 < p <= 0.999 (beyond, the sampled tail would decide).
    wait_probability, mean_wait_s: of `queueing`, shape (...); an infinite mean wait gives an infinite result.
    service_s: service times at `LEVELS`, shape (..., len(LEVELS)), rising.
    Raises ValueError for a percentile outside its range.

    >>> constant = lognormal_service_s(1.0, 0.0)
    >>> float(sojourn_percentile_s(0.95, 0.5, 1.0, constant).round(3))  # 1 s + the 4.605 s wait
    5.605
    """
    if not 0 < percentile <= 0.999:
        raise ValueError(f"percentile {percentile}: between 0 and 0.999 is needed")
    service = np.asarray(service_s, np.float64)
    shape = np.broadcast_shapes(np.shape(wait_probability), np.shape(mean_wait_s), service.shape[:-1])
    probability = np.broadcast_to(np.asarray(wait_probability, np.float64), shape)[..., None]
    mean = np.broadcast_to(np.asarray(mean_wait_s, np.float64), shape)[..., None]
    service = np.broadcast_to(service, (*shape, service.shape[-1]))
    overloaded = ~np.isfinite(mean)
    waits = (probability > 0) & (mean > 0) & ~overloaded
    probability = np.where(waits, probability, 0.0)
    rate = np.where(waits, probability / np.where(waits, mean, 1.0), 1.0)
    tail = np.where(waits, np.log(np.maximum(probability / (1 - percentile), 1.0) * 2) / rate, 0.0)
    low, high = np.zeros_like(tail), service[..., -1:] + np.maximum(tail, 0.0) + 50 / rate * waits
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        done = _share_done(middle, probability, rate, service)[..., None] >= percentile
        low, high = np.where(done, low, middle), np.where(done, middle, high)
    result: Floats = np.where(overloaded, np.inf, high)[..., 0]
    return result
