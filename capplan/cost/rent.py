"""What a rented fleet costs a year: the price that a plan's terms bring, and the lines of the bill."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.catalog import prices
from capplan.cost.energy import YEAR_S
from capplan.cost.lines import CostColumn, CostLines, broadcast, column
from capplan.records import dataclass

Floats = NDArray[np.float64]

WAYS = ("on_demand", "reserved", "spot")
_LABELS = {"on_demand": "Rent on demand", "reserved": "Rent reserved", "spot": "Rent at spot prices"}


@dataclass(frozen=True)
class Rent:
    """The price that a plan pays for a GPU, and the band that it was taken from; in USD a second.

    basis: in words, whose quotations and of when. whose: without the date. date: of the oldest one that has a date.
    newest: the provider of the newest of several quotations and its day, '' where none is newer.
    """

    way: str
    low_usd_per_s: float
    usd_per_s: float
    high_usd_per_s: float
    basis: str
    date: str = ""
    whose: str = ""
    newest: str = ""


def given_rent(way: str, usd_per_s: float) -> Rent:
    """The scenario's own price."""
    return Rent(way, usd_per_s, usd_per_s, usd_per_s, "scenario")


def catalogued_rent(
    accelerator: str, way: str, provider: str | None = None, region: str | None = None, term_s: float | None = None
) -> Rent:
    """The catalogue's price for these terms: the median over providers unless one is named.

    Raises PriceError naming what has no price and the nearest that has.
    """
    found = prices.rent(accelerator, provider=provider, region=region, term=way, commitment_s=term_s)
    quotes = found.quotes
    whose = f"{quotes[0].provider}: {quotes[0].source}" if len(quotes) == 1 else f"median of {len(quotes)} quotations"
    when = found.date or "undated"
    if found.date and found.undated:
        when += f", {found.undated} of them undated"
    newest = max(quotes, key=lambda quote: quote.date)
    return Rent(
        way,
        found.low_usd_per_gpu_s,
        found.usd_per_gpu_s,
        found.high_usd_per_gpu_s,
        f"{whose} ({when})",
        found.date,
        whose,
        f"{newest.provider}, quoted {newest.date}" if newest.date > found.date else "",
    )


def rented(gpus: ArrayLike, rents: Sequence[tuple[str, ArrayLike, ArrayLike, str]]) -> CostLines:
    """The yearly bill of a rented fleet, one line for each way of renting; energy and hosts are in the rent.

    gpus: all that are rented, spares included. rents: way, share of the fleet, USD a second for one GPU, basis in
    words; shares and prices may be arrays over the sweep.
    Shares are of GPUs rented around the clock; one that stands for half of the day is half a share.

    >>> bill = rented(8, [("on_demand", 1.0, 2.40 / 3600, "scenario")])
    >>> bill.total_usd(0)  # 8 x 2.40 USD x 8760 h
    Decimal('168192.00')
    """
    count = np.asarray(gpus, np.float64)
    return broadcast([_line(count, *rent) for rent in rents])


def _line(gpus: Floats, way: str, share: ArrayLike, usd_per_s: ArrayLike, basis: str) -> CostColumn:
    part, price = gpus * np.asarray(share, np.float64), np.asarray(usd_per_s, np.float64)
    return column(
        f"rent_{way}", _LABELS.get(way, "Rent"), "rent", part * price * YEAR_S,
        "{count:,.6g} GPUs x {hourly:,.4g} USD/hour x 8760 h", basis, count=part, hourly=price * 3600,
    )  # fmt: skip
