"""`strategies` for people: the rows worth looking at, and the steps of the frontier of cost and accuracy."""

from dataclasses import replace

from .report import Report
from .text import row_name

# More rows than this are not read: people see then where more money buys more accuracy, programs all of them.
MOST_ROWS = 24


def worth_looking_at(report: Report) -> Report:
    """The report with all rows where they are few, else with those at which more money buys more accuracy."""
    if len(report.rows) <= MOST_ROWS:
        return report
    rows = tuple(report.rows[at] for at in steps(report))
    if not rows:
        return report
    telling = tuple(name for name in report.axes if len({str(row.get(name)) for row in rows}) > 1)
    return replace(report, rows=rows, axes=telling, excuses=(), lines=())


def missed(report: Report) -> str:
    """How many rows cannot be, by what they break; the reasons one by one are in JSON."""
    first = {one.row: one.why.constraint for one in reversed(report.excuses) if one.row is not None}
    counts = [f"{list(first.values()).count(name)} for {name}" for name in dict.fromkeys(first.values())]
    return f"{len(first)} of {len(report.rows)} rows cannot be: {', '.join(counts)}." if first else ""


def steps(report: Report) -> list[int]:
    """Rows of the frontier that are more accurate than every cheaper one, from the cheapest up."""
    places = [at for at, row in enumerate(report.rows) if row.get("frontier")]
    found: list[int] = []
    for at in sorted(places, key=lambda at: (_number(report, at, "annual_tco_usd"), -_number(report, at, "accuracy"))):
        if not found or _number(report, at, "accuracy") > _number(report, found[-1], "accuracy"):
            found.append(at)
    return found


def brief(report: Report, at: int) -> str:
    """The row's name without keys that it does not have."""
    row = report.rows[at]
    rest = row_name(replace(report, axes=tuple(name for name in report.axes if name != "strategy")), at)
    return f"{row.get('strategy')}, {rest}" if rest != report.name else str(row.get("strategy"))


def _number(report: Report, at: int, name: str) -> float:
    return float(str(report.rows[at].get(name) or 0.0))
