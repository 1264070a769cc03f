"""Markdown for a pull request: one comment that is kept up to date, details folded, within the size that GitHub takes.

The first line is a hidden tag, by which a later run finds the comment that it has to replace.
"""

from __future__ import annotations

import hashlib

from ...formats.markdown import safe
from ..compare import TOTAL, RowDiff, percent, shown
from ..result import Diff
from ..story import cannot_be, causes_grid, delta, money

SUFFIXES = (".md",)

# GitHub refuses a comment of 65,536 characters and more.
MOST_CHARACTERS = 65_000
GLANCE_ROWS = 20
_ICONS = {"FAIL": "❌", "WARN": "⚠️", "PASS": "✅"}


def tag(found: Diff) -> str:
    """The hidden line that marks the comments of one comparison: of the same scenarios, whatever their numbers."""
    names = sorted({(head or base).name for base, head in found.pairs if head or base})  # type: ignore[union-attr]
    return f"<!-- capplan-diff {hashlib.sha256(chr(0).join(names).encode()).hexdigest()[:12]} -->"


def render(found: Diff, width: int | None, color: bool) -> str:
    """The comment; rows that do not fit are counted at its end."""
    text = "\n".join([tag(found), f"### {_title(found)}", "", safe(found.headline), "", *_verdict(found)])
    rows = found.interesting
    text += "\n".join(["", *_glance(rows[:GLANCE_ROWS]), ""]) if rows else "\n"
    text += "".join(f"\n{safe(note)}\n" for note in found.notes[:GLANCE_ROWS])
    end = "\n</details>\n"
    details = [_details(row) for row in rows if row.status not in ("added", "removed")]
    details += [_brief(rows[GLANCE_ROWS:])] if len(rows) > GLANCE_ROWS else []
    if details:
        of = f" of {len(rows)} plans" if len(rows) > 1 else ""
        text += f"\n<details><summary>Every figure{of}</summary>\n\n"
        for at, one in enumerate(details):
            left = f"\n... and {len(details) - at} more rows; `capplan diff --format csv` has them all.\n"
            if len(text) + len(one) + len(left) + len(end) > MOST_CHARACTERS:
                text += left
                break
            text += one
        text += end
    return text


def _title(found: Diff) -> str:
    changes = [row.change(TOTAL).absolute for row in found.interesting]
    if len(found.rows) == 1 and changes and changes[0]:
        change = found.rows[0].change(TOTAL)
        way = "rises" if changes[0] > 0 else "falls"
        part = f" ({percent(change.relative)})" if change.relative is not None else ""
        return f"Yearly cost {way} by ${abs(changes[0]):,.0f}{part}"
    return "Capacity plan: " + ("what changed" if found.interesting else "nothing changed")


def _verdict(found: Diff) -> list[str]:
    if found.verdict is None:
        return []
    told = found.verdict.told
    lines = [f"- {one.level}: {safe(one.message)}" for one in told[:GLANCE_ROWS]]
    more = [f"- ... and {len(told) - GLANCE_ROWS} more"] if len(told) > GLANCE_ROWS else []
    return [f"**{_ICONS[found.verdict.word]} {found.verdict.word}**", "", *lines, *more, ""]


def _glance(rows: list[RowDiff]) -> list[str]:
    lines = ["| plan | status | USD/year before | after | change | |", "|---|---|---:|---:|---:|---:|"]
    for row in rows:
        change = row.change(TOTAL)
        cells = (row.name, row.status, shown(TOTAL, change.base), shown(TOTAL, change.head), money(change),
                 percent(change.relative))  # fmt: skip
        lines.append(f"| {' | '.join(map(safe, cells))} |")
    return lines


def _details(row: RowDiff) -> str:
    lines = [f"#### {safe(row.name)}", ""]
    if row.excuse:
        lines += [f"**{cannot_be(row)}:** {safe(row.excuse)}", ""]
    if row.causes:
        lines += ["| cause | USD/year | share |", "|---|---:|---:|"]
        lines += [f"| {' | '.join(map(safe, cells))} |" for cells in causes_grid(row).rows] + [""]
    lines += ["| figure | before | after | change | |", "|---|---:|---:|---:|---:|"]
    for one in row.changes:
        ends = (shown(one.metric, one.base), shown(one.metric, one.head))
        cells = (one.metric, *ends, delta(one), percent(one.relative))
        lines.append(f"| {' | '.join(map(safe, cells))} |")
    return "\n".join([*lines, "", ""])


def _brief(rows: list[RowDiff]) -> str:
    """Rows beyond the first table, a line each."""
    return "".join(f"- {safe(row.name)}: {row.status} {safe(money(row.change(TOTAL)))}\n" for row in rows[:200])
