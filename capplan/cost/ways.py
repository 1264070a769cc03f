"""How a rented fleet is split over its ways of renting: shares, minimum commitments, a base and what is above it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from capplan.cost.base import above, cheapest_base, hourly_nodes
from capplan.cost.rent import WAYS
from capplan.errors import UserError
from capplan.scenario.cost import Cost

Floats = NDArray[np.float64]
Prices = Mapping[str, float | Floats]
# Paid for while they stand; other GPUs are kept around the clock.
HOURLY = ("on_demand", "spot")


def rented_shares(
    cost: Cost, shares: Mapping[str, float], prices: Prices, gpus: Floats, nodes: Floats, need: Floats | None = None
) -> Floats:
    """GPUs paid for around the clock in each of WAYS, over the GPUs of the fleet; shape (ways, rows).

    shares, prices (USD a second for one GPU; a number or one a row): by way. They add up to more than the shares where
    a minimum asks for more, and to less where some GPUs are rented for some hours only.
    need: nodes that stand in each part of the day, shape (rows, parts); None where all do, or follow `cost.peak`.
    """
    made = {way: np.full(gpus.shape, shares.get(way, 0.0)) for way in WAYS}
    peak, whole = cost.peak, np.maximum(nodes, 1.0)
    by_hour = sum(shares.get(way, 0.0) for way in HOURLY)
    if peak is not None:
        base, over = split(cost, nodes, prices["reserved"], prices[peak.pricing], need)
        made["reserved"], made[peak.pricing] = base / whole, over / whole
    elif need is not None and by_hour:
        stands = above(need, (1 - by_hour) * nodes) / whole / by_hour
        made |= {way: made[way] * stands for way in HOURLY}
    if cost.minimum_gpus:
        made["reserved"] = np.where(gpus > 0, np.maximum(made["reserved"], cost.minimum_gpus / np.maximum(gpus, 1)), 0)
    return np.array([made[way] for way in WAYS])


def split(
    cost: Cost,
    nodes: Floats,
    reserved_usd_per_s: float | Floats,
    peak_usd_per_s: float | Floats,
    need: Floats | None = None,
) -> tuple[Floats, Floats]:
    """(nodes of the base, mean nodes above it) under the scenario's `peak`; the base is the cheapest unless given.

    Raises UserError for a workload without hours of a day.
    """
    if cost.peak is None:
        raise ValueError("the scenario has no peak above a base")
    need = hourly_nodes(nodes, day(cost.peak.curve)) if need is None else need
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
