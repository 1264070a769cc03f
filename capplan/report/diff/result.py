"""A whole comparison: rows, causes, notes and verdict of everything that was paired."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .attribute import attributed
from .compare import STATUSES, TOTAL, Noise, RowDiff, compare
from .sides import Side
from .verdict import Verdict, judge

if TYPE_CHECKING:
    from .policy import Policy

SCHEMA = "capplan.diff/1"


@dataclass(frozen=True)
class Place:
    """Where in a scenario file something stands; lines from 1."""

    file: str
    line: int


@dataclass(frozen=True)
class Diff:
    """What `capplan diff` found.

    base, head: as they were named. rows: of all pairs, in order. notes: sentences for people. verdict: None where no
    limit was set. heads: the sides that are now. files: scenario files by scenario name, for annotations.
    """

    base: str
    head: str
    rows: tuple[RowDiff, ...]
    pairs: tuple[tuple[Side | None, Side | None], ...]
    notes: tuple[str, ...] = ()
    verdict: Verdict | None = None
    scenario_file: Side | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each status, those without any left out."""
        return {one: n for one in STATUSES if (n := sum(row.status == one for row in self.rows))}

    @property
    def interesting(self) -> list[RowDiff]:
        """Rows that somebody should see: all but those that are as they were, the largest change of cost first."""
        told = [row for row in self.rows if row.status not in ("unchanged", "noise")]
        return sorted(told, key=lambda row: (STATUSES.index(row.status) > 3, -abs(row.change(TOTAL).absolute or 0.0)))

    @property
    def headline(self) -> str:
        """What happened, in a sentence."""
        if not self.interesting:
            return "No plan changed." + (" All changes are noise." if "noise" in self.counts else "")
        return f"{', '.join(f'{n} {status}' for status, n in self.counts.items())}."

    def place(self, row: RowDiff | None, scenario: str) -> Place | None:
        """The line of the key that explains most of a row's change, else the first; None where there is no file."""
        heads = [head for _, head in self.pairs if head and head.text and head.name == scenario]
        planned = next((head for head in heads if head.planned), None)
        side = planned or self.scenario_file or next(iter(heads), None)
        if side is None or not side.text:
            return None
        from capplan.search.causes import changed

        base = next((base for base, head in self.pairs if head and head.name == scenario), None)
        head = next((head for _, head in self.pairs if head and head.name == scenario), side)
        causes = changed(base.report["scenario"], head.report["scenario"]) if base else {}
        paid = sorted(causes, key=lambda cause: -abs((row.causes if row else {}).get(cause, 0)))
        return Place(str(side.path or side.file), _line(side, [path for cause in paid for path in causes[cause]]))


def _line(side: Side, paths: list[tuple[str, ...]]) -> int:
    """The line of the first of the keys that the file holds, the first line where it holds none."""
    from capplan.scenario.document import parse

    root, _ = parse(side.text, side.file)
    for path in paths:
        node = root.at(path)
        if node is not root:
            return node.key_line + 1
    return 1


def diff(
    base: Mapping[str, Side],
    head: Mapping[str, Side],
    names: tuple[str, str],
    policy: Policy | None = None,
    as_of: datetime.date | None = None,
    causes: bool = True,
    scenario_file: Side | None = None,
) -> Diff:
    """Compares what is paired by its key, and judges it where there is a policy.

    names: what base and head are called. as_of: the day that exemptions and prices are judged at; a policy needs it.
    """
    noise = policy.noise_floor if policy else Noise()
    rows: list[RowDiff] = []
    notes: list[str] = []
    pairs = [(base.get(key), head.get(key)) for key in dict.fromkeys((*base, *head))]
    for one, other in pairs:
        found = compare(one, other, noise)
        if causes and one and other:
            found, why = attributed(one, other, found)
            notes += [f"{other.name}: {why}"] if why else []
        rows += found
        notes += _other_question(one, other)
    if policy is not None and as_of is None:
        raise ValueError("a policy needs the day that it is judged at")
    verdict = judge(rows, [other for _, other in pairs if other], policy, as_of) if policy and as_of else None
    return Diff(*names, tuple(rows), tuple(pairs), tuple(dict.fromkeys(notes)), verdict, scenario_file)


def _other_question(base: Side | None, head: Side | None) -> list[str]:
    if base is None or head is None or base.report["kind"] == head.report["kind"]:
        return []
    kinds = (base.report["kind"], head.report["kind"])
    return [f"{head.name}: the base answers `{kinds[0]}` and the head `{kinds[1]}`; rows pair where their keys agree"]


def document(found: Diff) -> dict[str, Any]:
    """The JSON object of a comparison (`capplan.diff/1`); money in USD to the cent, causes add up to the change."""
    made: dict[str, Any] = {
        "schema": SCHEMA,
        "base": [_told(side) for side, _ in found.pairs if side],
        "head": [_told(side) for _, side in found.pairs if side],
        "summary": {status: found.counts.get(status, 0) for status in STATUSES},
        "rows": [_row(row) for row in found.rows],
        "notes": list(found.notes),
    }
    if found.verdict is not None:
        made["verdict"] = found.verdict.word
        made["findings"] = [
            {
                "level": one.level, "rule": one.rule, "scenario": one.scenario, "row": one.row.key if one.row else None,
                "metric": one.metric or None, "message": one.message,
            }
            for one in found.verdict.told
        ]  # fmt: skip
    return made


def _told(side: Side) -> dict[str, Any]:
    report = side.report
    return {
        "name": side.name, "kind": report["kind"], "tool_version": report.get("tool_version"),
        "catalog": report.get("catalog"), "rows": len(report["rows"]),
    }  # fmt: skip


def _row(row: RowDiff) -> dict[str, Any]:
    return {
        "scenario": row.scenario,
        "key": row.key,
        "status": row.status,
        "changes": [
            {"metric": one.metric, "base": one.base, "head": one.head, "change": one.absolute, "relative": one.relative}
            for one in row.changes
        ],
        "causes_usd_per_year": {cause: cents / 100 for cause, cents in row.causes.items()},
        "why_not": row.excuse or None,
    }
