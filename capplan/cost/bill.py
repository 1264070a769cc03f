"""The yearly bill of a sweep: owned and rented shares, energy and carbon, and the contract's columns."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.catalog.accelerators import Accelerator
from capplan.cost.energy import J_PER_KWH, YEAR_S, annual_kg_co2e, annual_kwh, fleet_power_w, idle_w
from capplan.cost.kinds import Rows, kinds, over_rows
from capplan.cost.lines import CostLines, usd_each, usd_per_each
from capplan.cost.ownership import own, spare_nodes, stack
from capplan.cost.people import people
from capplan.cost.place import place
from capplan.cost.rent import WAYS, rented
from capplan.cost.terms import network_usd_per_gpu, ownership_terms, rents
from capplan.cost.ways import rented_shares
from capplan.records import dataclass
from capplan.scenario.cost import Cost

Floats = NDArray[np.float64]
Parts = Sequence[tuple[Cost, Rows]]


@dataclass(frozen=True)
class Bill:
    """Money, energy and carbon of every row. kwh: a year from the grid, cooling included, also where it is rented.

    kinds: the settings that differ in more than figures, with their rows.
    """

    lines: CostLines
    kwh: Floats
    kg_co2e: Floats
    kinds: Parts = ()

    def columns(self, queries_per_s: ArrayLike, output_tokens_per_query: ArrayLike) -> dict[str, Any]:
        """The contract's columns, arrays of exact decimals or of floats; None or NaN for what does not apply.

        queries_per_s: mean of each row, shape (rows,) or scalar, as the tokens.
        """
        total, queries = self.lines.total_cents, np.asarray(queries_per_s, np.float64) * YEAR_S
        produced = queries * np.asarray(output_tokens_per_query, np.float64)

        def paid(category: str) -> Any:
            known = category in self.lines.categories
            return usd_each(self.lines.category_cents(category)) if known else None

        return {
            "annual_tco_usd": usd_each(total),
            "capex_usd_per_year": paid("capex"),
            "energy_usd_per_year": paid("energy"),
            "maintenance_usd_per_year": paid("maintenance"),
            "rent_usd_per_year": paid("rent"),
            "usd_per_1k_queries": usd_per_each(total, queries, 1e3),
            "usd_per_m_output_tokens": usd_per_each(total, produced, 1e6),
            "annual_kwh": self.kwh,
            "annual_kg_co2e": self.kg_co2e,
            "energy_j_per_query": self.kwh * J_PER_KWH / np.where(queries > 0, queries, math.nan),
        }


def bill(
    settings: Cost | Sequence[Cost],
    gpus: ArrayLike,
    nodes: ArrayLike,
    accelerator: Accelerator,
    mean_power_w: ArrayLike,
    standing_nodes: Floats | None = None,
    rents_usd_per_s: Mapping[str, float | Floats] | None = None,
) -> Bill:
    """What fleets cost a year, for a whole sweep at once; one settings for all rows, its figures numbers or one a row,
    or settings for each.

    gpus: paid for in use, in whole nodes, shape (rows,) or scalar. mean_power_w: mean power of one board over the year
    (see `energy.power_w`), idle time included. An owned share pays for its hardware and energy, a rented one its rent,
    both for people and licences.
    standing_nodes: that stand in each part of the day, shape (rows, parts), where GPUs rented by the hour are given
    back; None where all are kept, or follow `cost.peak`. rents_usd_per_s: of one GPU by way of renting, in place of the
    settings' own.
    Raises PriceError or MissingFigure naming the price or figure that is not there.
    """
    count = np.atleast_1d(np.asarray(gpus, np.float64))
    node_count = np.broadcast_to(np.asarray(nodes, np.float64), count.shape)
    if not isinstance(settings, Cost) and len(settings) != count.size:
        raise ValueError(f"{len(settings)} settings for {count.size} rows; one for all or one for each is needed")
    parts = [(settings, slice(None))] if isinstance(settings, Cost) else kinds(settings)

    one = parts[0][0] if len(parts) == 1 else None  # for all rows: `explain` goes back to its figures

    def each(read: Callable[[Cost], ArrayLike]) -> Floats:
        return over_rows([(read(cost), rows) for cost, rows in parts], count.size)

    owned = each(lambda cost: cost.pricing.share("own"))
    hired = None
    if np.any(owned < 1):
        per_node = count / np.maximum(node_count, 1)
        spare = spare_nodes(node_count, each(lambda cost: cost.spares))
        whole = node_count + spare
        stand = None if standing_nodes is None else standing_nodes + spare[..., None]
        hired, share = _rented(parts, accelerator, whole * per_node, whole, stand, rents_usd_per_s or {})
        kept = np.minimum(owned + share, 1.0)
    board_w = kept_board_w(mean_power_w, idle_w(accelerator), kept) if hired else mean_power_w
    standing = count * kept if hired else count
    lines = [hired] if hired else []
    if np.any(owned > 0):
        lines.insert(0, _owned(parts, accelerator, owned, count, node_count, board_w))
    staff = one.staff_usd_per_year if one else each(lambda cost: cost.staff_usd_per_year)
    software = one.software_usd_per_gpu_year if one else each(lambda cost: cost.software_usd_per_gpu_year)
    lines.append(people(standing, staff, software))
    pue = place(one).pue if one else each(lambda cost: place(cost).pue)
    carbon = place(one).carbon_kg_per_j if one else each(lambda cost: place(cost).carbon_kg_per_j)
    kwh = annual_kwh(fleet_power_w(board_w, standing), pue)
    return Bill(reduce(add, lines), kwh, annual_kg_co2e(kwh, carbon), parts)


def kept_board_w(mean_power_w: ArrayLike, idle: ArrayLike, kept: ArrayLike) -> Floats:
    """Mean power of a board while it is kept, where those that are given back would have stood idle.

    mean_power_w: over all boards, as if all were kept. kept: share of them that is, in the mean over the day.

    >>> float(kept_board_w(300.0, 100.0, 0.5))  # half of them drew 100 W of the 300
    500.0
    """
    share = np.maximum(np.asarray(kept, np.float64), 1e-9)
    power: Floats = np.maximum((np.asarray(mean_power_w) - (1 - share) * np.asarray(idle)) / share, idle)
    return power


def _owned(
    parts: Parts, accelerator: Accelerator, share: Floats, gpus: Floats, nodes: Floats, mean_power_w: ArrayLike
) -> CostLines:
    held = [(ownership_terms(cost, accelerator), rows) for cost, rows in parts if cost.pricing.share("own")]
    count, terms = gpus * share, stack(held, gpus.size)
    given = np.asarray(terms.network_usd_per_gpu, np.float64)
    network = np.where(np.isnan(given), network_usd_per_gpu(count, nodes), given)
    return own(replace(terms, network_usd_per_gpu=network), count, nodes * share, mean_power_w)


def _rented(
    parts: Parts,
    accelerator: Accelerator,
    gpus: Floats,
    nodes: Floats,
    stand: Floats | None,
    by_way: Mapping[str, float | Floats],
) -> tuple[CostLines, Floats]:
    """The lines, and the share of the fleet that is rented in the mean over the day."""
    shares, prices = np.zeros((2, len(WAYS), gpus.size))
    bases: dict[str, set[str]] = {way: set() for way in WAYS}
    for cost, rows in parts:
        found = rents(cost, accelerator.name)
        usd_per_s = {rent.way: by_way.get(rent.way, rent.usd_per_s) for rent, _ in found}
        need = None if stand is None else stand[rows]
        asked = {rent.way: share for rent, share in found}
        shares[:, rows] = rented_shares(cost, asked, usd_per_s, gpus[rows], nodes[rows], need)
        for rent, _ in found:
            prices[WAYS.index(rent.way), rows] = usd_per_s[rent.way]
            bases[rent.way].add(rent.basis)
    made = [
        (way, shares[at], prices[at], bases[way].pop() if len(bases[way]) == 1 else "by row")
        for at, way in enumerate(WAYS)
        if bases[way]
    ]
    return rented(gpus, made), shares.sum(axis=0)
