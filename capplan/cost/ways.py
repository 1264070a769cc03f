"""How a rented fleet is split over its ways of renting: shares, minimum commitments, a base with a peak, evictions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from capplan.cost.base import above, cheapest_base, eviction_factor, hourly_nodes
from capplan.cost.rent import WAYS
from capplan.errors import UserError
from capplan.scenario.cost import Cost

Floats = NDArray[np.float64]
Prices = Mapping[str, float | Floats]


def rented_shares(
    cost: Cost, shares: Mapping[str, float], prices: Prices, gpus: Floats, nodes: Floats, lost_s: Floats
) -> Floats:
    """GPUs paid for around the clock in each of WAYS, over the GPUs of the fleet; shape (ways, rows).

    shares, prices (USD a second for one GPU; a number or one a row): by way. They add up to more than the shares where
    evictions or a minimum ask for more, and to less where a peak is rented for some hours only.
    """
    made = {way: np.full(gpus.shape, shares.get(way, 0.0)) for way in WAYS}
    peak = cost.peak
    if peak is not None:
        base, over = split(cost, nodes, prices["reserved"], prices[peak.pricing])
        whole = np.maximum(nodes, 1.0)
        made["reserved"], made[peak.pricing] = base / whole, over / whole
    if cost.minimum_gpus:
        made["reserved"] = np.where(gpus > 0, np.maximum(made["reserved"], cost.minimum_gpus / np.maximum(gpus, 1)), 0)
    if cost.spot.eviction_every_s is not None:
        made["spot"] = made["spot"] * eviction_factor(cost.spot.eviction_every_s, cost.spot.restart_s, lost_s)
    return np.array([made[way] for way in WAYS])


def split(
    cost: Cost, nodes: Floats, reserved_usd_per_s: float | Floats, peak_usd_per_s: float | Floats
) -> tuple[Floats, Floats]:
    """(nodes of the base, mean nodes above it) under the scenario's `peak`; the base is the cheapest unless given.

    Raises UserError for a workload without hours of a day.
    """
    if cost.peak is None:
        raise ValueError("the scenario has no peak above a base")
    need = hourly_nodes(nodes, day(cost.peak.curve))
    if cost.peak.base is not None:
        base = np.ceil(nodes * cost.peak.base * (1 - 1e-9))
    else:
        base = cheapest_base(need, reserved_usd_per_s, peak_usd_per_s)
    return base, above(need, base)


def day(workload: str) -> tuple[float, ...]:
    """The hourly rates of a shipped workload over their mean; raises UserError naming those that have them."""
    from capplan.catalog import files
    from capplan.catalog.workloads import workload as found  # read only where a fleet follows the day

    curve = found(workload).diurnal
    if not curve:
        known = [name for name in files.names("workloads") if found(name).diurnal]
        raise UserError(
            f"cost.peak.curve: {workload} has no hours of a day (workloads that have them: {', '.join(known)})"
        )
    return curve
