"""How old the prices are that a bill was made with; a price that the scenario gives is its author's to keep fresh."""

import datetime

from capplan.catalog.figures import date_of
from capplan.catalog.prices import purchase
from capplan.cost.terms import rents
from capplan.scenario.cost import Cost

# A bill is for a year; prices older than that say little about it.
MOST_DAYS = 365


def old_prices(cost: Cost, accelerator: str, today: datetime.date, most_days: int = MOST_DAYS) -> list[str]:
    """The catalogue's prices behind a bill that are undated or older than `most_days`, each with what to do.

    A date without day or month counts from its first day. Raises PriceError for a price that is not there.

    >>> from datetime import date
    >>> old_prices(Cost(), "h100-sxm", date(2026, 11, 21))
    []
    >>> old_prices(Cost(), "h100-sxm", date(2028, 1, 1))
    ['h100-sxm: its purchase price is of 2026, 730 days old (at most 365); give cost.purchase_price']
    """
    dated: list[tuple[str, str, str]] = []
    if cost.pricing.share("own") > 0 and cost.purchase_price_usd is None:
        dated.append(("purchase price", purchase(accelerator).date, "cost.purchase_price"))
    if cost.gpu_hourly_usd_per_s is None:
        dated += [(f"{rent.way} rent", rent.date, "cost.gpu_hourly") for rent, _ in rents(cost, accelerator)]
    return [
        f"{accelerator}: its {what} is {age} (at most {most_days}); give {key}"
        for what, date, key in dated
        if (age := _too_old(date, today, most_days))
    ]


def _too_old(date: str, today: datetime.date, most_days: int) -> str:
    """`of 2026, 730 days old`, `undated`, or nothing where the price is fresh."""
    held = date_of(date)
    if held is None:
        return "undated"
    days = (today - held).days
    return f"of {date}, {days} days old" if days > most_days else ""
