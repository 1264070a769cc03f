"""Quantities at the edge: text with a unit in, SI floats out, and back into text for people.

The only door to pint, which is loaded just for spellings that `spellings.py` does not list.
"""

import difflib
import math
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from capplan.errors import UserError
from capplan.spellings import DIMENSIONS, KWH_J, MAGNITUDES, MONTH_S, YEAR_S, spellings

if TYPE_CHECKING:
    from pint import UnitRegistry

_LONGEST_TEXT = 80
_LARGEST = 1e30  # beyond any fleet, byte or dollar; catches slipped exponents
_NUMBER = re.compile(
    r"\s*(?P<sign>[+-]?)(?P<dollar>\$?)\s*"
    r"(?P<digits>(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+|[0-9][0-9_]*)?(?:\.[0-9_]*)?)"
    r"(?P<exponent>[eE][+-]?[0-9]{1,3})?(?P<rest>.*)",
    re.DOTALL,
)
_MAGNITUDE = re.compile(r"(thousand|million|billion|trillion|bn|Ki|Mi|[kKMGBT])(?![A-Za-z])\s*(.*)", re.DOTALL)
_AMBIGUOUS_B = re.compile(r"[kKMGTPmgtp]?b(/s|/sec|/second)?|[mgtp]bps")
_TERM = r"[A-Za-zµμ%]+(?:(?:\*\*|\^)-?[0-9])?|1"
# Products and quotients of units with small powers; pint itself stumbles over what is no such expression.
_FOR_PINT = re.compile(rf"(?:{_TERM})(?:[ */](?:{_TERM}))*(?:/\((?:{_TERM})(?:[ */](?:{_TERM}))*\))?")


class UnitError(UserError, ValueError):
    """A quantity that cannot be read: what is wrong and how to write it."""


def parse(value: str | int | float, unit: str) -> float:
    """One quantity in SI; `unit` is a key of `DIMENSIONS` such as `bytes_per_s` or `usd_per_token`.

    A bare number is taken only for counts, tokens, request rates and ratios. `k`, `M`, `B` after such numbers and after
    money are powers of ten (16k tokens are 16,000; `16Ki` are 16,384). Raises UnitError, which is also a ValueError.

    >>> parse("3.35 TB/s", "bytes_per_s"), parse("16k", "tokens"), parse("30 %", "ratio")
    (3350000000000.0, 16000.0, 0.3)
    >>> parse("700", "w")
    Traceback (most recent call last):
    capplan.units.UnitError: 700: give a unit, e.g. '700 W'
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UnitError(f"{value!r} is not {DIMENSIONS[unit].word}; write e.g. '{DIMENSIONS[unit].example}'")
    return _parse_text(value if isinstance(value, str) else repr(value), unit)


@lru_cache(maxsize=4096)
def _parse_text(text: str, unit: str) -> float:
    dimension = DIMENSIONS[unit]
    shown = text.strip()
    if len(text) > _LONGEST_TEXT:
        raise UnitError(f"'{shown[:24]}...' is too long for {dimension.word}; write e.g. '{dimension.example}'")
    number, rest = _split(shown, unit)
    factor = 1.0
    if dimension.magnitudes and (magnitude := _MAGNITUDE.fullmatch(rest)):
        factor, rest = MAGNITUDES[magnitude[1]], magnitude[2]
    if not rest and not dimension.bare:
        raise UnitError(f"{shown}: give a unit, e.g. '{shown} {_unit_of(dimension.example)}'")
    factor *= _factor(rest, unit, shown) if rest else 1.0
    # Dividing keeps 36.6 % at 0.366 and 2.40 USD/hour at 2.40 / 3600, as people compute them.
    return _bounded(number * factor if factor >= 1 else number / (1 / factor), shown)


def _split(shown: str, unit: str) -> tuple[float, str]:
    """The number and the text after it; `$2.40/hour` counts as `2.40 USD/hour`."""
    example = DIMENSIONS[unit].example
    match = _NUMBER.fullmatch(shown)
    if not match or not any(c.isdigit() for c in match["digits"]):
        raise UnitError(f"{shown!r} is not {DIMENSIONS[unit].word}; write e.g. '{example}'")
    rest = match["rest"].strip()
    if rest.startswith(","):
        raise UnitError(f"{shown!r}: a comma only separates thousands; write decimals with a point, e.g. '{example}'")
    if re.match(r"(-|–|\.\.|to )\s*[0-9]", rest):
        raise UnitError(f"{shown!r} is a range; write {{low: ..., mid: ..., high: ...}} with one quantity in each")
    if rest[:1].isdigit() or rest[:1] in ("_", "."):
        raise UnitError(f"{shown!r}: the number cannot be read; write e.g. '{example}'")
    number = float(match["digits"].replace(",", "").replace(" ", "").replace("_", "") + (match["exponent"] or ""))
    if match["sign"] == "-" and number != 0:
        raise UnitError(f"{shown}: must not be negative")
    if match["dollar"]:
        rest = _after_dollar(rest)
    return number, rest


def _after_dollar(rest: str) -> str:
    magnitude = _MAGNITUDE.fullmatch(rest)
    return f"{magnitude[1]} USD {magnitude[2]}" if magnitude else f"USD {rest}"


def _bounded(value: float, shown: str) -> float:
    if not math.isfinite(value) or value > _LARGEST or 0 < value < 1 / _LARGEST:
        raise UnitError(f"{shown}: the number is out of all proportion; check its exponent")
    return value


def _factor(rest: str, unit: str, shown: str) -> float:
    """What one of the written unit is in SI."""
    written = _tidy(rest)
    table = spellings(unit)
    if (exact := table.get(written)) is not None:
        return exact
    if _AMBIGUOUS_B.fullmatch(written):
        prefix, rate = written[:-1].removesuffix("bp")[:1].upper(), "/s" if unit == "bytes_per_s" else ""
        raise UnitError(f"{shown}: a lower-case b may be bits or bytes; write '{prefix}B{rate}' or '{prefix}bit{rate}'")
    alike = {factor for spelling, factor in table.items() if spelling.casefold() == written.casefold()}
    if len(alike) == 1:
        return alike.pop()
    for other in DIMENSIONS.values():
        if written in spellings(other.name):
            raise UnitError(_mismatch(shown, other.name, unit))
    return _factor_by_pint(written, unit, shown)


def _tidy(rest: str) -> str:
    """One way of writing: no spaces at slashes, no 'per', no CO2 marks, no GPU between price and hour."""
    text = re.sub(r"\s+per\s+", "/", f" {rest}").strip().replace("$", "USD")
    text = re.sub(r"\s*([/*])\s*", r"\1", text)
    text = re.sub(r"[ -]?(?:of )?CO(?:2|₂)e?(?:q)?(?=/|$)", "", text)
    text = re.sub(r"/\(?(?:GPU|gpu|accelerator|chip)[ /-]?(h|hour|hours|hr|month|year|day|s)\)?$", r"/\1", text)
    text = re.sub(r"/1(?=[ kKMB])", "/", text)
    return re.sub(r"/\s*(?:million|(k|K|M|B))\s+(?=tok)", lambda m: f"/{m[1] or 'M'}", text)


def _unit_of(example: str) -> str:
    return example.partition(" ")[2] or example


def _mismatch(shown: str, found: str, unit: str) -> str:
    wanted, other = DIMENSIONS[unit], DIMENSIONS[found]
    if unit == "flop_per_s" and found == "flop":
        return f"{shown} may be a count or a rate; write a rate as '{wanted.example}'"
    return f"{shown} is {other.word}; {wanted.word} such as '{wanted.example}' is needed"


@cache
def _registry() -> "UnitRegistry[float]":
    import pint  # loaded for rare spellings only: it costs more than a whole plan

    return pint.UnitRegistry(str(Path(__file__).with_name("units.txt")), cache_folder=None)


def _factor_by_pint(written: str, unit: str, shown: str) -> float:
    if not _FOR_PINT.fullmatch(written):
        raise _unknown(written, unit, shown)
    import pint

    registry = _registry()
    try:
        quantity = registry.Quantity(1.0, registry.parse_units(written))
        return float(quantity.to(DIMENSIONS[unit].pint or "dimensionless").magnitude)
    except pint.DimensionalityError:
        wanted = DIMENSIONS[unit]
        raise UnitError(f"{shown} is not {wanted.word}; one such as '{wanted.example}' is needed") from None
    except (pint.PintError, ValueError, TypeError, ArithmeticError, AttributeError, KeyError):
        raise _unknown(written, unit, shown) from None


def _unknown(written: str, unit: str, shown: str) -> UnitError:
    close = difflib.get_close_matches(written, spellings(unit), n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"write e.g. '{DIMENSIONS[unit].example}'"
    return UnitError(f"{shown}: unknown unit '{written}' ({hint})")


_SHOWN: dict[str, tuple[tuple[float, str], ...]] = {
    "bytes": ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1, "B")),
    "bytes_per_s": ((1e15, "PB/s"), (1e12, "TB/s"), (1e9, "GB/s"), (1e6, "MB/s"), (1, "B/s")),
    "flop": ((1e18, "EFLOP"), (1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1, "FLOP")),
    "flop_per_s": ((1e18, "EFLOP/s"), (1e12, "TFLOP/s"), (1e9, "GFLOP/s"), (1, "FLOP/s")),
    "s": ((86400, "day"), (3600, "hour"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "us")),
    "years": ((YEAR_S, "year"), (MONTH_S, "month"), (86400, "day"), (1, "s")),
    "w": ((1e6, "MW"), (1e3, "kW"), (1, "W")),
    "j": ((1e6 * KWH_J, "GWh"), (1e3 * KWH_J, "MWh"), (KWH_J, "kWh"), (1e3, "kJ"), (1, "J")),
    "kg": ((1e3, "t"), (1, "kg"), (1e-3, "g")),
    "usd": ((1, "USD"),),
    "usd_per_s": ((1 / 3600, "USD/hour"),),
    "usd_per_j": ((1 / KWH_J, "USD/kWh"),),
    "usd_per_w": ((1, "USD/W"),),
    "usd_per_w_s": ((1e-3 / MONTH_S, "USD/kW/month"),),
    "usd_per_token": ((1e-6, "USD/Mtoken"),),
    "kg_per_j": ((1e-3 / KWH_J, "g/kWh"),),
    "l_per_j": ((1 / KWH_J, "L/kWh"),),
    "tokens": ((1, "tokens"),),
    "tokens_per_s": ((1, "tokens/s"),),
    "per_s": ((1, "requests/s"),),
    "ratio": ((1, ""), (0.01, "%")),
    "count": ((1, ""),),
}


def show(value_si: float, unit: str, digits: int = 3) -> str:
    """An SI value for people, with at least `digits` significant digits and never an exponent.

    Money keeps its cents in prices; whole numbers below a million keep all their digits.

    >>> show(3.35e12, "bytes_per_s"), show(2.4 / 3600, "usd_per_s"), show(327680, "bytes"), show(0.3, "ratio")
    ('3.35 TB/s', '2.40 USD/hour', '327,680 B', '30 %')
    """
    scales = _SHOWN[unit]
    whole = float(value_si).is_integer() and abs(value_si) < 1e6 and scales[-1][0] == 1
    exact_scale = [scale for scale in scales if whole and scale[0] == 1 and unit in ("bytes", "flop")]
    # 67 s read better than 1.12 min: longer units of time start at two of them.
    least = 2 if unit == "s" and abs(value_si) >= 1 else 1
    fitting = [scale for scale in scales if abs(value_si) >= scale[0] * (least if scale[0] > 1 else 1)]
    factor, name = (exact_scale or fitting or [scales[-1]])[0]
    text = _digits(value_si / factor, digits, cents=name.startswith("USD/"))
    return f"{text} {name}".strip()


def _digits(value: float, digits: int, cents: bool) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    before = math.floor(math.log10(abs(value))) + 1
    places = max(0, digits - before)
    text = f"{value:,.{places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{value:,.2f}" if cents and len(text.partition(".")[2]) < 2 else text
