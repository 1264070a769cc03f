"""`strategies` for people: the recommendation, the rows worth looking at, and the frontier drawn."""

from collections.abc import Sequence
from dataclasses import replace

from .blocks import Grid
from .metrics import metric
from .report import Report
from .show import column
from .text import row_name

# More rows than this are not read: people see the frontier then, programs all of them.
MOST_ROWS = 24
_WIDTH = 41


def worth_looking_at(report: Report) -> Report:
    """The report with all rows where they are few, else with those of the frontier."""
    if len(report.rows) <= MOST_ROWS:
        return report
    kept = [at for at in _by_cost(report)]
    return replace(report, rows=tuple(report.rows[at] for at in kept), excuses=(), lines=()) if kept else report


def drawn(report: Report) -> Grid:
    """The frontier from the cheapest up: accuracy as a dot with its interval, on one scale for all."""
    places = _by_cost(report)
    ends = [_number(report, at, name) for at in places for name in ("accuracy_low", "accuracy_high")]
    if not ends:
        return Grid((), ())
    low, high = int(min(ends) * 20) / 20, min(1.0, int(max(ends) * 20 + 0.999) / 20)
    each = metric("usd_per_1k_queries")
    heading, costs = column(each, [report.rows[at].get(each.name) for at in places])
    scale = f"{low:.0%}{'accuracy':^{_WIDTH - 8}}{high:>4.0%}"
    bars = [_bar([_number(report, at, name) for name in _ENDS], low, max(high - low, 0.05)) for at in places]
    named = [_brief(report, at) for at in places]
    return Grid(("frontier", heading, scale), tuple(zip(named, costs, bars, strict=True)), words=frozenset({0, 2}))


_ENDS = ("accuracy_low", "accuracy", "accuracy_high")


def _bar(ends: Sequence[float], start: float, span: float) -> str:
    low, value, high = (round((end - start) / span * (_WIDTH - 1)) for end in ends)
    line = [" "] * _WIDTH
    line[low : high + 1] = "-" * (high + 1 - low)
    line[low], line[high], line[value] = "|", "|", "o"
    return "".join(line)


def _by_cost(report: Report) -> list[int]:
    places = [at for at, row in enumerate(report.rows) if row.get("frontier")]
    return sorted(places, key=lambda at: _number(report, at, "annual_tco_usd"))


def _brief(report: Report, at: int) -> str:
    """The row's name without keys that it does not have."""
    row = report.rows[at]
    used = [name for name in report.axes if row.get(name) is not None and name != "strategy"]
    rest = row_name(replace(report, axes=tuple(used)), at) if used else ""
    return f"{row.get('strategy')}{', ' if rest else ''}{rest}"


def _number(report: Report, at: int, name: str) -> float:
    return float(str(report.rows[at].get(name) or 0.0))
