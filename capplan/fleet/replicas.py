"""How many replicas, GPUs and nodes a load needs: whole ones, with room to breathe."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.records import dataclass

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# 100 requests/s at 0.8 x 12.5 each are 10 replicas, though 100 / (12.5 * 0.8) may come out one bit above 10.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Fleet:
    """What has to stand ready; every field has the shape of the sweep.

    replicas: serving copies, redundancy included. gpus: all GPUs of the nodes taken, idle ones too: they are paid.
    utilization: mean load over the capacity of all replicas.
    """

    replicas: Counts
    nodes: Counts
    gpus: Counts
    utilization: Floats


def replicas_needed(
    qps_peak: ArrayLike,
    requests_per_s_per_replica: ArrayLike,
    max_utilization: ArrayLike = 1.0,
    redundancy: ArrayLike = 0,
) -> Counts:
    """Whole replicas for the peak load, each filled to `max_utilization` at most, and `redundancy` more.

    No load needs no replicas; any load needs one at least.
    Raises ValueError where a capacity or a utilization is not above 0, or a utilization is above 1.

    >>> int(replicas_needed(100, 12.5, 0.8)), int(replicas_needed(100, 12.5, 0.8, redundancy=1))
    (10, 11)
    """
    qps, capacity, cap, spare = np.broadcast_arrays(
        np.asarray(qps_peak, np.float64), np.asarray(requests_per_s_per_replica, np.float64),
        np.asarray(max_utilization, np.float64), np.asarray(redundancy, np.int64),
    )  # fmt: skip
    if np.any(~(capacity > 0)):
        raise ValueError("requests_per_s_per_replica: above 0 is needed; a plan that serves nothing has no fleet")
    if np.any(~(cap > 0)) or np.any(cap > 1):
        raise ValueError("max_utilization: a ratio above 0 and up to 1 is needed")
    if np.any(~(qps >= 0)) or np.any(~np.isfinite(qps)):
        raise ValueError("qps_peak: a finite rate from 0 up is needed")
    serving = np.ceil(qps / (capacity * cap) * (1 - _ROUNDING))
    serving = np.where(qps > 0, np.maximum(serving, 1), 0)
    counts: Counts = serving.astype(np.int64) + np.where(qps > 0, spare, 0)
    return counts


def nodes_needed(replicas: ArrayLike, gpus_per_replica: ArrayLike, node_gpus: ArrayLike) -> Counts:
    """Whole nodes for whole replicas: replicas share a node, a replica larger than a node takes whole ones.

    A replica is never cut across two nodes that it shares, so 3-GPU replicas leave 2 of 8 GPUs idle.

    >>> [int(nodes_needed(5, size, 8)) for size in (1, 2, 3, 8, 16)]
    [1, 2, 3, 5, 10]
    """
    count, size, node = np.broadcast_arrays(
        np.asarray(replicas, np.int64), np.asarray(gpus_per_replica, np.int64), np.asarray(node_gpus, np.int64)
    )
    if np.any(size < 1) or np.any(node < 1):
        raise ValueError("gpus_per_replica and node_gpus: 1 or more are needed")
    shared = -(-count // np.maximum(node // size, 1))
    nodes: Counts = np.where(size > node, count * -(-size // node), shared)
    return nodes


def fleet(
    qps_mean: ArrayLike,
    qps_peak: ArrayLike,
    requests_per_s_per_replica: ArrayLike,
    gpus_per_replica: ArrayLike,
    node_gpus: ArrayLike,
    max_utilization: ArrayLike = 1.0,
    redundancy: ArrayLike = 0,
) -> Fleet:
    """The fleet for a peak load, in whole replicas and whole nodes; raises what its two halves raise."""
    replicas = replicas_needed(qps_peak, requests_per_s_per_replica, max_utilization, redundancy)
    nodes = nodes_needed(replicas, gpus_per_replica, node_gpus)
    capacity = replicas * np.asarray(requests_per_s_per_replica, np.float64)
    load = np.broadcast_to(np.asarray(qps_mean, np.float64), capacity.shape)
    utilization = np.where(capacity > 0, load / np.where(capacity > 0, capacity, 1.0), 0.0)
    return Fleet(
        replicas=replicas,
        nodes=nodes,
        gpus=nodes * np.asarray(node_gpus, np.int64),
        utilization=utilization,
    )


def smallest_count(enough: Callable[[Counts], NDArray[np.bool_]], start: ArrayLike, limit: int = 1 << 40) -> Counts:
    """The smallest count from `start` up at which `enough` holds, exact, for every element at once.

    enough: once true it stays true as the count grows (a wait that only falls with more replicas).
    Elements that are not satisfied at `limit` give -1.

    >>> int(smallest_count(lambda n: n * 3 >= 100, 1))
    34
    """
    low = np.atleast_1d(np.asarray(start, np.int64)) - 1  # not enough yet, or not looked at
    high = np.maximum(low + 1, 1)
    unsolved = ~enough(high)
    while np.any(unsolved & (high < limit)):
        low = np.where(unsolved, high, low)
        high = np.where(unsolved, np.minimum(high * 2, limit), high)
        unsolved = ~enough(high)
    while np.any(high - low > 1):
        middle = low + (high - low) // 2
        holds = enough(np.maximum(middle, 1))
        open_ = high - low > 1  # a settled element waits for the others
        low, high = np.where(open_ & ~holds, middle, low), np.where(open_ & holds, middle, high)
    found: Counts = np.where(unsolved, -1, high).reshape(np.shape(start))
    return found
