"""The yearly bill of sized fleets, and the energy behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from capplan.cost import terms
from capplan.cost.energy import annual_kg_co2e, annual_kwh, fleet_power_w, power_w
from capplan.cost.lines import CostLines
from capplan.cost.ownership import OwnershipTerms, own, spare_nodes, stack
from capplan.cost.rent import rented
from capplan.engine.excuse import Assumption
from capplan.engine.usage import bandwidth_utilization, compute_utilization
from capplan.plan.deployment import Deployment
from capplan.plan.load import Load
from capplan.plan.sizing import Sizing
from capplan.scenario.schema import Scenario


@dataclass(frozen=True)
class Bill:
    """Cost lines and energy of fleets, arrays of shape (scenarios,)."""

    lines: CostLines
    kwh: Any
    kg_co2e: Any
    power_w: Any
    assumptions: tuple[tuple[Assumption, ...], ...]


def bill(scenarios: Sequence[Scenario], deployment: Deployment, load: Load, sizing: Sizing) -> Bill:
    """What the fleets cost a year as the scenarios pay for them.

    Boards draw what the mean load makes them draw; GPUs of a node that no replica uses idle.
    Raises PriceError or MissingFigure naming what has no price or power.
    """
    chip = deployment.accelerator
    pue = np.array([s.cost.pue for s in scenarios], np.float64)
    carbon = np.array([s.cost.carbon_intensity_kg_per_j for s in scenarios], np.float64)
    board_w = _board_w(deployment, load, sizing)
    it_w = fleet_power_w(board_w, sizing.gpus)
    kwh = annual_kwh(it_w, pue)
    owned = np.array([s.cost.pricing.share("own") for s in scenarios], np.float64)
    columns = []
    bought: list[OwnershipTerms | None] = [
        terms.ownership_terms(s.cost, chip) if s.cost.pricing.share("own") > 0 else None for s in scenarios
    ]
    if any(bought):
        columns.append(_own(bought, sizing, owned, board_w))
    columns += _rented(scenarios, chip.name, sizing)
    said = tuple(terms.assumptions(s.cost, chip, b) for s, b in zip(scenarios, bought, strict=True))
    lines = columns[0]
    for more in columns[1:]:
        lines = lines + more
    return Bill(lines, kwh, annual_kg_co2e(kwh, carbon), it_w * pue, said)


def _board_w(deployment: Deployment, load: Load, sizing: Sizing) -> Any:
    """Mean power of one board over the year, those that stand idle in their node included."""
    state, replica = sizing.mean, sizing.replica
    compute = compute_utilization(replica, load.requests, state)
    bandwidth = bandwidth_utilization(replica, load.requests, state)
    # Below one sequence in decode the engine is at rest part of the time.
    busy = np.clip(state.decoding, 0.0, 1.0)
    used = np.asarray(replica.work.layout.gpus) * sizing.replicas / np.maximum(sizing.gpus, 1)
    return power_w(
        deployment.accelerator, compute / np.maximum(busy, 1e-9), bandwidth / np.maximum(busy, 1e-9), busy * used
    )


def _own(bought: Sequence[OwnershipTerms | None], sizing: Sizing, share: Any, board_w: Any) -> CostLines:
    some = next(b for b in bought if b is not None)
    figures = stack([b or some for b in bought])
    network = np.asarray(figures.network_usd_per_gpu, np.float64)
    if np.isnan(network).any():
        tier = terms.network_usd_per_gpu(sizing.gpus, sizing.nodes)
        figures = _with_network(figures, np.where(np.isnan(network), tier, network))
    return own(figures, sizing.gpus * share, sizing.nodes * share, board_w)


def _with_network(figures: OwnershipTerms, network: Any) -> OwnershipTerms:
    from dataclasses import replace

    return replace(figures, network_usd_per_gpu=network)


def _rented(scenarios: Sequence[Scenario], chip: str, sizing: Sizing) -> list[CostLines]:
    """Rent by way: each way's share and price per scenario, 0 where it is not used. Spares are rented too."""
    found = [dict((rent.way, (rent, share)) for rent, share in terms.rents(s.cost, chip)) for s in scenarios]
    ways = sorted({way for one in found for way in one})
    if not ways:
        return []
    spare = spare_nodes(sizing.nodes, np.array([s.cost.spares for s in scenarios], np.float64))
    gpus = sizing.gpus * (1.0 + spare / np.maximum(sizing.nodes, 1))
    rows = []
    for way in ways:
        share = np.array([one[way][1] if way in one else 0.0 for one in found], np.float64)
        price = np.array([one[way][0].usd_per_s if way in one else 0.0 for one in found], np.float64)
        rows.append((way, share, price, next(one[way][0].basis for one in found if way in one)))
    return [rented(gpus, rows)]
