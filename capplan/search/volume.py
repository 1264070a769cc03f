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
    if naive == 0:
        return Volumes(0.0, 0.0, 0.0, searched)
    first = _edge(fleet_usd, usd_per_query, low, searched, last=False)
    dearer_for_good = float(fleet_usd(np.array([searched]))[0]) >= usd_per_query * searched
    stays = None if dearer_for_good else _edge(fleet_usd, usd_per_query, low, searched, last=True)
    return Volumes(naive, first, stays, searched)


def _edge(fleet_usd: Cost, price: float, low: float, high: float, last: bool) -> float | None:
    """The least volume at which the fleet is cheaper; with `last` the largest at which it still is dearer.

    To a ten-millionth. The grid runs from the wanted end to the other one, so both are the first point that holds.
    """
    holds = np.greater_equal if last else np.less
    spans = [(high, low) if last else (low, high)]
    for _ in range(_MOST_ROUNDS):
        if not spans:
            return None
        near, far = spans.pop()
        if abs(far - near) <= 1e-7 * max(near, far):
            return max(near, far)
        grid = np.geomspace(near, far, _POINTS)
        cost = fleet_usd(grid)
        held = np.flatnonzero(holds(cost, price * grid))
        upto = int(held[0]) if held.size else _POINTS
        if upto == 0:
            return float(near)
        # Between two points the fleet costs no more than at the larger and no less than at the smaller one.
        possible = np.flatnonzero(holds(cost[:-1], price * grid[1:]))
        spans += [(float(grid[i]), float(grid[i + 1])) for i in reversed(possible) if i < upto]
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
