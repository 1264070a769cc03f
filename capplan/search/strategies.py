"""Which way of thinking gives a right answer cheapest, and what more accuracy costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.cost.lines import usd_per
from capplan.plan import Plan, plans
from capplan.plan.excuses import missed_limit
from capplan.plan.rows import accuracy_columns
from capplan.reasoning import scene
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import Accuracy
from capplan.reasoning.options import Options
from capplan.reasoning.strategy import accuracy
from capplan.reasoning.worth import usd_per_point
from capplan.search.contenders import contenders, differing
from capplan.search.dominance import dominated, staircase
from capplan.search.strategy_words import Row, key, recommendation, rests, row_name

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

_YEAR_S = 365 * 86400.0

# A tenth of a point of accuracy: less is no step of the frontier that anybody could measure.
_LEAST_GAIN = 0.001


@dataclass(frozen=True)
class Compared:
    """The answer of `strategies`.

    rows: the plans' rows with `accuracy_low`, `accuracy_high`, `accuracy_status` (published, fitted, extrapolated or
    given), `frontier` (no other feasible row is at least as cheap, as fast and as accurate and better in one; None
    where the accuracy is not known or the plan cannot be) and `usd_per_1k_queries_per_point` (along the cheapest rows
    of each accuracy, None elsewhere). columns: the keys in which rows differ. best: place of the recommended row.
    """

    scenario: Scenario
    plans: tuple[Plan, ...]
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    best: int | None


def compare(scenario: Scenario) -> Compared:
    """Every strategy and budget of the scenario, planned, with cost per right answer and the frontier.

    Raises what planning raises, and UserError for a benchmark or curve that cannot be used.
    """
    variants, ours = contenders(scenario)
    base = scene.base_of(scenario)
    known = None if base is None else _referred(base, scenario, variants)
    made = plans(variants)
    found = [None if known is None else _accuracy(known, one) for one in variants]
    columns = differing(variants)
    made = [_held_to_target(plan, right) for plan, right in zip(made, found, strict=True)]
    rows = _marked([_row(plan, right, columns) for plan, right in zip(made, found, strict=True)])
    best = _cheapest_right(rows)
    names = [row_name(plan, row, columns) for plan, row in zip(made, rows, strict=True)]
    notes = [*recommendation(rows, names, best), *rests(base, known, ours, found)]
    return Compared(scenario, tuple(made), tuple(rows), ("strategy", *(key(c) for c in columns)), tuple(notes), best)


def _referred(base: Base, scenario: Scenario, variants: Sequence[Scenario]) -> Base:
    """A single figure is taken to hold for the thinking that the scenario's `reasoning` states, else for the longest
    that is compared; shorter samples are credited in proportion."""
    if base.curve is not None:
        return base
    stated = scenario.reasoning.given("thinking_tokens") or scenario.reasoning.given("k")
    compared = [scenario.having({"strategies": ()})] if stated and scenario.strategies else variants
    return replace(base, reference_tokens=max(_own_thinking(one) for one in compared))


def _own_thinking(scenario: Scenario) -> float:
    """Mean thinking of one sample before any cap."""
    return _longest(scene.options_of(scenario))


def _longest(options: Options) -> float:
    if options.stages:
        return max(_longest(stage) for stage in options.stages)
    return 0.0 if options.strategy == "direct" else float(np.asarray(options.thinking_law().mean_tokens))


def _accuracy(base: Base, scenario: Scenario) -> Accuracy | None:
    options = scene.knowing(scene.options_of(scenario), base, scene.query_of(scenario))
    return accuracy(options, scene.query_of(scenario), base)


def _held_to_target(plan: Plan, right: Accuracy | None) -> Plan:
    """The plan, refused where its accuracy as compared here misses the target."""
    wanted = plan.scenario.targets.accuracy
    if wanted is None or right is None or not plan.feasible or float(np.asarray(right.value)) >= wanted:
        return plan
    why = missed_limit("accuracy", "accuracy", float(np.asarray(right.value)), wanted, "ratio", more=True)
    return replace(plan, excuses=(why,), row={**plan.row, "feasible": False, "bottleneck": why.constraint})


def _row(plan: Plan, right: Accuracy | None, columns: Sequence[str]) -> dict[str, Any]:
    row = dict(plan.row)
    reasoning = plan.scenario.reasoning
    for name in columns:
        if name in reasoning.used_fields() and name != "thinking_tokens":
            row[key(name)] = _plain(getattr(reasoning, name))
        row.setdefault(key(name), None)
    value = None if right is None else float(np.asarray(right.value))
    row["accuracy"] = value
    row |= accuracy_columns(right)
    queries = plan.scenario.workload.qps * _YEAR_S
    row["usd_per_correct_answer"] = usd_per(_cents(row), queries * value, 1.0) if value else None
    return row


def _cents(row: Row) -> int:
    return int((row["annual_tco_usd"] * 100).to_integral_value())


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " > ".join(stage.strategy.replace("_", " ") for stage in value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    written = getattr(value, "written", None)
    if written is not None:
        return str(written())
    model = getattr(value, "model", None)
    return f"{model or 'itself'}, {value.kind}" if hasattr(value, "kind") else value


def _marked(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with their place on the frontier and the cost of each further point of accuracy."""
    entered = np.array([bool(row["feasible"]) and row["accuracy"] is not None for row in rows])
    cost = np.array([float(row["annual_tco_usd"]) for row in rows])
    right = np.array([row["accuracy"] if row["accuracy"] is not None else np.nan for row in rows], dtype=np.float64)
    table = np.stack([cost, np.array([float(row["tta_s"]) for row in rows]), -right], axis=1)
    table[~entered] = np.nan
    beaten = dominated(table)
    steps = staircase(np.where(entered, cost, np.nan), right, least=_LEAST_GAIN)
    per_1k = np.array([float(rows[at]["usd_per_1k_queries"]) for at in steps])
    more = dict(zip(steps.tolist(), usd_per_point(per_1k, right[steps]), strict=True)) if len(steps) else {}
    return [
        {
            **row,
            "frontier": bool(not beaten[at]) if entered[at] else None,
            "usd_per_1k_queries_per_point": None if np.isnan(more.get(at, np.nan)) else float(more[at]),
        }
        for at, row in enumerate(rows)
    ]


def _cheapest_right(rows: Sequence[Row]) -> int | None:
    """The feasible row with the least cost per right answer."""
    known = [at for at, row in enumerate(rows) if row["feasible"] and row["usd_per_correct_answer"] is not None]
    return min(known, key=lambda at: (rows[at]["usd_per_correct_answer"], at)) if known else None
