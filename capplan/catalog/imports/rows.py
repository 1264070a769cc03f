"""What an import brings: prices in SI, each checked; a price of zero or none is absent, never free."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from capplan.errors import UserError
from capplan.units import UnitError, parse

# A token or an hour beyond these is a price in another unit, not a dear one.
_MOST = {"usd_per_token": 0.01, "usd_per_s": 1000 / 3600}

API_FIELDS = ("input", "output", "cached_input", "cache_write", "batch_input", "batch_output", "flex_input",
              "flex_output", "thinking_output", "input_above_200k", "output_above_200k")  # fmt: skip


@dataclass(frozen=True)
class ApiRow:
    """Prices of one hosted model, USD per token by field of API_FIELDS; those that are not there are absent."""

    provider: str
    model: str
    id: str
    on: str
    prices: Mapping[str, float]
    whole: Mapping[str, int] = field(default_factory=dict)  # max_input, max_output
    reasons: bool = False


@dataclass(frozen=True)
class RentRow:
    """Rent of one accelerator (catalogue name), USD a second. term: on_demand, spot or reserved."""

    accelerator: str
    provider: str
    term: str
    region: str
    instance: str
    on: str
    usd_per_s: float


@dataclass(frozen=True)
class Read:
    """What a file held. skipped: what was left out and why, with how many rows it was."""

    kind: str
    api: tuple[ApiRow, ...] = ()
    rents: tuple[RentRow, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)


def price(value: object, unit: str, where: str) -> float | None:
    """A price in SI; None where it is missing, empty or zero.

    Bare numbers are not taken here: text brings its unit, such as `0.55 USD/Mtoken`, which pint converts.
    Raises UserError for what is no price: another dimension, negative, not finite, or beyond any price list.

    >>> round(price("2.40 USD/hour", "usd_per_s", "x") * 3600, 2), price("0 USD/hour", "usd_per_s", "x")
    (2.4, None)
    """
    text = "" if value is None else str(value).strip()
    if text.casefold() in ("", "none", "null", "nan", "-"):
        return None
    try:
        return checked(parse(text, unit), unit, where)
    except UnitError as wrong:
        raise UserError(f"{where}: {wrong}") from None


def number(value: object, scale: float, unit: str, where: str) -> float | None:
    """A price that the format fixes the unit of, times `scale` to SI; as `price` otherwise."""
    if value is None or str(value).strip().casefold() in ("", "none", "null", "nan"):
        return None
    try:
        amount = float(str(value))
    except ValueError:
        raise UserError(f"{where}: '{value}' is no number") from None
    return checked(amount * scale, unit, where)


def checked(amount: float, unit: str, where: str) -> float | None:
    """The price, None for zero; raises UserError for one that cannot be."""
    if not math.isfinite(amount) or amount < 0:
        raise UserError(f"{where}: a price is a finite amount above 0")
    if amount > _MOST[unit]:
        raise UserError(f"{where}: {amount:g} {unit.replace('_', ' ')} is no price; is it in another unit?")
    return amount or None
