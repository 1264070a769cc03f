"""Replicas for a waiting time: the smallest fleet whose queue is short enough, bursts and uneven requests included."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.fleet.queueing import erlang_c, mean_wait_s, wait_percentile_s
from capplan.fleet.replicas import Counts, smallest_count

Floats = NDArray[np.float64]


def slot_wait_percentile_s(
    replicas: ArrayLike,
    slots_per_replica: ArrayLike,
    qps: ArrayLike,
    service_s: ArrayLike,
    percentile: float,
    arrival_cv: ArrayLike = 1.0,
    service_cv: ArrayLike = 1.0,
) -> Floats:
    """How long a request waits for a batch slot, at a percentile; infinite where the load reaches the slots.

    All slots stand behind one queue, as a router that knows the free ones gives; replicas fed blindly wait longer.
    service_s: how long a request holds its slot at full batch.

    >>> float(slot_wait_percentile_s(1, 4, 3.2, 1.0, 0.95).round(3))  # M/M/4 at 80 %: ln(0.5964 / 0.05) / 0.8
    3.099
    """
    servers = np.asarray(replicas, np.int64) * np.asarray(slots_per_replica, np.int64)
    rate, service = np.asarray(qps, np.float64), np.asarray(service_s, np.float64)
    mean = mean_wait_s(servers, rate, service, arrival_cv, service_cv)
    probability = erlang_c(servers, rate * service)
    finite = np.isfinite(mean)
    wait = wait_percentile_s(percentile, probability, np.where(finite, mean, 0.0))
    result: Floats = np.where(finite, wait, np.inf)
    return result


def replicas_for_wait(
    target_s: ArrayLike,
    slots_per_replica: ArrayLike,
    qps: ArrayLike,
    service_s: ArrayLike,
    percentile: float,
    arrival_cv: ArrayLike = 1.0,
    service_cv: ArrayLike = 1.0,
) -> Counts:
    """The smallest number of replicas whose wait at the percentile is at most `target_s`, exact, 1 at least.

    >>> int(replicas_for_wait(0.5, 4, 3.2, 1.0, 0.95))
    2
    """
    shape = np.broadcast_shapes(*map(np.shape, (target_s, slots_per_replica, qps, service_s, arrival_cv, service_cv)))
    given = (target_s, slots_per_replica, qps, service_s, arrival_cv, service_cv)
    target, slots, rate, service, gaps, work = (np.broadcast_to(np.asarray(value), shape) for value in given)

    def enough(count: Counts) -> NDArray[np.bool_]:
        wait = slot_wait_percentile_s(count.reshape(shape), slots, rate, service, percentile, gaps, work)
        return np.atleast_1d(wait <= target)

    # The first count that is not overloaded; fewer can never be enough.
    floor = np.maximum(np.floor(rate * service / slots).astype(np.int64), 1)
    return smallest_count(enough, floor)
