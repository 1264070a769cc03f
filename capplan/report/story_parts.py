"""What several stories of reports share: grids of plans and bills, why plans cannot be, what all rests on."""

from collections.abc import Iterator, Sequence

from .blocks import Block, Grid, Text, grid
from .metrics import VIEWS, metric
from .report import Line, Report
from .show import cents, column
from .text import refusals, varying


def plans_grid(report: Report) -> Grid:
    """One row a plan: what tells them apart, then the columns that this kind of report shows."""
    keys = varying(report)
    shown = [name for name in VIEWS.get(report.kind, VIEWS["sweep"]) if name not in keys and _any(report, name)]
    columns = [column(metric(name), [row.get(name) for row in report.rows]) for name in [*keys, *shown]]
    words = {at for at, name in enumerate(keys) if metric(name).unit == "text"}
    if not all(report.feasible_rows):
        fits = ["yes" if can else f"NO: {_constraint(report, at)}" for at, can in enumerate(report.feasible_rows)]
        columns.append(("fits", fits))
        words.add(len(columns) - 1)
    return grid(
        [heading for heading, _ in columns],
        [cells for _, cells in columns],
        words=frozenset(words),
        marks=tuple("" if can else "bad" for can in report.feasible_rows),
        keys=max(1, len(keys)),
    )


def lines_grid(lines: Sequence[Line]) -> Grid:
    """The items of a year's cost, adding up to the cent."""
    total = sum((line.usd_per_year for line in lines), start=lines[0].usd_per_year * 0) if lines else None
    rows = [(line.label, cents(line.usd_per_year), f"{line.formula}  [{line.source}]") for line in lines]
    if total is not None:
        rows.append(("total", cents(total), ""))
    return Grid(
        ("item", "USD/year", "how"),
        tuple(rows),
        words=frozenset({0, 2}),
        marks=(*("" for _ in lines), "total"),
        prose=True,
    )


def cannot_be(report: Report) -> Iterator[Block]:
    if report.excuses:
        yield Text(f"Cannot be:\n{refusals(report)}", "bad")


def rests_on(report: Report) -> str:
    count = len(report.assumptions)
    noun = "assumption" if count == 1 else "assumptions"
    return f"Rests on {count} stated {noun}; `--format json` lists each with its source." if count else ""


def _any(report: Report, name: str) -> bool:
    return any(row.get(name) is not None for row in report.rows)


def _constraint(report: Report, at: int) -> str:
    return next((one.why.constraint for one in report.excuses if one.row == at), "infeasible")
