"""What accelerators rent and sell for: quotations as published, and one price chosen from them with its band."""

import datetime
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from statistics import median

from capplan.catalog import files
from capplan.catalog.figures import Entry, date_of, entry
from capplan.errors import PriceError
from capplan.records import dataclass
from capplan.units import parse

TIERS = ("hyperscaler", "neocloud", "long_tail")
_MARKET = "market"  # surveys: the edges of a band or a median, not prices that anybody can take
_DAY_S = 86400.0
_SAME_TERM_S = _DAY_S
_PROVIDERS = {"google": "gcp", "amazon": "aws", "microsoft": "azure", "datacrunch": "verda", "oci": "oracle"}


class MissingPrice(PriceError):
    """The catalogue has no such price: says what lacks it, and the nearest that exist."""


def age_days(held_on: str, today: datetime.date) -> int | None:
    """Days since a price held, counted from the first day that its date can mean; None for undated ones."""
    held = date_of(held_on)
    return None if held is None else (today - held).days


@dataclass(frozen=True, kw_only=True)
class Dated:
    """A price with the day that it held (as text, '' where nobody says) and who published it."""

    date: str = ""
    source: str = ""
    note: str = ""

    def age_days(self, today: datetime.date) -> int | None:
        """Days since the price held; None for undated ones."""
        return age_days(self.date, today)


@dataclass(frozen=True, kw_only=True)
class Quote(Dated):
    """One published rental price of one accelerator. edge: of a survey's band (low, high) or its median, else ''.

    use: False for those kept as a warning only.
    """

    usd_per_gpu_s: float
    provider: str
    tier: str
    term: str
    region: str = ""
    instance: str = ""
    commitment_s: float | None = None
    edge: str = ""
    use: bool = True


@dataclass(frozen=True, kw_only=True)
class RentPrice(Dated):
    """The price to plan with and the band of the quotations that it was taken from, in USD per accelerator-second.

    date: of the oldest quotation that has one, '' where none has.
    """

    accelerator: str
    term: str
    tier: str
    provider: str
    region: str
    low_usd_per_gpu_s: float
    usd_per_gpu_s: float
    high_usd_per_gpu_s: float
    quotes: tuple[Quote, ...]

    @property
    def undated(self) -> int:
        """How many of the quotations have no day, so that nobody can say how old they are."""
        return sum(not quote.date for quote in self.quotes)


@dataclass(frozen=True, kw_only=True)
class PurchasePrice(Dated):
    """What one accelerator costs to buy, with its band."""

    accelerator: str
    low_usd: float
    usd: float
    high_usd: float


def quotes(accelerator: str) -> tuple[Quote, ...]:
    """All rental quotations of an accelerator, those marked `use: no` too; raises MissingPrice where there is none."""
    held = _entry(accelerator, "rental")
    found = _quotes(held.path, held.path.stat().st_mtime_ns)
    if not found:
        raise _missing(accelerator, "rental")
    return found


@lru_cache(maxsize=128)
def _quotes(path: Path, _mtime_ns: int) -> tuple[Quote, ...]:
    held = Entry("prices/accelerators", path, files.load_yaml(path))
    rows = held.tree.get("rent", [])
    return tuple(_quote(held, row) for row in rows if isinstance(row, dict))


def _quote(held: Entry, row: dict[str, files.Tree]) -> Quote:
    words = {key: value for key, value in row.items() if isinstance(value, str)}
    return Quote(
        usd_per_gpu_s=parse(words["price"], "usd_per_s"),
        provider=words["provider"],
        tier=words["tier"],
        term=words["term"],
        region=words.get("region", ""),
        instance=words.get("instance", ""),
        commitment_s=parse(words["commitment"], "years") if "commitment" in words else None,
        edge=words.get("edge", ""),
        use=words.get("use") != "no",
        date=_day(words.get("on")),
        source=held.sources[words["from"]].title,
        note=words.get("note", ""),
    )


def rent(
    accelerator: str,
    provider: str | None = None,
    region: str | None = None,
    term: str = "on_demand",
    tier: str | None = None,
    commitment_s: float | None = None,
) -> RentPrice:
    """The rent of one accelerator: the median over providers, each with its newest quotation (the cheapest of one day).

    term: on_demand, spot, reserved or capacity_block. tier: one of TIERS, or None for all of them.
    commitment_s: of a reservation; one quoted without its length is negotiated and stands for any.
    Surveys stand in where no provider is quoted: the middle of their band.
    Raises MissingPrice with the nearest that exist.

    >>> price = rent("h100-sxm", provider="aws")
    >>> round(price.usd_per_gpu_s * 3600, 2), price.date
    (6.88, '2026-07-27')
    """
    fitting = [quote for quote in quotes(accelerator) if quote.use]
    fitting = _narrowed(fitting, lambda q: q.term, term, f"{accelerator}", "term")
    if tier is not None:
        fitting = _narrowed(fitting, lambda q: q.tier, tier, f"{accelerator} {term}", "tier")
    if provider is not None:
        wanted = files.normal(provider)
        wanted = _PROVIDERS.get(wanted, wanted)
        fitting = _narrowed(fitting, lambda q: q.provider, wanted, f"{accelerator} {term}", "provider")
    if region is not None:
        fitting = _narrowed(fitting, lambda q: q.region, region, f"{accelerator} {term}", "region")
    if commitment_s is not None:
        fitting = of_term(accelerator, fitting, commitment_s)
    named = [quote for quote in fitting if quote.provider != _MARKET]
    return _chosen(accelerator, term, _newest(named) if named else fitting)


def of_term(accelerator: str, quotes: Sequence[Quote], commitment_s: float) -> list[Quote]:
    """The reservations of this length, those quoted without one included; raises MissingPrice where there is none."""
    lengths = {quote.commitment_s for quote in quotes if quote.commitment_s is not None}
    same = {length for length in lengths if abs(length - commitment_s) < _SAME_TERM_S}
    fitting = [quote for quote in quotes if quote.commitment_s is None or quote.commitment_s in same]
    if not fitting:
        there = ", ".join(_years(length) for length in sorted(lengths))
        raise MissingPrice(
            f"{accelerator}: the catalogue has no price reserved for {_years(commitment_s)}"
            f" (cost.term with a price: {there}); or give cost.gpu_hourly"
        )
    return fitting


def _years(term_s: float) -> str:
    years = term_s / (365 * _DAY_S)
    return f"{years:g} year" if years == 1 else f"{years:g} years"


def bands(accelerator: str, term: str = "on_demand") -> dict[str, RentPrice]:
    """The rent by tier, where a tier is quoted; spot prices are one tier of their own."""
    if term == "spot":
        return {"spot": rent(accelerator, term="spot")}
    known = {quote.tier for quote in quotes(accelerator) if quote.use and quote.term == term}
    return {tier: rent(accelerator, term=term, tier=tier) for tier in TIERS if tier in known}


def purchase(accelerator: str) -> PurchasePrice:
    """The price of one accelerator on the street, with its band; raises MissingPrice.

    >>> purchase("h100-sxm").usd
    27500.0
    """
    held = _entry(accelerator, "purchase")
    middle = held.figure("purchase.mid")
    if middle is None:
        raise _missing(accelerator, "purchase")
    edges = {edge: held.figure(f"purchase.{edge}") or middle for edge in ("low", "high")}
    return PurchasePrice(
        accelerator=held.name,
        low_usd=parse(edges["low"].value, "usd"),
        usd=parse(middle.value, "usd"),
        high_usd=parse(edges["high"].value, "usd"),
        date=middle.on,
        source=middle.source.title if middle.source else "",
        note=middle.note,
    )


# Where a scenario says what the catalogue does not.
_KEYS = {"rental": "cost.gpu_hourly, e.g. 2.40 USD/hour", "purchase": "cost.purchase_price, e.g. 25000 USD"}


def _entry(accelerator: str, kind: str) -> Entry:
    try:
        return entry("prices/accelerators", accelerator)
    except files.UnknownName as unknown:
        if files.exists("accelerators", accelerator):
            name = files.find("accelerators", accelerator).stem
            if name != accelerator and files.exists("prices/accelerators", name):
                return entry("prices/accelerators", name)
        near = f" (the nearest with prices: {', '.join(unknown.suggestions)})" if unknown.suggestions else ""
        raise _missing(accelerator, kind, near) from None


def _missing(accelerator: str, kind: str, near: str = "") -> MissingPrice:
    return MissingPrice(f"{accelerator}: the catalogue has no {kind} price{near}; give {_KEYS[kind]}")


def _newest(named: Sequence[Quote]) -> list[Quote]:
    """One quotation of each provider; undated ones count as oldest."""
    by_provider: dict[str, Quote] = {}
    for quote in sorted(named, key=lambda q: (q.date, -q.usd_per_gpu_s)):
        by_provider[quote.provider] = quote
    return sorted(by_provider.values(), key=lambda q: q.usd_per_gpu_s)


def _chosen(accelerator: str, term: str, taken: Sequence[Quote]) -> RentPrice:
    prices = [quote.usd_per_gpu_s for quote in taken]
    one = taken[0] if len(taken) == 1 else None
    tiers = {quote.tier for quote in taken}
    return RentPrice(
        accelerator=accelerator,
        term=term,
        tier=tiers.pop() if len(tiers) == 1 else "all",
        provider=one.provider
        if one
        else _MARKET
        if {q.provider for q in taken} == {_MARKET}
        else f"median of {len(taken)}",
        region=one.region if one else "",
        low_usd_per_gpu_s=min(prices),
        usd_per_gpu_s=median(prices),
        high_usd_per_gpu_s=max(prices),
        # A median is as old as its oldest part.
        date=min((quote.date for quote in taken if quote.date), default=""),
        source="; ".join(dict.fromkeys(quote.source for quote in taken)),
        note=one.note if one else "",
        quotes=tuple(taken),
    )


def _narrowed(held: Sequence[Quote], value: Callable[[Quote], str], wanted: str, what: str, key: str) -> list[Quote]:
    kept = [quote for quote in held if files.normal(value(quote)) == files.normal(wanted)]
    if kept:
        return kept
    there = sorted({value(quote) for quote in held if value(quote)})
    near = get_close_matches(wanted, there, n=3, cutoff=0.5) or there
    have = f"{key}s with a price: {', '.join(near)}" if near else f"no {key} has one"
    raise MissingPrice(f"{what}: the catalogue has no price for {key} '{wanted}' ({have}); or give cost.gpu_hourly")


def _day(text: str | None) -> str:
    return "" if text in (None, "undated") else str(text)
