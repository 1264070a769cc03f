"""The yearly bill of a sweep: owned and rented shares, energy and carbon, and the contract's columns."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.catalog.accelerators import Accelerator
from capplan.cost.energy import J_PER_KWH, YEAR_S, annual_kg_co2e, annual_kwh, fleet_power_w, idle_w
from capplan.cost.lines import CostLines, usd_each, usd_per_each
from capplan.cost.ownership import OwnershipTerms, own, spare_nodes, stack
from capplan.cost.place import place
from capplan.cost.rent import WAYS, Rent, rented
from capplan.cost.terms import network_usd_per_gpu, ownership_terms, rents
from capplan.cost.ways import rented_shares
from capplan.records import dataclass
from capplan.scenario.cost import Cost

Floats = NDArray[np.float64]
T = TypeVar("T")
Settings = Cost | Sequence[Cost]
Chips = Accelerator | Sequence[Accelerator]


@dataclass(frozen=True)
class Bill:
    """Money, energy and carbon of every row. kwh: a year from the grid, cooling included, also where it is rented."""

    lines: CostLines
    kwh: Floats
    kg_co2e: Floats

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
    settings: Settings,
    gpus: ArrayLike,
    nodes: ArrayLike,
    accelerator: Chips,
    mean_power_w: ArrayLike,
    standing_nodes: Floats | None = None,
) -> Bill:
    """What fleets cost a year, for a whole sweep at once; one settings or accelerator serves all rows, or one a row.

    gpus: paid for in use, in whole nodes, shape (rows,) or scalar. mean_power_w: mean power of one board over the year
    (see `energy.power_w`), idle time included. An owned share pays for its hardware and energy, a rented one its rent.
    standing_nodes: that stand in each part of the day, shape (rows, parts), where GPUs rented by the hour are given
    back; None where all are kept, or follow `cost.peak`.
    Raises PriceError or MissingFigure naming the price or figure that is not there.
    """
    count = np.atleast_1d(np.asarray(gpus, np.float64))
    costs, chips = _per_row(settings, count.size), _per_row(accelerator, count.size)
    kinds, at = _kinds(costs, chips)
    owned = np.array([cost.pricing.share("own") for cost, _ in kinds])[at]
    spares = np.array([cost.spares for cost, _ in kinds])[at]
    hired = None
    if np.any(owned < 1):
        per_node = count / np.maximum(np.atleast_1d(nodes), 1)
        spare = spare_nodes(nodes, spares)
        whole = np.atleast_1d(nodes) + spare
        stand = None if standing_nodes is None else standing_nodes + spare[..., None]
        hired, share = _rented(kinds, at, whole * per_node, whole, stand)
        kept = np.minimum(owned + share, 1.0)
        idle = np.array([idle_w(chip) for _, chip in kinds])[at]
    board_w = kept_board_w(mean_power_w, idle, kept) if hired else mean_power_w
    standing = count * kept if hired else count
    parts = [hired] if hired else []
    if np.any(owned > 0):
        parts.insert(0, _owned(kinds, at, owned, count, np.atleast_1d(nodes), board_w))
    lines = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    places = [place(cost) for cost, _ in kinds]
    pue = np.array([here.pue for here in places])[at]
    carbon = np.array([here.carbon_kg_per_j for here in places])[at]
    kwh = annual_kwh(fleet_power_w(board_w, standing), pue)
    return Bill(lines, kwh, annual_kg_co2e(kwh, carbon))


Kinds = list[tuple[Cost, Accelerator]]


def kept_board_w(mean_power_w: ArrayLike, idle: ArrayLike, kept: ArrayLike) -> Floats:
    """Mean power of a board while it is kept, where those that are given back would have stood idle.

    mean_power_w: over all boards, as if all were kept. kept: share of them that is, in the mean over the day.

    >>> float(kept_board_w(300.0, 100.0, 0.5))  # half of them drew 100 W of the 300
    500.0
    """
    share = np.maximum(np.asarray(kept, np.float64), 1e-9)
    power: Floats = np.maximum((np.asarray(mean_power_w) - (1 - share) * np.asarray(idle)) / share, idle)
    return power


def _per_row(value: T | Sequence[T], rows: int) -> list[T]:
    held = list(value) if isinstance(value, Sequence) else [value] * rows
    if len(held) != rows:
        raise ValueError(f"{len(held)} settings for {rows} rows; one for all or one for each is needed")
    return held


def _kinds(costs: Sequence[Cost], chips: Sequence[Accelerator]) -> tuple[Kinds, NDArray[np.int64]]:
    """The different pairs of settings and chip, and which pair each row has: prices are looked up once a pair."""
    seen: dict[tuple[int, int], int] = {}
    kinds: Kinds = []
    at = np.empty(len(costs), np.int64)
    for row, (cost, chip) in enumerate(zip(costs, chips, strict=True)):
        key = (id(cost), id(chip))
        if key not in seen:
            seen[key] = len(kinds)
            kinds.append((cost, chip))
        at[row] = seen[key]
    return kinds, at


def _owned(
    kinds: Kinds, at: NDArray[np.int64], share: Floats, gpus: Floats, nodes: ArrayLike, mean_power_w: ArrayLike
) -> CostLines:
    count = gpus * share
    held = [ownership_terms(cost, chip) if cost.pricing.share("own") else None for cost, chip in kinds]
    first = next(terms for terms in held if terms is not None)
    # Rows that own nothing take any terms: they multiply a count of 0.
    merged = _expanded(stack([terms or first for terms in held]), at)
    given = np.asarray(merged.network_usd_per_gpu, np.float64)
    network = np.where(np.isnan(given), network_usd_per_gpu(count, nodes), given)
    return own(replace(merged, network_usd_per_gpu=network), count, np.asarray(nodes) * share, mean_power_w)


def _expanded(terms: OwnershipTerms, at: NDArray[np.int64]) -> OwnershipTerms:
    arrays: Mapping[str, ArrayLike] = {
        name: value[at] for name, value in vars(terms).items() if isinstance(value, np.ndarray)
    }
    return replace(terms, **arrays)  # type: ignore[arg-type]  # every field but `sources` takes an array


def _rented(
    kinds: Kinds, at: NDArray[np.int64], gpus: Floats, nodes: ArrayLike, stand: Floats | None
) -> tuple[CostLines, Floats]:
    """The lines, and the share of the fleet that is rented in the mean over the day."""
    held: list[dict[str, tuple[Rent, float]]] = [
        {found.way: (found, share) for found, share in rents(cost, chip.name)} for cost, chip in kinds
    ]
    node_count = np.broadcast_to(np.asarray(nodes, np.float64), gpus.shape)
    parts = np.zeros((len(WAYS), gpus.size))
    for kind, (cost, _) in enumerate(kinds):
        rows = np.flatnonzero(at == kind)
        need = None if stand is None else stand[rows]
        parts[:, rows] = _ways(cost, held[kind], gpus[rows], node_count[rows], need)
    made = []
    for way, share in zip(WAYS, parts, strict=True):
        if not any(way in ways for ways in held):
            continue
        price = np.array([ways[way][0].usd_per_s if way in ways else 0.0 for ways in held])
        bases = {ways[way][0].basis for ways in held if way in ways}
        made.append((way, share, price[at], bases.pop() if len(bases) == 1 else "by row"))
    return rented(gpus, made), parts.sum(axis=0)


def _ways(
    cost: Cost, found: Mapping[str, tuple[Rent, float]], gpus: Floats, nodes: Floats, need: Floats | None
) -> Floats:
    """GPUs paid for around the clock in each of WAYS, over the GPUs of the fleet; shape (ways, rows)."""
    prices = {way: rent.usd_per_s for way, (rent, _) in found.items()}
    shares = {way: share for way, (_, share) in found.items()}
    return rented_shares(cost, shares, prices, gpus, nodes, need)
