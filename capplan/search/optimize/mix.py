"""Several GPU types at once: classes of requests by length, each on the pools that serve them cheapest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Offer:
    """Kinds of pools to choose from. capacity: requests/s of each class that one replica serves when it serves nothing
    else, shape (classes, pools), 0 where it cannot. usd: a year of one replica; gpus: of one replica. kind: the place
    of its GPU type, shape (pools,); stock: GPUs of each type that can be had, infinite without a limit; most_gpus: of
    all types together."""

    capacity: Floats
    usd: Floats
    gpus: Floats
    kind: NDArray[np.int64]
    stock: Floats
    most_gpus: float = np.inf


@dataclass(frozen=True)
class Mix:
    """replicas: of each pool. share: of each class that each pool serves, shape (classes, pools). usd: a year."""

    replicas: NDArray[np.int64]
    share: Floats
    usd: float


def cheapest_mix(rate_per_s: Floats, offer: Offer) -> Mix | None:
    """Whole replicas of each pool that serve all classes at the least cost; None where the stock does not do.

    A replica's time is divided between classes: a pool's load is the sum of rate / capacity over what it serves.
    rate_per_s: of each class, shape (classes,).
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # loaded by `--mix` only

    classes, pools = offer.capacity.shape
    able = np.greater(offer.capacity, 0)
    if not bool(np.all(np.any(able, axis=1) | (rate_per_s <= 0))):
        return None
    load = np.where(able, rate_per_s[:, None] / np.where(able, offer.capacity, 1.0), 0.0)
    shares = classes * pools
    cost = np.concatenate([np.zeros(shares), offer.usd])
    served = np.zeros((classes, shares + pools))
    for one in range(classes):
        served[one, one * pools : (one + 1) * pools] = 1.0
    filled = np.zeros((pools, shares + pools))
    for pool in range(pools):
        filled[pool, pool:shares:pools] = load[:, pool]
        filled[pool, shares + pool] = -1.0
    rules = [LinearConstraint(served, 1.0, 1.0), LinearConstraint(filled, -np.inf, 0.0)]
    limited = np.flatnonzero(np.isfinite(offer.stock))
    if len(limited):
        used = np.zeros((len(limited), shares + pools))
        for row, kind in enumerate(limited):
            used[row, shares:] = np.where(offer.kind == kind, offer.gpus, 0.0)
        rules.append(LinearConstraint(used, -np.inf, offer.stock[limited]))
    if np.isfinite(offer.most_gpus):
        rules.append(LinearConstraint(np.concatenate([np.zeros(shares), offer.gpus]), -np.inf, offer.most_gpus))
    most = np.concatenate([able.ravel().astype(np.float64), np.full(pools, np.inf)])
    whole = np.concatenate([np.zeros(shares), np.ones(pools)])
    # HiGHS stops at a gap of 1e-4 unless told otherwise: at a million dollars that is a GPU.
    solved: Any = milp(cost, constraints=rules, bounds=Bounds(0.0, most), integrality=whole,
                       options={"mip_rel_gap": 0.0})  # fmt: skip
    if solved.x is None or not solved.success:
        return None
    replicas = np.rint(solved.x[shares:]).astype(np.int64)
    return Mix(replicas, solved.x[:shares].reshape(classes, pools), float(replicas @ offer.usd))


def best_single(rate_per_s: Floats, offer: Offer) -> tuple[int, Mix] | None:
    """(GPU type, mix) of the cheapest fleet of one type; None where no type does alone."""
    found: list[tuple[int, Mix]] = []
    for kind in np.unique(offer.kind):
        own = np.flatnonzero(offer.kind == kind)
        part = replace(offer, capacity=offer.capacity[:, own], usd=offer.usd[own], gpus=offer.gpus[own],
                       kind=offer.kind[own])  # fmt: skip
        mix = cheapest_mix(rate_per_s, part)
        if mix is not None:
            replicas = np.zeros(len(offer.usd), np.int64)
            share = np.zeros(offer.capacity.shape)
            replicas[own], share[:, own] = mix.replicas, mix.share
            found.append((int(kind), Mix(replicas, share, mix.usd)))
    return min(found, key=lambda pair: pair[1].usd, default=None)
