"""One candidate of the space as a scenario of its own, and its exact plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.engine.layout import Layout
from capplan.plan import Plan, plans
from capplan.plan.limits import shares
from capplan.plan.rows import DEGREES
from capplan.scenario.part import copied
from capplan.scenario.serving import PrefillPool
from capplan.search.optimize.evaluate import Evaluated
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
            changes["prefill"] = PrefillPool(**_degrees(degrees.prefill))
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
    """A candidate planned as every other command plans it. value: what is made small; refused: by stock, else empty."""

    candidate: Candidate
    plan: Plan
    value: float
    refused: str

    @property
    def feasible(self) -> bool:
        return self.plan.feasible and not self.refused

    @property
    def order(self) -> tuple[float, float, int]:
        """Smaller is better: value, then p99 of the time to answer, then GPUs."""
        row = self.plan.row
        return self.value, float(row["tta_p99_s"]), int(row["gpus"])

    @property
    def shares(self) -> dict[str, float]:
        """By constraint, the plan's figure over its limit; above 1 it is missed."""
        return shares(self.plan) | _of_the_gpus_there_are(self.candidate, self.plan)


def exactly(candidates: Sequence[Candidate], objective: str) -> list[Exact]:
    """The candidates' plans."""
    made = plans([candidate.scenario for candidate in candidates])
    return [
        Exact(candidate, plan, value_of(plan, objective), _refused(candidate, plan))
        for candidate, plan in zip(candidates, made, strict=True)
    ]


def value_of(plan: Plan, objective: str) -> float:
    """What is made small; infinite where it is not known."""
    row = plan.row
    if objective == "carbon":
        return float(row["annual_kg_co2e"])
    usd = float(row["annual_tco_usd"])
    if objective == "cost_per_correct_answer":
        return usd / row["accuracy"] if row["accuracy"] else np.inf
    return usd


def _refused(candidate: Candidate, plan: Plan) -> str:
    return next((name for name, share in _of_the_gpus_there_are(candidate, plan).items() if share > 1), "")


def _of_the_gpus_there_are(candidate: Candidate, plan: Plan) -> dict[str, float]:
    wanted = section(candidate.evaluated.choice.scenario)
    limits = {"stock": wanted.stock_of(str(plan.row["gpu"])), "max_gpus": wanted.max_gpus}
    return {name: int(plan.row["gpus"]) / max(most, 1e-9) for name, most in limits.items() if most is not None}


def best_of(evaluated: Evaluated, values: Any, allowed: Any, count: int) -> list[tuple[float, Candidate]]:
    """The allowed candidates of the smallest values, in their order; values, allowed: shape (P, L, C)."""
    flat = np.where(allowed & np.isfinite(values), values, np.inf).ravel()
    count = min(count, int(np.isfinite(flat).sum()))
    if not count:
        return []
    first = np.argpartition(flat, count - 1)[:count]
    first = first[np.lexsort((first, flat[first]))]
    return [(float(flat[at]), Candidate(evaluated, *map(int, np.unravel_index(at, values.shape)))) for at in first]
