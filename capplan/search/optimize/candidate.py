"""One candidate of the space as a scenario of its own, and its exact plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.engine.excuse import Excuse
from capplan.engine.layout import Layout
from capplan.plan import Plan, plans
from capplan.plan.limits import shares
from capplan.plan.rows import DEGREES
from capplan.scenario.optimize import PER_CORRECT_ANSWER, Optimize
from capplan.scenario.part import copied
from capplan.scenario.serving import PrefillPool
from capplan.search.optimize.evaluated import Evaluated
from capplan.search.optimize.limits import MAX_GPUS, STOCK, gpus_at_most, label
from capplan.search.optimize.space import cost_under, section

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario


@dataclass(frozen=True)
class Candidate:
    """A place in the arrays of a deployment: way of paying, layout, concurrency."""

    evaluated: Evaluated
    way: int
    layout: int
    cell: int

    @property
    def place(self) -> tuple[int, int, int]:
        return self.way, self.layout, self.cell

    @property
    def scenario(self) -> Scenario:
        """A scenario that every command takes: nothing in it is left to the planner."""
        base = self.evaluated.choice.scenario
        degrees = self.evaluated.layout.take(self.layout)
        changes: dict[str, Any] = _degrees(degrees)
        changes["concurrency"] = int(self.evaluated.sequences[self.layout, self.cell])
        if degrees.prefill is not None:
            changes["prefill"] = PrefillPool(**_degrees(degrees.prefill), ratio=base.serving.prefill_ratio)
        serving = base.serving.having(changes)
        cost = cost_under(base.cost, self.evaluated.ways[self.way], self.evaluated.choice.own_gpu)
        return copied(base, {"serving": serving, "cost": cost, "optimize": None, "strategies": ()})

    def ratio(self, name: str) -> float:
        """A figure over its limit."""
        values = self.evaluated.ratios[name]
        return float(values[self.place if values.ndim == 3 else self.place[1:]])


def _degrees(layout: Layout) -> dict[str, int]:
    degrees = (layout.tensor, layout.pipeline, layout.expert, layout.attention_data)
    return {name: int(degree) for name, degree in zip(DEGREES, degrees, strict=True)}


@dataclass(frozen=True)
class Exact:
    """A candidate planned as every other command plans it, refused where there are not as many GPUs. value: what is
    made small, infinite where it is not known."""

    candidate: Candidate
    plan: Plan
    value: float

    @property
    def feasible(self) -> bool:
        return self.plan.feasible and bool(np.isfinite(self.value))

    @property
    def order(self) -> tuple[float, float, int]:
        """Smaller is better: value, then p99 of the time to answer, then GPUs."""
        row = self.plan.row
        return self.value, float(row["tta_p99_s"]), int(row["gpus"])

    @property
    def shares(self) -> dict[str, float]:
        """By constraint, the plan's figure over its limit; above 1 it is missed."""
        limits = gpus_at_most(section(self.candidate.evaluated.choice.scenario), str(self.plan.row["gpu"]))
        used = {name: int(self.plan.row["gpus"]) / max(most, 1e-9) for name, most in limits.items()}
        return shares(self.plan) | used


def exactly(candidates: Sequence[Candidate], objective: str) -> list[Exact]:
    """The candidates' plans."""
    made = plans([candidate.scenario for candidate in candidates])
    return [
        Exact(candidate, _of_the_gpus_there_are(candidate, plan), value_of(plan, objective))
        for candidate, plan in zip(candidates, made, strict=True)
    ]


def value_of(plan: Plan, objective: str) -> float:
    """What is made small; infinite where it is not known."""
    row = plan.row
    if objective == "carbon":
        return float(row["annual_kg_co2e"])
    usd = float(row["annual_tco_usd"])
    if objective == PER_CORRECT_ANSWER:
        return usd / row["accuracy"] if row["accuracy"] else np.inf
    return usd


def _of_the_gpus_there_are(candidate: Candidate, plan: Plan) -> Plan:
    wanted, gpu, needed = section(candidate.evaluated.choice.scenario), str(plan.row["gpu"]), int(plan.row["gpus"])
    missing = [
        _too_few(name, needed, most, wanted) for name, most in gpus_at_most(wanted, gpu).items() if needed > most
    ]
    if not missing:
        return plan
    why = (*plan.excuses, *missing)
    return replace(plan, excuses=why, row={**plan.row, "feasible": False, "bottleneck": why[0].constraint})


def _too_few(name: str, needed: int, most: int, wanted: Optimize) -> Excuse:
    if name == MAX_GPUS:
        key, cure = "optimize.max_gpus", str(needed)
    else:
        key, gpu = "optimize.stock", name.removeprefix(STOCK)
        held = {one.gpu: needed if one.gpu == gpu else one.gpus for one in wanted.stock}
        cure = "[" + ", ".join(f"{{gpu: {kind}, gpus: {count}}}" for kind, count in held.items()) + "]"
    text = f"{needed:,} GPUs are needed, and {most:,} there are"
    return Excuse(label(name), text, f"{key}: {cure}", {key: cure}, needed, most, "count")


def best_of(evaluated: Evaluated, values: Any, allowed: Any, count: int) -> list[tuple[float, Candidate]]:
    """The allowed candidates of the smallest values, in their order; values, allowed: shape (P, L, C)."""
    flat = np.where(allowed & np.isfinite(values), values, np.inf).ravel()
    count = min(count, int(np.isfinite(flat).sum()))
    if not count:
        return []
    first = np.argpartition(flat, count - 1)[:count]
    first = first[np.lexsort((first, flat[first]))]
    return [(float(flat[at]), Candidate(evaluated, *map(int, np.unravel_index(at, values.shape)))) for at in first]
