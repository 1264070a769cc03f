"""Targets on the whole plan that are no latencies: money, power and accuracy."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from capplan.engine.excuse import Excuse
from capplan.plan.excuses import missed_limit

if TYPE_CHECKING:
    from capplan.plan.plan import Plan


def within_limits(plan: "Plan") -> "Plan":
    """The plan, refused where its bill, its power or its accuracy misses a target; one that does not fit stays so."""
    missed = () if any(why.constraint == "memory" for why in plan.excuses) else tuple(_missed(plan))
    if not missed:
        return plan
    why = (*plan.excuses, *missed)
    return replace(plan, excuses=why, row={**plan.row, "feasible": False, "bottleneck": why[0].constraint})


def _missed(plan: "Plan") -> Iterator[Excuse]:
    targets, row = plan.scenario.targets, plan.row
    total = float(row["annual_tco_usd"])
    if targets.annual_tco_usd is not None and total > targets.annual_tco_usd:
        yield missed_limit("annual_tco", "yearly cost", total, targets.annual_tco_usd, "usd", more=False)
    if targets.power_w is not None and plan.peak_w > targets.power_w:
        yield missed_limit("power", "power at peak", plan.peak_w, targets.power_w, "w", more=False)
    if targets.accuracy is not None and row["accuracy"] is not None and row["accuracy"] < targets.accuracy:
        yield missed_limit("accuracy", "accuracy", row["accuracy"], targets.accuracy, "ratio", more=True)
