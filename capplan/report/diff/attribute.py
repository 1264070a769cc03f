"""Why the yearly cost of each row changed: the scenario's keys by re-planning, and what re-planning cannot explain."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from capplan.errors import CapplanError, UserError
from capplan.search.causes import asked_sets, changed, in_cents, shares, substituted

from .compare import TOTAL, RowDiff, compare
from .sides import Side, planned

Row = Mapping[str, Any]
# Prices of the catalogue as a report states them, which re-planning can put back.
_STATED = re.compile(r"^([\d,]+(?:\.\d+)?) USD(/hour)?")
_PRICED = ("cost.purchase_price", "cost.node_price", "cost.gpu_hourly")
_REPLANNED = ("tco", "sweep", "route")
# What a report was made with, beside its scenario, and where it says so.
_MADE_WITH = {"catalogue": "catalog", "tool version": "tool_version"}
BOTH = " and ".join(_MADE_WITH)
UNEXPLAINED = "not explained by re-planning"


def attributed(base: Side, head: Side, rows: Sequence[RowDiff]) -> tuple[list[RowDiff], str]:
    """The rows with the cents that each cause adds to their yearly cost, and why that could not be told, if so.

    The keys in which the scenarios differ are put in place of one another, all sets of them planned with today's
    catalogue. What a report says beyond that is due to the catalogue or the version of the tool it was made with.
    """
    wanted = [row for row in rows if row.status not in ("added", "removed") and row.change(TOTAL).absolute]
    if not wanted:
        return list(rows), ""
    if base.report["kind"] != head.report["kind"] or head.report["kind"] not in _REPLANNED:
        return list(rows), f"causes are not told for reports of the kind '{head.report['kind']}'"
    before, after = _with_prices(base, head), _with_prices(head, base)
    causes = changed(before, after)
    grids = [_grid(side) for side in (base, head)]
    worlds: dict[frozenset[str], dict[str, Row]] = {}
    for taken in asked_sets(list(causes)):
        paths = [path for cause in causes if cause in taken for path in causes[cause]]
        worlds[taken] = _world(substituted(before, after, paths), head, grids[len(taken) == len(causes)], base)
    ends = [worlds[frozenset()], worlds[frozenset(causes)]]
    if not all(ends):
        return list(rows), "causes are not told: one of the scenarios cannot be planned again here"
    beyond = _beyond(base, head)
    found = [_with_causes(row, list(causes), worlds, " and ".join(beyond)) if row in wanted else row for row in rows]
    return found, _together(base, head, found) if len(beyond) > 1 else ""


def _together(base: Side, head: Side, rows: Sequence[RowDiff]) -> str:
    """That catalogue and tool share a cause, where both changed and it has an amount."""
    if not any(row.causes.get(BOTH) for row in rows):
        return ""
    tools = [str(side.report.get("tool_version")) for side in (base, head)]
    days = [str((side.report.get("catalog") or {}).get("date")) for side in (base, head)]
    return (
        f"'{BOTH}' is one cause: the reports were made with catalogues of {days[0]} and {days[1]} by versions "
        f"{tools[0]} and {tools[1]}, and which of the two it is could be told only by planning with the older "
        "catalogue; the prices that both reports state are told apart, as price"
    )


def _with_causes(
    row: RowDiff, causes: list[str], worlds: Mapping[frozenset[str], Mapping[str, Row]], beyond: str
) -> RowDiff:
    ends = [worlds[frozenset()].get(row.key), worlds[frozenset(causes)].get(row.key)]
    possible = all(end is not None and end.get("feasible") is not False for end in ends)

    def value(taken: frozenset[str]) -> float | None:
        found = worlds[taken].get(row.key)
        if found is None or found.get(TOTAL) is None or (possible and found.get("feasible") is False):
            return None
        return float(found[TOTAL])

    if value(frozenset()) is None or value(frozenset(causes)) is None:
        return row
    parts = shares(causes, value)
    total = round((row.change(TOTAL).absolute or 0.0) * 100)
    rest = total / 100 - sum(parts.values())
    unexplained = abs(rest) >= 0.005
    if beyond:
        parts[beyond] = rest
    elif unexplained:
        parts[UNEXPLAINED] = rest
    return replace(row, causes=in_cents(parts, total) if parts else {})


def _beyond(base: Side, head: Side) -> list[str]:
    """What else differs between the reports."""
    pairs = [(name, [side.report.get(key) for side in (base, head)]) for name, key in _MADE_WITH.items()]
    return [name for name, (one, other) in pairs if one != other]


def _world(tree: dict[str, Any], head: Side, grid: Mapping[str, list[Any]], base: Side) -> dict[str, Row]:
    """The rows of a scenario by their key, none where it contradicts itself or cannot be planned."""
    from capplan.scenario.loader import from_dict

    place = head.path or base.path or Path("scenario.yaml")
    try:
        scenario = from_dict(tree, head.file, place)
        if grid:
            from capplan.search.sweep import sweep

            swept = sweep(scenario, grid)
            rows: Sequence[Row] = [{**row, TOTAL: _float(row.get(TOTAL))} for row in swept.rows]
            made = {"rows": rows, "axes": swept.columns, "scenario": tree}
        else:
            told = planned(scenario, further=False)
            rows = [{**row, TOTAL: _float(row.get(TOTAL))} for row in told.rows]
            made = {"rows": rows, "axes": told.axes, "scenario": tree}
    except (CapplanError, ValueError):
        return {}
    made["axes"] = [axis for axis in made["axes"] if axis in (head.report.get("axes") or ())]
    return {row.key: row.head or {} for row in compare(None, Side(head.file, made))}


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))


def _grid(side: Side) -> dict[str, list[Any]]:
    """The keys and values that a sweep's rows were made of, also those that only the command line gave."""
    if side.report["kind"] != "sweep":
        return {}
    axes, rows = side.report.get("axes") or [], side.report["rows"]
    return {_path(side, name): list(dict.fromkeys(row.get(name) for row in rows)) for name in axes}


def _path(side: Side, column: str) -> str:
    """The scenario key of a swept column: a column of the report stands for the key of its name."""
    if "." in column:
        return column
    from capplan.scenario.part import slots
    from capplan.scenario.schema import Scenario

    for name, slot in slots(Scenario).items():
        if name == column:
            return column
        if slot.part is not None and not slot.many and column in slots(slot.part):
            return f"{name}.{column}"
    raise UserError(f"{side.file}: no scenario key is called '{column}'")


def _with_prices(side: Side, other: Side) -> dict[str, Any]:
    """The scenario with the catalogue's prices that it was planned with, where the other side was planned with others.

    So a price that changed in the catalogue is told as a price, not as a catalogue; the price of another GPU, or of
    another way to pay, is part of that change.
    """
    tree: dict[str, Any] = dict(side.report["scenario"])
    if _bought(side) != _bought(other):
        return tree
    mine, theirs = (_prices(one) for one in (side, other))
    for key in _PRICED:
        if key in mine and key in theirs and mine[key] != theirs[key]:
            section, name = key.split(".")
            tree = substituted(tree, {section: {name: mine[key]}}, [(section, name)])
    return tree


def _bought(side: Side) -> list[object]:
    """What the prices are of."""
    tree = side.report["scenario"]
    cost = tree.get("cost") or {}
    return [tree.get("gpu"), *(cost.get(name) for name in ("pricing", "provider", "region", "term"))]


def _prices(side: Side) -> dict[str, str]:
    """The prices that every row of a report was made with, stated in its assumptions."""
    found: dict[str, list[str]] = {}
    for said in side.report.get("assumptions") or ():
        if not isinstance(said, Mapping) or said.get("key") not in _PRICED:
            continue
        if match := _STATED.match(str(said.get("value"))):
            found.setdefault(str(said["key"]), []).append(match[0].replace(",", ""))
    given = side.report["scenario"].get("cost") or {}
    fixed = {f"cost.{name}": [str(value)] for name, value in given.items() if f"cost.{name}" in _PRICED}
    return {key: values[0] for key, values in {**found, **fixed}.items() if len(values) == 1}
