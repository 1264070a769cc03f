"""A comparison told to people: the rows that changed, their figures, and what the change of cost is due to."""

from collections.abc import Iterator

from ..blocks import Block, Grid, Heading, Text
from ..metrics import metric
from ..show import number
from .compare import MONEY_UNITS, TOTAL, Change, RowDiff, percent, shown
from .result import Diff

MARKS = {
    "added": "+", "removed": "-", "changed": "~", "infeasible-now": "!", "feasible-now": "*", "noise": "=",
    "unchanged": "=",
}  # fmt: skip
# Rows beyond these are told at a glance only.
DETAILED = 12


def tell(found: Diff) -> Iterator[Block]:
    """The rows at a glance, then each changed row with its causes."""
    yield Heading(f"{found.base} -> {found.head}", 1)
    yield Text(found.headline)
    rows = found.interesting
    if rows:
        yield at_a_glance(rows)
    both = [row for row in rows if row.status not in ("added", "removed")]
    for row in both[:DETAILED]:
        yield from of_row(row)
    if len(both) > DETAILED:
        yield Text(f"{len(both) - DETAILED} more rows changed; `--format csv` or `json` has every figure of them.")
    for note in found.notes:
        yield Text(note, "quiet")


def at_a_glance(rows: list[RowDiff]) -> Grid:
    """One line a row: its yearly cost before and after."""
    lines = []
    for row in rows:
        change = row.change(TOTAL)
        lines.append((MARKS[row.status], row.name, row.status, shown(TOTAL, change.base), shown(TOTAL, change.head),
                      money(change), percent(change.relative)))  # fmt: skip
    return Grid(("", "plan", "status", "USD/year before", "after", "change", ""), tuple(lines),
                words=frozenset({0, 1, 2}),
                marks=tuple("bad" if row.status == "infeasible-now" else "" for row in rows), keys=2)  # fmt: skip


def cannot_be(row: RowDiff) -> str:
    """Whether a plan that cannot be is one that could before."""
    return "Cannot be now" if row.status == "infeasible-now" else "Cannot be"


def of_row(row: RowDiff) -> Iterator[Block]:
    """What changed in one row, and why its cost did."""
    yield Heading(row.name)
    if row.excuse:
        yield Text(f"{cannot_be(row)}: {row.excuse}", "bad")
    if row.causes:
        yield causes_grid(row)
    yield Grid(
        ("figure", "before", "after", "change", ""),
        tuple((metric(one.metric).label, shown(one.metric, one.base), shown(one.metric, one.head), delta(one),
               percent(one.relative)) for one in row.changes),
        words=frozenset({0}),
    )  # fmt: skip


def causes_grid(row: RowDiff) -> Grid:
    """The change of the yearly cost by cause, to the cent, the largest first."""
    total = sum(row.causes.values())
    ordered = sorted(row.causes.items(), key=lambda item: -abs(item[1]))
    lines = [(cause, usd(cents), part(cents, total)) for cause, cents in ordered]
    return Grid(("cause", "USD/year", "share"), (*lines, ("together", usd(total), "")),
                words=frozenset({0}), marks=(*("" for _ in lines), "total"))  # fmt: skip


def part(cents: int, total: int) -> str:
    """A cause's part of the whole change; causes of both signs make parts above 100 %."""
    return f"{100 * cents / total:.0f} %" if total else ""


def usd(cents: int) -> str:
    """`+1,234.50`"""
    return f"{cents / 100:+,.2f}"


def money(change: Change) -> str:
    """A change of money in whole dollars, with its sign."""
    return "" if change.absolute is None else f"{change.absolute:+,.0f}"


def delta(change: Change) -> str:
    """A change with its sign and unit; empty where there is none to tell."""
    if change.absolute is None:
        return ""
    sign = "-" if change.absolute < 0 else "+"
    if metric(change.metric).unit == "ratio":
        return f"{sign}{number(100 * abs(change.absolute))} points"
    said = shown(change.metric, abs(change.absolute))
    return f"{sign}{said}" if metric(change.metric).unit not in MONEY_UNITS else f"{sign}{said.removeprefix('$')}"
