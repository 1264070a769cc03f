"""How values look to people: three significant digits, one scale a column, money in whole dollars or cents."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from .metrics import Metric

MISSING = "-"

# (least magnitude that the scale is used from, factor, heading suffix), largest first.
SCALES: dict[str, tuple[tuple[float, float, str], ...]] = {
    "s": ((1.0, 1.0, "s"), (0.0, 1e3, "ms")),
    "j": ((1e6, 1e-6, "MJ"), (1e4, 1e-3, "kJ"), (0.0, 1.0, "J")),
}


def number(value: float, digits: int = 3) -> str:
    """A number of three significant digits, thousands separated, never in scientific notation above 1e-6.

    >>> [number(x) for x in (1234.5, 36.04, 9.618, 9.996, 0.01834, 0, 2)]
    ['1,234', '36.0', '9.62', '10.0', '0.0183', '0', '2.00']
    """
    if value == 0:
        return "0"
    if abs(value) < 1e-6:
        return f"{value:.{digits - 1}e}"
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])  # of the rounded number: 9.996 is 10.0
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def count(value: float) -> str:
    """Whole numbers as they are, means of them with three digits.

    >>> count(22600), count(31.25)
    ('22,600', '31.2')
    """
    return f"{value:,.0f}" if value == int(value) else number(value)


def cents(value: Decimal) -> str:
    """Money to the cent: `1,234.50`."""
    return f"{value:,.2f}"


def _flag(value: object) -> str:
    return "yes" if value else "NO"


SHOW: dict[str, Callable[..., str]] = {
    "text": str,
    "flag": _flag,
    "count": count,
    "tokens": lambda value: f"{value:,.0f}",
    "s": number,
    "j": number,
    "ratio": lambda value: f"{number(100 * float(value))} %",
    "times": lambda value: f"{value:.1f}x" if value < 100 else f"{value:,.0f}x",
    "per_s": number,
    "usd": lambda value: f"{value:,.0f}",
    "usd_each": number,
    "each": number,
    "kwh": lambda value: f"{value:,.0f}",
    "litres": lambda value: f"{value:,.0f}",
    "amount": lambda value: f"{value:,.0f}",
    "tflop": lambda value: number(value / 1e12),
    "kg": lambda value: f"{value:,.0f}",
}


def cell(metric: Metric, value: object) -> str:
    """One value with its unit, for prose and lists: `18.3 ms`, `$2,314,000`, `-` where it does not apply."""
    if value is None:
        return MISSING
    heading, cells = column(metric, [value])
    if metric.unit in SCALES:
        return f"{cells[0]} {heading.rpartition(' ')[2]}"
    prefix = "$" if metric.unit in ("usd", "usd_each") else ""
    return prefix + cells[0]


def column(metric: Metric, values: Sequence[object]) -> tuple[str, list[str]]:
    """Heading and cells of a column, all cells on one scale so that they compare at a glance."""
    numeric = all(_fits(metric, value) for value in values)
    if metric.unit not in SCALES or not numeric:
        show = SHOW[metric.unit] if numeric else str
        return metric.label, [MISSING if value is None else show(value) for value in values]
    numbers = [None if value is None else float(str(value)) for value in values]
    factor, unit = _scale(SCALES[metric.unit], [value for value in numbers if value is not None])
    return f"{metric.label} {unit}", [MISSING if value is None else number(value * factor) for value in numbers]


def _fits(metric: Metric, value: object) -> bool:
    """Whether a value can be shown by its metric's rule (a swept key may hold a word where a number is usual)."""
    return value is None or metric.unit in ("text", "flag") or isinstance(value, int | float | Decimal)


def _scale(scales: Sequence[tuple[float, float, str]], values: Sequence[float]) -> tuple[float, str]:
    largest = max((abs(value) for value in values), default=1.0)
    return next((factor, unit) for least, factor, unit in scales if largest >= least)
