"""Rows of two reports side by side: what was added, removed and changed, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..metrics import BY_NAME, METRICS, metric
from ..show import cell
from .sides import Side, printable

# Reports are rounded to ten digits; what differs by less than this is the same number on another processor.
SAME = 1e-8
STATUSES = ("added", "removed", "infeasible-now", "feasible-now", "changed", "noise", "unchanged")
MONEY_UNITS = ("usd", "usd_each")
TOTAL = "annual_tco_usd"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Noise:
    """Changes below these are told as noise: of yearly money in USD, and of any figure as a ratio."""

    usd: float = 0.0
    relative: float = 0.0


@dataclass(frozen=True)
class Change:
    """One figure of one row, before and after; None where it does not apply."""

    metric: str
    base: Any
    head: Any

    @property
    def numbers(self) -> tuple[float, float] | None:
        """Both as numbers, None where one is none."""
        pair = (self.base, self.head)
        return None if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in pair) else pair

    @property
    def absolute(self) -> float | None:
        """By how much it grew; money to the cent. None where either side is no number."""
        if self.numbers is None:
            return None
        base, head = self.numbers
        if BY_NAME.get(self.metric, metric(self.metric)).unit in MONEY_UNITS:
            return float(Decimal(str(head)) - Decimal(str(base)))
        return float(f"{head - base:.10g}")

    @property
    def relative(self) -> float | None:
        """By which part of what it was; None on a zero base, of which nothing is a part."""
        if self.numbers is None or self.absolute is None or not self.numbers[0]:
            return None
        return float(f"{self.absolute / abs(self.numbers[0]):.10g}")


@dataclass(frozen=True)
class RowDiff:
    """One row of both reports, or of one.

    scenario: its name. key: what tells the row from the others, as a person would say it. status: one of STATUSES.
    changes: every figure that differs, in the order of the columns. causes: cents of the yearly cost by cause, which
    add up to its change; empty where they were not asked for. excuse: why it cannot be now.
    """

    scenario: str
    key: str
    status: str
    base: Row | None
    head: Row | None
    changes: tuple[Change, ...] = ()
    causes: Mapping[str, int] = field(default_factory=dict)
    excuse: str = ""

    @property
    def name(self) -> str:
        return f"{self.scenario}: {self.key}" if self.key else self.scenario

    def change(self, name: str) -> Change:
        """A figure before and after, whether it changed or not."""
        return Change(name, (self.base or {}).get(name), (self.head or {}).get(name))


def compare(base: Side | None, head: Side | None, noise: Noise | None = None) -> list[RowDiff]:
    """The rows of two reports, in the order of the head's and then those that it no longer has."""
    sides = [one for one in (base, head) if one is not None]
    axes = _axes([one.report for one in sides])
    before = _keyed(base.report["rows"], axes) if base else {}
    after = _keyed(head.report["rows"], axes) if head else {}
    named = (head or base or sides[0]).name
    found = []
    for key in (*after, *(key for key in before if key not in after)):
        excuse = _excuse(head.report, list(after).index(key)) if head and key in after else ""
        found.append(_row(named, _said(key, axes), before.get(key), after.get(key), noise or Noise(), excuse))
    return found


def _row(scenario: str, key: str, base: Row | None, head: Row | None, noise: Noise, excuse: str) -> RowDiff:
    if base is None or head is None:
        return RowDiff(scenario, key, "added" if base is None else "removed", base, head, excuse=excuse)
    changes = tuple(changes_of(base, head))
    before, after = (row.get("feasible") is not False for row in (base, head))
    if before != after:
        status = "feasible-now" if after else "infeasible-now"
    elif not changes:
        status = "unchanged"
    else:
        status = "noise" if all(_is_noise(change, noise) for change in changes) else "changed"
    return RowDiff(scenario, key, status, base, head, changes, excuse=excuse if not after else "")


def changes_of(base: Row, head: Row) -> Iterator[Change]:
    """Every figure that differs, in the order of the columns.

    A column that one report does not have at all, being older or of another kind, is no change of any figure.
    """
    known = [one.name for one in METRICS]
    others = [name for name in dict.fromkeys((*head, *base)) if name not in known]
    for name in (*known, *others):
        if (name in base) != (name in head):
            continue
        change = Change(name, base.get(name), head.get(name))
        if not _same(change):
            yield change


def _same(change: Change) -> bool:
    if change.numbers is None:
        return bool(change.base == change.head)
    base, head = change.numbers
    return abs(head - base) <= SAME * max(abs(base), abs(head))


def _is_noise(change: Change, noise: Noise) -> bool:
    if change.absolute is None:
        return False
    if metric(change.metric).unit == "usd" and abs(change.absolute) < noise.usd:
        return True
    return change.relative is not None and abs(change.relative) < noise.relative


def _axes(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """Columns that tell rows apart in every report; all others may change."""
    each = [list(one.get("axes") or ()) for one in reports]
    return [name for name in each[0] if all(name in axes for axes in each)] if each else []


def _keyed(rows: Sequence[Row], axes: Sequence[str]) -> dict[tuple[str, ...], Row]:
    """Rows by the text of their axes, those that share it by their place among them."""
    found: dict[tuple[str, ...], Row] = {}
    for row in rows:
        key = tuple(str(row.get(name)) for name in axes)
        at = 0
        while (*key, str(at)) in found:
            at += 1
        found[(*key, str(at))] = row
    return found


def _said(key: tuple[str, ...], axes: Sequence[str]) -> str:
    parts = [f"{metric(name).label} = {value}" for name, value in zip(axes, key, strict=False) if value != "None"]
    return printable(", ".join([*parts, *([f"row {int(key[-1]) + 1}"] if key[-1] != "0" else [])]))


def _excuse(report: Mapping[str, Any], row: int) -> str:
    for one in report.get("excuses") or ():
        if isinstance(one, Mapping) and one.get("row") == row:
            return printable(f"{one.get('constraint')}: {one.get('message')}")
    return ""


def shown(name: str, value: object) -> str:
    """A figure with its unit, for people."""
    known = metric(name)
    return printable(value) if isinstance(value, str) else cell(known, value)


def percent(ratio: float | None) -> str:
    """`+4.2 %`, and nothing on a zero base."""
    return "" if ratio is None else f"{100 * ratio:+.1f} %" if abs(ratio) < 10 else f"{100 * ratio:+,.0f} %"
