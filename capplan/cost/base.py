"""A reserved base with the day's peak rented by the hour above it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def hourly_nodes(nodes: ArrayLike, curve: ArrayLike) -> Floats:
    """Whole nodes that each hour of the day needs; shape of `nodes` and one axis of hours.

    nodes: the fleet of the busiest hour. curve: rates of the hours, in any unit.
    A smaller fleet is taken to carry load in proportion; it would need a little more, its queues being shorter pooled.

    >>> hourly_nodes(10, [0.5, 1.0, 2.0]).tolist()
    [3.0, 5.0, 10.0]
    """
    rates = np.asarray(curve, np.float64)
    if rates.ndim != 1 or not rates.size or np.any(~(rates >= 0)) or rates.max() <= 0:
        raise ValueError("a load curve is a row of rates from 0 up, one at least above 0")
    share = rates / rates.max()
    need: Floats = np.ceil(np.asarray(nodes, np.float64)[..., None] * share * (1 - 1e-9))
    return need


def above(need: ArrayLike, base: ArrayLike) -> Floats:
    """What stands above the base, averaged over the hours: the same as so many rented around the clock."""
    over: Floats = np.maximum(np.asarray(need, np.float64) - np.asarray(base, np.float64)[..., None], 0.0).mean(axis=-1)
    return over


def cheapest_base(need: ArrayLike, base_usd_per_s: ArrayLike, peak_usd_per_s: ArrayLike) -> Floats:
    """The base that makes base and peak together cheapest; of several, the smallest. Shape of `need` without its hours.

    need: whole nodes by the hour, shape (..., hours). A node belongs to the base where the share of the hours that need
    it is above the quotient of the two prices (the newsvendor's rule), so only needs that occur can be the answer.
    Prices are of one GPU, or of one node both.

    >>> float(cheapest_base([2, 2, 4, 10], 1.0, 3.0))  # the third and fourth node are needed half the time, above 1/3
    4.0
    """
    hours = np.asarray(need, np.float64)
    bases = np.concatenate([np.zeros((*hours.shape[:-1], 1)), np.sort(hours, axis=-1)], axis=-1)
    over = np.maximum(hours[..., None, :] - bases[..., :, None], 0.0).mean(axis=-1)
    low, high = (np.asarray(price, np.float64)[..., None] for price in (base_usd_per_s, peak_usd_per_s))
    cost = bases * low + over * high
    best = np.argmin(np.round(cost, 12), axis=-1)
    chosen: Floats = np.take_along_axis(bases, best[..., None], axis=-1)[..., 0]
    return chosen
