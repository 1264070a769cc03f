"""Catalogued prices of accelerators: what one costs to buy, and what it rents for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from capplan import units
from capplan.catalog import files
from capplan.catalog.figures import Entry, plain
from capplan.cost.rent import WAYS, Quote
from capplan.errors import PriceError

_MARKET = "market"  # surveys of many providers: bands, not prices that anybody can take


@dataclass(frozen=True)
class Purchase:
    """The price of one accelerator with its band. source: who says so, and when."""

    low_usd: float
    usd: float
    high_usd: float
    source: str


def purchase(accelerator: str) -> Purchase:
    """What one accelerator costs to buy; raises PriceError where the catalogue has no price for it.

    >>> purchase("h100-sxm").usd
    27500.0
    """
    found = _purchase(_entry(accelerator))
    if found is None:
        raise PriceError(
            f"{accelerator}: the catalogue has no purchase price; give cost.purchase_price, e.g. 25000 USD,"
            " or rent it (cost.pricing: on_demand)"
        )
    return found


@lru_cache(maxsize=256)
def _purchase(found: Entry | None) -> Purchase | None:
    middle = found.figure("purchase.mid") if found else None
    if found is None or middle is None:
        return None
    usd = {"mid": units.parse(middle.value, "usd")}
    for edge in ("low", "high"):
        figure = found.figure(f"purchase.{edge}")
        usd[edge] = units.parse(figure.value, "usd") if figure else usd["mid"]
    said = f"{middle.source.title if middle.source else found.path.stem}" + (f" ({middle.on})" if middle.on else "")
    return Purchase(usd["low"], usd["mid"], usd["high"], said)


def quotes(accelerator: str) -> tuple[Quote, ...]:
    """Rental prices of one accelerator, surveys and retracted ones left out; empty where there is none."""
    return _quotes(_entry(accelerator), accelerator)


@lru_cache(maxsize=256)
def _quotes(found: Entry | None, accelerator: str) -> tuple[Quote, ...]:
    rows = found.tree.get("rent") if found else None
    if found is None or not isinstance(rows, list):
        return ()
    kept = []
    for row in rows:
        if not isinstance(row, dict) or row.get("use") == "no" or row.get("provider") == _MARKET:
            continue
        words = {key: str(value) for key, value in row.items() if isinstance(plain(value), str)}
        if words.get("term") in WAYS and "price" in words:
            kept.append(_quote(found, accelerator, words))
    return tuple(kept)


def _quote(found: Entry, accelerator: str, words: Mapping[str, str]) -> Quote:
    source = found.sources.get(words.get("from", ""))
    commitment = words.get("commitment")
    return Quote(
        accelerator=accelerator,
        provider=words.get("provider", ""),
        way=words["term"],
        usd_per_s=units.parse(words["price"], "usd_per_s"),
        term_s=units.parse(commitment, "years") if commitment else None,
        region=words.get("region", ""),
        tier=words.get("tier", ""),
        on="" if words.get("on") == "undated" else words.get("on", ""),
        source=source.title if source else "",
    )


def _entry(accelerator: str) -> Entry | None:
    if not files.exists("prices/accelerators", accelerator):
        return None
    path = files.find("prices/accelerators", accelerator)
    return _held(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _held(path: Path, _mtime_ns: int) -> Entry:
    """One object for one state of a file, so that what is read out of it is kept by its identity."""
    return _Held("prices/accelerators", path, files.load_yaml(path))


class _Held(Entry):
    """An entry that is a key of caches: equal to itself alone."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__
