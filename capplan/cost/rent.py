"""What a rented fleet costs a year: which quotations apply, and the lines of the bill."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.cost.energy import YEAR_S
from capplan.cost.lines import CostColumn, CostLines, broadcast, column
from capplan.errors import PriceError

Floats = NDArray[np.float64]

WAYS = ("on_demand", "reserved", "spot")
_LABELS = {"on_demand": "Rent on demand", "reserved": "Rent reserved", "spot": "Rent at spot prices"}


@dataclass(frozen=True)
class Quote:
    """One price of one GPU, as somebody published it. term_s: the commitment if reserved. on: the day it held."""

    accelerator: str
    provider: str
    way: str
    usd_per_s: float
    term_s: float | None = None
    region: str = ""
    tier: str = ""
    on: str = ""
    source: str = ""


@dataclass(frozen=True)
class Rent:
    """The price that a plan pays for a GPU, and the band that it was taken from; in USD a second.

    basis: in words, which quotations and how. quotes: all that were considered, cheapest first.
    """

    way: str
    low_usd_per_s: float
    usd_per_s: float
    high_usd_per_s: float
    basis: str
    quotes: tuple[Quote, ...] = ()


def given_rent(way: str, usd_per_s: float) -> Rent:
    """The scenario's own price."""
    return Rent(way, usd_per_s, usd_per_s, usd_per_s, "scenario")


def choose(
    quotes: Iterable[Quote],
    accelerator: str,
    way: str,
    provider: str | None = None,
    region: str | None = None,
    term_s: float | None = None,
) -> Rent:
    """The price for these terms: the median over providers, each at its newest quotation (the median of a day's).

    Undated quotations count as oldest. Only those of the very same accelerator, way, term and (where given) provider
    and region count.
    Raises PriceError naming what has no price and the nearest that has.
    """
    held = [quote for quote in quotes if quote.accelerator == accelerator]
    if not held:
        raise PriceError(f"{accelerator}: the catalogue has no rental price; give cost.gpu_hourly, e.g. 2.40 USD/hour")
    fitting = _narrowed(held, [quote.way for quote in held], way, f"{accelerator} {way}", "pricing")
    if provider is not None:
        names = [quote.provider for quote in fitting]
        fitting = _narrowed(fitting, names, provider, f"{accelerator} {way} at {provider}", "provider")
    if region is not None and any(quote.region for quote in fitting):
        regions = [quote.region for quote in fitting]
        fitting = _narrowed(fitting, regions, region, f"{accelerator} {way} in {region}", "region")
    if way == "reserved" and term_s is not None:
        # A contract quoted without its length is negotiated: it stands for any.
        terms = [_years(quote.term_s if quote.term_s is not None else term_s) for quote in fitting]
        fitting = _narrowed(fitting, terms, _years(term_s), f"{accelerator} {way} for {_years(term_s)}", "term")
    ordered = sorted(fitting, key=lambda quote: quote.usd_per_s)
    by_provider: dict[str, list[Quote]] = {}
    for quote in sorted(ordered, key=lambda quote: quote.on, reverse=True):
        if not (said := by_provider.setdefault(quote.provider, [])) or said[0].on == quote.on:
            said.append(quote)
    middle = median(median(quote.usd_per_s for quote in said) for said in by_provider.values())
    count = len(by_provider)
    basis = f"{ordered[0].provider}" if count == 1 else f"median of {count} providers"
    days = sorted({quote.on for quote in ordered if quote.on})
    when = f", {days[0]} to {days[-1]}" if len(days) > 1 else f", {days[0]}" if days else ", undated"
    return Rent(way, ordered[0].usd_per_s, middle, ordered[-1].usd_per_s, basis + when, tuple(ordered))


def _narrowed(quotes: Sequence[Quote], values: Sequence[str], wanted: str, what: str, key: str) -> list[Quote]:
    kept = [quote for quote, value in zip(quotes, values, strict=True) if value.casefold() == wanted.casefold()]
    if kept:
        return kept
    there = sorted({value for value in values if value})
    near = difflib.get_close_matches(wanted, there, n=3, cutoff=0.5) or there[:6]
    have = f"cost.{key} with a price: {', '.join(near)}" if near else f"no cost.{key} has a price"
    raise PriceError(f"{what}: the catalogue has no price ({have}); or give cost.gpu_hourly")


def _years(term_s: float) -> str:
    years = term_s / YEAR_S
    return f"{years:g} year" if years == 1 else f"{years:g} years"


def rented(gpus: ArrayLike, rents: Sequence[tuple[str, ArrayLike, ArrayLike, str]]) -> CostLines:
    """The yearly bill of a rented fleet, one line for each way of renting; energy and hosts are in the rent.

    gpus: all that are rented, spares included. rents: way, share of the fleet, USD a second for one GPU, basis in
    words; shares and prices may be arrays over the sweep.
    GPUs are rented around the clock; a fleet that shrinks at night costs less. Spot prices hold no lost work.

    >>> bill = rented(8, [("on_demand", 1.0, 2.40 / 3600, "scenario")])
    >>> bill.total_usd(0)  # 8 x 2.40 USD x 8760 h
    Decimal('168192.00')
    """
    count = np.asarray(gpus, np.float64)
    columns: list[CostColumn] = []
    for way, share, usd_per_s, basis in rents:
        part, price = count * np.asarray(share, np.float64), np.asarray(usd_per_s, np.float64)
        columns.append(
            column(
                f"rent_{way}", _LABELS.get(way, "Rent"), "rent", part * price * YEAR_S,
                "{count:,.6g} GPUs x {hourly:,.4g} USD/hour x 8760 h", basis, count=part, hourly=price * 3600,
            )
        )  # fmt: skip
    return broadcast(columns)
