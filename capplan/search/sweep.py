"""Many plans side by side: one key changes, or the grid of several, and everything else is held."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capplan.plan import Plan, plans
from capplan.scenario.overrides import variants, with_values

from .axes import Axis, axes, points
from .multipliers import multiplied, sentence

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

# Columns that say how a replica is laid out, and the scenario keys that fix them.
LAYOUT = {
    "tensor_parallel": "serving.tensor_parallel",
    "pipeline_parallel": "serving.pipeline_parallel",
    "expert_parallel": "serving.expert_parallel",
    "attention_data_parallel": "serving.attention_data_parallel",
}
# Rows that differ in these sections only share a layout; another GPU, model or precision calls for its own.
_LOAD = ("reasoning", "workload")
DEFAULT_K = (1, 4, 8, 16)

Point = Mapping[str, object]
Planner = Callable[[Sequence["Scenario"]], list[Plan]]


@dataclass(frozen=True)
class Sweep:
    """The answer of `sweep`.

    rows: the plans' rows, in the order of the grid, with the swept keys and the multipliers against the first row.
    columns: the names under which the swept keys stand in the rows. notes: what was held, and why multipliers differ.
    """

    scenario: Scenario
    axes: tuple[Axis, ...]
    plans: tuple[Plan, ...]
    rows: tuple[Mapping[str, object], ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]


def sweep(
    scenario: Scenario, over: Mapping[str, Sequence[object]] | None = None, planner: Planner | None = None
) -> Sweep:
    """Plans over every point of a grid.

    over: dotted scenario keys and their values, beside or in place of the lists in the scenario itself; where there
    are neither, K = 1, 4, 8, 16. planner: who plans the scenarios, in their order; this process where nobody is named.
    A layout left to the planner is chosen once and held for all rows that differ only in load, so that their
    difference is due to what was swept. Raises UserError for an unknown key or value.
    """
    grid = axes({**scenario.sweeps, **(over or {})} or {"reasoning.k": DEFAULT_K})
    at = list(points(grid))
    planned = planner or plans
    made, held = _with_one_layout(variants(scenario, at), at, planned)
    columns = tuple(_column(axis, made) for axis in grid)
    rows = [
        {**_swept(columns, point, row), **row}
        for point, row in zip(at, multiplied([p.row for p in made], [p.alone_s for p in made]), strict=True)
    ]
    first = next((group for group in _alike(at) if any(made[i].feasible for i in group)), _alike(at)[0])
    notes = [note for note in (held, sentence([rows[i] for i in first], columns)) if note]
    return Sweep(scenario, grid, tuple(made), tuple(rows), columns, tuple(notes))


def rows_done(scenario: Scenario, over: Mapping[str, Sequence[object]], made: Sequence[Plan]) -> Sweep:
    """The rows that an interrupted sweep has planned, without multipliers and without a common layout."""
    grid = axes({**scenario.sweeps, **over} or {"reasoning.k": DEFAULT_K})
    known = {repr(plan.scenario): plan for plan in made}
    found = [(point, plan) for point in points(grid) if (plan := known.get(repr(with_values(scenario, point))))]
    columns = tuple(_column(axis, [plan for _, plan in found]) for axis in grid)
    rows = tuple({**_swept(columns, point, plan.row), **plan.row} for point, plan in found)
    return Sweep(scenario, grid, tuple(plan for _, plan in found), rows, columns, ())


def _with_one_layout(scenarios: list[Scenario], at: Sequence[Point], planned: Planner) -> tuple[list[Plan], str]:
    """The plans with their layouts held, and a note where the planner's own choices differed."""
    made = planned(scenarios)
    notes = []
    for group in _alike(at):
        found = _common_layout([scenarios[i] for i in group], [made[i] for i in group], planned)
        if found is None:
            continue
        changes, tried = found
        for i, plan in zip(group, tried, strict=True):
            made[i] = plan
        shared = [f"{path.rpartition('.')[2]} {value}" for path, value in changes.items() if value != 1]
        notes.append(", ".join(shared) or "one GPU a replica")
    layouts = "; ".join(dict.fromkeys(notes))
    return made, f"Rows that differ in load only are held to one layout: {layouts}." if notes else ""


def _alike(at: Sequence[Point]) -> list[list[int]]:
    """Places of the points that differ in load only."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for i, point in enumerate(at):
        key = tuple((path, str(value)) for path, value in point.items() if path.partition(".")[0] not in _LOAD)
        groups.setdefault(key, []).append(i)
    return list(groups.values())


def _common_layout(
    scenarios: Sequence[Scenario], made: Sequence[Plan], planned: Planner
) -> tuple[dict[str, object], list[Plan]] | None:
    """The layout to hold where the planner chose several, and the plans in it: the first, from the heaviest load down,
    under which every plan that was feasible still is. None where one was chosen for all, or none serves all."""
    wanted = {_layout(plan): plan for plan in sorted(made, key=_tokens) if plan.feasible}
    if len(wanted) < 2:
        return None
    for layout in reversed(wanted):
        changes: dict[str, object] = dict(layout)
        others = [i for i, plan in enumerate(made) if not plan.feasible or _layout(plan) != layout]
        tried = list(made)
        for i, plan in zip(others, planned(_held([scenarios[i] for i in others], changes)), strict=True):
            tried[i] = plan
        if all(now.feasible or not before.feasible for now, before in zip(tried, made, strict=True)):
            return changes, tried
    return None


def _held(scenarios: Sequence[Scenario], changes: Mapping[str, object]) -> list[Scenario]:
    """The scenarios with other values under `serving`, which those of a sweep share."""
    firsts = {id(scenario.serving): scenario for scenario in scenarios}
    servings = {known: with_values(scenario, changes).serving for known, scenario in firsts.items()}
    return [scenario.having({"serving": servings[id(scenario.serving)]}) for scenario in scenarios]


def _layout(plan: Plan) -> tuple[tuple[str, object], ...]:
    return tuple((path, plan.row[column]) for column, path in LAYOUT.items() if plan.row.get(column) is not None)


def _tokens(plan: Plan) -> float:
    tokens = plan.row.get("output_tokens")
    return float(tokens) if isinstance(tokens, int | float) else 0.0


def _column(axis: Axis, made: Sequence[Plan]) -> str:
    """A swept key stands under the report's own column where there is one, else under its path."""
    return axis.leaf if all(plan.row.get(axis.leaf) is not None for plan in made) else axis.path


def _swept(columns: Sequence[str], point: Point, row: Mapping[str, object]) -> dict[str, object]:
    return {name: _number(value) for name, value in zip(columns, point.values(), strict=True) if name not in row}


def _number(given: object) -> object:
    """A swept value as a number where it is one, so that programs can plot it."""
    try:
        value = float(str(given))
    except ValueError:
        return str(given)
    return int(value) if value.is_integer() else value
