"""How old the prices of a plan are, by the catalogue's own day: never by the clock, so the same input says the same."""

import calendar
import datetime
import re
from collections.abc import Iterable

from capplan.catalog import prices
from capplan.catalog.figures import date_of, entry
from capplan.cost.terms import rents
from capplan.errors import UserError
from capplan.records import dataclass
from capplan.scenario.cost import Cost

OLDEST_DAYS = 90
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Used:
    """A price that a plan was made with.

    key: the scenario key that would replace it. date: as exactly as it is dated, '' where nobody says. read: the last
    day on which a source of its file was looked up.
    """

    key: str
    what: str
    date: str
    read: str

    def age_days(self, day: datetime.date) -> int | None:
        """Days that the price is old at least: counted from the last day that its date can mean; None for undated."""
        held = _last_day(self.date)
        return None if held is None else max((day - held).days, 0)

    def stale(self, as_of: datetime.date | None = None) -> str:
        """Why the price is no longer to be trusted, '' where it is.

        as_of: the day to judge by; without one the last day on which its file was read.
        """
        day = as_of or date_of(self.read)
        age = self.age_days(day) if day else None
        if age is None:
            return f"{self.what} is undated ({self._cure})"
        if age > OLDEST_DAYS:
            return f"{self.what} is of {self.date}, {age} days before {day} ({self._cure})"
        return ""

    @property
    def _cure(self) -> str:
        return f"give {self.key}, or bring newer prices in: capplan catalog import"


def used(cost: Cost, accelerator: str) -> tuple[Used, ...]:
    """The catalogued prices that the bill of a fleet takes; those that the scenario gives have no age.

    A median is as old as the oldest of its quotations that has a date, and undated where none has.
    """
    found = []
    if cost.pricing.share("own") and cost.purchase_price_usd is None:
        bought = prices.purchase(accelerator)
        found.append(Used("cost.purchase_price", f"purchase price of {accelerator}", bought.date, _read(accelerator)))
    for rent, _ in rents(cost, accelerator):
        if rent.basis != "scenario":
            what = f"{rent.way} rent of {accelerator} ({rent.whose})"
            key = f"cost.gpu_hourly or cost.provider{rent.newest and f': {rent.newest}'}"
            found.append(Used(key, what, rent.date, _read(accelerator)))
    return tuple(found)


def used_api(cost: Cost) -> tuple[Used, ...]:
    """The price of the scenario's API, where it is the catalogue's."""
    api = cost.api
    if api is None or (api.input_usd_per_token is not None and api.output_usd_per_token is not None):
        return ()
    from capplan.catalog.api_prices import api_price  # only where there is an API to compare with

    price = api_price(str(api.model), api.provider)
    what = f"API price of {price.model} at {price.provider}"
    return (Used("cost.api.input and .output", what, price.date, _newest("prices/api", price.provider)),)


def stale(found: Iterable[Used], as_of: datetime.date | None = None) -> list[str]:
    """What is wrong with the age of these prices, each once, in their order."""
    return list(dict.fromkeys(said for one in found if (said := one.stale(as_of))))


def day(text: str) -> datetime.date:
    """A day as `--as-of` takes it; raises UserError."""
    found = date_of(text) if _DAY.fullmatch(text) else None
    if found is None:
        raise UserError(f"--as-of {text}: no day (write it as 2026-11-21)")
    return found


def _read(accelerator: str) -> str:
    return _newest("prices/accelerators", accelerator)


def _newest(kind: str, name: str) -> str:
    return max((source.read for source in entry(kind, name).sources.values()), default="")


def _last_day(text: str) -> datetime.date | None:
    """The last day that a written date can mean: 2026 may be any day of the year.

    >>> _last_day("2026"), _last_day("2026-02")
    (datetime.date(2026, 12, 31), datetime.date(2026, 2, 28))
    """
    first = date_of(text)
    if first is None:
        return None
    parts = text.count("-")
    month = first.month if parts else 12
    return first if parts == 2 else datetime.date(first.year, month, calendar.monthrange(first.year, month)[1])
