"""The ways people write units: exact spellings and what one of each is in SI.

Plain data, so that reading a scenario loads no unit library; `tests/test_units.py` holds every row against pint and
the definitions in `units.txt`. A year has 365 days (8,760 h) and a month is a twelfth of it (730 h), as bills count.
"""

from collections.abc import Callable
from functools import cache

from capplan.records import dataclass

Table = dict[str, float]

_PREFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50}

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
YEAR_S = 365 * DAY_S
MONTH_S = YEAR_S / 12
KWH_J = 1e3 * HOUR_S

MAGNITUDES: Table = {
    "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "bn": 1e9, "T": 1e12,
    "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20,
}  # fmt: skip


def _prefixed(*names: str, scale: float = 1.0, prefixes: Table = _PREFIXES) -> Table:
    return {prefix + name: factor * scale for prefix, factor in prefixes.items() for name in names}


def _named(**groups: tuple[float, str]) -> Table:
    return {spelling: factor for factor, spellings in groups.values() for spelling in spellings.split()}


def _over(top: Table, bottom: Table, sign: str = "/") -> Table:
    return {f"{a}{sign}{b}": x / y for a, x in top.items() for b, y in bottom.items()}


def _bytes() -> Table:
    # Lower-case "Gb" is left out on purpose: half of its writers mean bits, the other half bytes.
    bits = _prefixed("bit", "bits", scale=1 / 8)
    return _prefixed("B", "byte", "bytes") | _prefixed("B", prefixes=_BINARY) | bits


def _seconds() -> Table:
    return _named(
        s=(1.0, "s sec secs second seconds"),
        ms=(1e-3, "ms msec millisecond milliseconds"),
        us=(1e-6, "us µs μs usec microsecond microseconds"),
        ns=(1e-9, "ns nanosecond nanoseconds"),
        minute=(60.0, "min minute minutes"),
        hour=(HOUR_S, "h hr hrs hour hours"),
        day=(DAY_S, "d day days"),
        week=(7 * DAY_S, "week weeks"),
        month=(MONTH_S, "mo month months"),
        year=(YEAR_S, "y yr yrs year years"),
    )


_PER_SECOND = {"s": 1.0, "sec": 1.0, "second": 1.0}
_USD = {"USD": 1.0, "usd": 1.0, "cent": 0.01, "ct": 0.01}  # `units` reads $ as USD
_MONEY = _USD | {"dollar": 1.0, "dollars": 1.0, "cents": 0.01, "kUSD": 1e3, "MUSD": 1e6}
_POWER = _prefixed("W", "watt", "watts") | {"mW": 1e-3}
_MASS = {"g": 1e-3, "kg": 1.0, "t": 1e3, "tonne": 1e3, "tonnes": 1e3, "mg": 1e-6}
_TOKENS = _prefixed("token", "tokens", "tok")
_REQUESTS = dict.fromkeys(("request", "requests", "req", "query", "queries", ""), 1.0)
_ENERGY = {"J": 1.0, "kJ": 1e3, "MJ": 1e6, "Wh": HOUR_S, "kWh": KWH_J, "MWh": 1e3 * KWH_J, "GWh": 1e6 * KWH_J}
_LITRES = {"L": 1.0, "l": 1.0, "litre": 1.0, "litres": 1.0, "liter": 1.0, "liters": 1.0}


def _bits_and_bytes_per_s() -> Table:
    spoken = {f"{p}Bps": f for p, f in _PREFIXES.items()} | {f"{p}bps": f / 8 for p, f in _PREFIXES.items()}
    return _over(_bytes(), _PER_SECOND) | spoken


@dataclass(frozen=True)
class Dimension:
    """One kind of quantity: its SI name, what to call it, an example, the pint unit, whether a bare number will do."""

    name: str
    word: str
    example: str
    pint: str
    bare: bool = False
    magnitudes: bool = False


DIMENSIONS: dict[str, Dimension] = {
    d.name: d
    for d in (
        Dimension("bytes", "a size", "80 GB", "byte"),
        Dimension("bytes_per_s", "a data rate", "3.35 TB/s", "byte/second"),
        Dimension("flop", "a number of operations", "1.2 PFLOP", "flop"),
        Dimension("flop_per_s", "a rate of operations", "989 TFLOP/s", "flop/second"),
        Dimension("s", "a duration", "2 s", "second"),
        Dimension("years", "a duration", "4 year", "second"),
        Dimension("w", "a power", "700 W", "watt"),
        Dimension("j", "an energy", "1.5 kWh", "joule"),
        Dimension("kg", "a mass", "12 kg", "kilogram"),
        Dimension("usd", "an amount of money", "25000 USD", "USD", magnitudes=True),
        Dimension("usd_per_s", "a price per time", "2.40 USD/hour", "USD/second", magnitudes=True),
        Dimension("usd_per_j", "a price of energy", "0.12 USD/kWh", "USD/joule"),
        Dimension("usd_per_w", "a price per power", "12 USD/W", "USD/watt"),
        Dimension("usd_per_w_s", "a price per power and time", "195 USD/kW/month", "USD/watt/second"),
        Dimension("usd_per_token", "a price per token", "0.55 USD/Mtoken", "USD/token"),
        Dimension("kg_per_j", "a carbon intensity", "369 g/kWh", "kilogram/joule"),
        Dimension("l_per_j", "a water intensity", "1.8 L/kWh", "litre/joule"),
        Dimension("tokens", "a number of tokens", "16k", "token", bare=True, magnitudes=True),
        Dimension("tokens_per_s", "a token rate", "2400 token/s", "token/second", magnitudes=True),
        Dimension("per_s", "a rate of requests", "100", "request/second", bare=True, magnitudes=True),
        Dimension("ratio", "a ratio", "30 %", "", bare=True),
        Dimension("count", "a number", "8", "", bare=True, magnitudes=True),
    )
}


def _joules() -> Table:
    return _prefixed("J", "joule", "joules") | _prefixed("Wh", scale=HOUR_S)


def _usd_per_w_s() -> Table:
    prices = _over(_USD, {"W": 1.0, "kW": 1e3, "MW": 1e6})
    times = _named(hour=(HOUR_S, "h hour"), month=(MONTH_S, "mo month"), year=(YEAR_S, "y yr year"))
    return _over(prices, times) | _over(prices, times, sign="-")


_TABLES: dict[str, Callable[[], Table]] = {
    "bytes": _bytes,
    "bytes_per_s": _bits_and_bytes_per_s,
    "flop": lambda: _prefixed("FLOP", "FLOPs", "flop"),
    "flop_per_s": lambda: _over(_prefixed("FLOP", "FLOPs", "flop", "OP"), _PER_SECOND) | _prefixed("FLOPS", "OPS"),
    "s": _seconds,
    "years": _seconds,
    "w": lambda: _POWER,
    "j": _joules,
    "kg": lambda: _MASS,
    "usd": lambda: _MONEY,
    "usd_per_s": lambda: _over(_USD, _seconds()),
    "usd_per_j": lambda: _over(_USD, _ENERGY),
    "usd_per_w": lambda: _over(_USD, {"W": 1.0, "kW": 1e3, "MW": 1e6}),
    "usd_per_w_s": _usd_per_w_s,
    "usd_per_token": lambda: _over(_USD, _TOKENS | {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}),
    "kg_per_j": lambda: _over(_MASS, _ENERGY),
    "l_per_j": lambda: _over(_LITRES, _ENERGY),
    "tokens": lambda: _TOKENS,
    "tokens_per_s": lambda: _over(_TOKENS, _seconds()),
    "per_s": lambda: _over(_REQUESTS, _seconds()) | {"qps": 1.0, "rps": 1.0, "Hz": 1.0},
    "ratio": lambda: {"%": 0.01, "percent": 0.01, "x": 1.0, "×": 1.0},
    "count": lambda: {},
}


@cache
def spellings(unit: str) -> Table:
    """Every exact spelling of one dimension and its SI factor.

    >>> spellings("bytes")["GiB"], spellings("w")["kW"]
    (1073741824.0, 1000.0)
    """
    return _TABLES[unit]()
