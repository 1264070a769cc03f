"""The volume from which a fleet of whole nodes stays cheaper than a price per query: a step function against a line."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Cost = Callable[[Floats], Floats]

_POINTS = 400
_MOST_ROUNDS = 200


@dataclass(frozen=True)
class Volumes:
    """Queries a month.

    naive: the smallest fleet's cost over the price of a query, whether it could serve them or not. first: the least at
    which the fleet is cheaper, though the next node may turn it dearer again. stays: from which it is cheaper up to
    `searched`. None where there is none.
    """

    naive: float
    first: float | None
    stays: float | None
    searched: float


def volumes(fleet_usd: Cost, usd_per_query: float, searched: float) -> Volumes:
    """Where the yearly or monthly cost of a fleet and `usd_per_query` times the volume swap places.

    fleet_usd: cost of the fleet for volumes (rising), same period as the volumes; it never falls as volumes grow, which
    bounds it between any two of them: no step between grid points is missed. searched: the largest volume looked at.
    """
    least = float(fleet_usd(np.array([1e-12 * searched]))[0])
    naive = least / usd_per_query if usd_per_query > 0 else math.inf
    low = min(naive, searched) * 1e-3
    if not math.isfinite(low) or naive > searched:
        return Volumes(naive, None, None, searched)
    first = _first_cheaper(fleet_usd, usd_per_query, low, searched)
    stays = _last_dearer(fleet_usd, usd_per_query, low, searched)
    return Volumes(naive, first, stays, searched)


def _last_dearer(fleet_usd: Cost, price: float, low: float, high: float) -> float | None:
    """The largest volume at which the fleet still is dearer, to a ten-millionth; None where it is at `high`."""
    if float(fleet_usd(np.array([high]))[0]) >= price * high:
        return None
    spans = [(low, high)]
    for _ in range(_MOST_ROUNDS):
        if not spans:
            return low
        left, right = spans.pop()
        if right - left <= 1e-7 * right:
            return right
        grid = np.geomspace(left, right, _POINTS)
        cost = fleet_usd(grid)
        dearer = np.flatnonzero(cost >= price * grid)
        # Between two points the fleet costs at most what it costs at the right one.
        possible = np.flatnonzero(cost[1:] >= price * grid[:-1])
        from_here = int(dearer[-1]) if dearer.size else -1
        spans += [(float(grid[i]), float(grid[i + 1])) for i in possible if i >= from_here]
        if not possible.size and dearer.size:
            return float(grid[from_here])
    return None


def _first_cheaper(fleet_usd: Cost, price: float, low: float, high: float) -> float | None:
    """The least volume at which the fleet is cheaper, to a ten-millionth."""
    spans = [(low, high)]
    for _ in range(_MOST_ROUNDS):
        if not spans:
            return None
        left, right = spans.pop()
        if right - left <= 1e-7 * right:
            return right
        grid = np.geomspace(left, right, _POINTS)
        cost = fleet_usd(grid)
        cheaper = np.flatnonzero(cost < price * grid)
        upto = int(cheaper[0]) if cheaper.size else _POINTS
        # Between two points the fleet costs at least what it costs at the left one.
        possible = [i for i in np.flatnonzero(cost[:-1] < price * grid[1:]) if i < upto]
        if cheaper.size:
            # A span that ends where it is cheaper holds the answer, whatever else does.
            spans.append((float(grid[max(upto - 1, 0)]), float(grid[upto])))
        spans += [(float(grid[i]), float(grid[i + 1])) for i in reversed(possible) if i + 1 != upto]
    return None


def crossing(difference: Callable[[Floats], Floats], low: float, high: float) -> float | None:
    """The root of `difference` nearest to 1 on a logarithmic axis, None where its sign never changes."""
    grid = np.geomspace(low, high, _POINTS)
    for _ in range(4):
        values: Any = difference(grid)
        at = np.flatnonzero(np.sign(values[1:]) != np.sign(values[:-1]))
        if not at.size:
            return None
        near = int(at[np.argmin(np.abs(np.log(grid[at])))])
        grid = np.geomspace(grid[near], grid[near + 1], 41)
    return float(np.sqrt(grid[0] * grid[-1]))
