"""`strategies` for people: the rows worth looking at, and the frontier of cost and accuracy drawn."""

from collections.abc import Sequence
from dataclasses import replace

from .blocks import Grid
from .metrics import metric
from .report import Report
from .show import column
from .text import row_name

# More rows than this are not read: people see then where more money buys more accuracy, programs all of them.
MOST_ROWS = 24
_WIDTH = 41


def worth_looking_at(report: Report) -> Report:
    """The report with all rows where they are few, else with those at which more money buys more accuracy."""
    if len(report.rows) <= MOST_ROWS:
        return report
    rows = tuple(report.rows[at] for at in _by_cost(report))
    if not rows:
        return report
    telling = tuple(name for name in report.axes if len({str(row.get(name)) for row in rows}) > 1)
    return replace(report, rows=rows, axes=telling, excuses=(), lines=())


def missed(report: Report) -> str:
    """How many rows cannot be, by what they break; the reasons one by one are in JSON."""
    first = {why.row: why.constraint for why in reversed(report.excuses) if why.row is not None}
    counts = [f"{list(first.values()).count(name)} for {name}" for name in dict.fromkeys(first.values())]
    return f"{len(first)} of {len(report.rows)} rows cannot be: {', '.join(counts)}." if first else ""


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
    """Rows of the frontier that are more accurate than every cheaper one, from the cheapest up."""
    places = [at for at, row in enumerate(report.rows) if row.get("frontier")]
    steps: list[int] = []
    for at in sorted(places, key=lambda at: (_number(report, at, "annual_tco_usd"), -_number(report, at, "accuracy"))):
        if not steps or _number(report, at, "accuracy") > _number(report, steps[-1], "accuracy"):
            steps.append(at)
    return steps


def _brief(report: Report, at: int) -> str:
    """The row's name without keys that it does not have."""
    row = report.rows[at]
    rest = row_name(replace(report, axes=tuple(name for name in report.axes if name != "strategy")), at)
    return f"{row.get('strategy')}, {rest}" if rest != report.name else str(row.get("strategy"))


def _number(report: Report, at: int, name: str) -> float:
    return float(str(report.rows[at].get(name) or 0.0))
