"""The bill of one scenario's fleets while prices and rates vary by row: a Monte-Carlo's or a sweep's, in one call."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.catalog.accelerators import Accelerator
from capplan.cost.bill import Bill, kept_board_w
from capplan.cost.energy import YEAR_S, annual_kg_co2e, annual_kwh, fleet_power_w, idle_w
from capplan.cost.lines import CostLines
from capplan.cost.ownership import OwnershipTerms, own, spare_nodes
from capplan.cost.place import place
from capplan.cost.rent import WAYS, rented
from capplan.cost.terms import network_usd_per_gpu, ownership_terms, rents
from capplan.cost.ways import rented_shares
from capplan.scenario.cost import Cost

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

# Scenario keys that may vary by row and the figures of the bill that they are; years and prices of nodes are converted.
_OWNED = {
    "cost.purchase_price": "gpu_price_usd",
    "cost.network_price": "network_usd_per_gpu",
    "cost.installation": "installation",
    "cost.residual_value": "residual_value",
    "cost.interest": "interest",
    "cost.maintenance": "maintenance",
    "cost.spares": "spares",
    "cost.staff": "staff_usd_per_year",
    "cost.software": "software_usd_per_gpu_year",
    "cost.colocation": "colocation_usd_per_w_s",
    "cost.pue": "pue",
    "cost.electricity": "electricity_usd_per_j",
}
_OTHERS = ("cost.node_price", "cost.amortization", "cost.gpu_hourly", "cost.carbon_intensity", "cost.peak.gpu_hourly")
# What one GPU rents for by way, where each has a price of its own: `cost.gpu_hourly.spot`.
_BY_WAY = {f"cost.gpu_hourly.{way}": way for way in WAYS}

KEYS = frozenset({*_OWNED, *_OTHERS, *_BY_WAY})


def varied_bill(
    cost: Cost,
    accelerator: Accelerator,
    gpus: ArrayLike,
    nodes: ArrayLike,
    mean_power_w: ArrayLike,
    standing_nodes: Floats | None = None,
    values: Values | None = None,
) -> Bill:
    """As `bill.bill` for one `cost` section, of which the keys in `values` differ from row to row.

    gpus, nodes, mean_power_w and each of values: shape (rows,) or scalar; values in SI, by scenario key.
    """
    given = {key: np.asarray(value, np.float64) for key, value in (values or {}).items()}
    count = np.atleast_1d(np.asarray(gpus, np.float64))
    node_count = np.broadcast_to(np.asarray(nodes, np.float64), count.shape)
    owned = cost.pricing.share("own")
    hired = None
    if owned < 1:
        whole = node_count + spare_nodes(node_count, given.get("cost.spares", cost.spares))
        fleet = count + (whole - node_count) * count / np.maximum(node_count, 1)
        stand = None if standing_nodes is None else standing_nodes + (whole - node_count)[..., None]
        hired, share = _rented(cost, accelerator.name, fleet, whole, stand, given)
        kept = np.minimum(owned + share, 1.0)
    board_w = kept_board_w(mean_power_w, idle_w(accelerator), kept) if hired else mean_power_w
    standing = count * kept if hired else count
    parts = [hired] if hired else []
    if owned:
        terms = _terms(cost, accelerator, given)
        fixed = np.asarray(terms.network_usd_per_gpu, np.float64)
        network = np.where(np.isnan(fixed), network_usd_per_gpu(count * owned, node_count), fixed)
        terms = replace(terms, network_usd_per_gpu=network)
        parts.insert(0, own(terms, count * owned, node_count * owned, board_w))
    lines = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    here = place(cost)
    kwh = annual_kwh(fleet_power_w(board_w, standing), given.get("cost.pue", here.pue))
    carbon = given.get("cost.carbon_intensity", here.carbon_kg_per_j)
    return Bill(lines, kwh, annual_kg_co2e(kwh, carbon))


def _terms(cost: Cost, accelerator: Accelerator, given: Mapping[str, Floats]) -> OwnershipTerms:
    changes: dict[str, Any] = {field: given[key] for key, field in _OWNED.items() if key in given}
    if "cost.node_price" in given:
        changes["host_usd_per_gpu"] = given["cost.node_price"] / accelerator.node_gpus
    if "cost.amortization" in given:
        changes["amortization_years"] = given["cost.amortization"] / YEAR_S
    return replace(ownership_terms(cost, accelerator), **changes)


def _rented(
    cost: Cost, accelerator: str, gpus: Floats, nodes: Floats, need: Floats | None, given: Mapping[str, Floats]
) -> tuple[CostLines, Floats]:
    """The lines, and the share of the fleet that is rented in the mean over the day."""
    held = rents(cost, accelerator)
    prices: dict[str, float | Floats] = {rent.way: rent.usd_per_s for rent, _ in held}
    if "cost.gpu_hourly" in given:
        base = [way for way, _ in cost.pricing.shares if way != "own"]
        prices |= dict.fromkeys(base, given["cost.gpu_hourly"])
    prices |= {way: given[key] for key, way in _BY_WAY.items() if key in given}
    if cost.peak is not None and "cost.peak.gpu_hourly" in given:
        prices[cost.peak.pricing] = given["cost.peak.gpu_hourly"]
    shares = rented_shares(cost, {rent.way: share for rent, share in held}, prices, gpus, nodes, need)
    basis = {rent.way: rent.basis for rent, _ in held}
    lines = rented(gpus, [(way, shares[WAYS.index(way)], prices[way], basis[way]) for way in WAYS if way in prices])
    return lines, shares.sum(axis=0)
