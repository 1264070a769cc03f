"""How near a whole plan comes to its targets, and which of those that are no latencies it misses."""

from collections.abc import Iterator
from dataclasses import replace

from capplan.engine.excuse import Excuse
from capplan.plan.answer import Plan
from capplan.plan.excuses import missed_limit


def within_limits(plan: Plan) -> Plan:
    """The plan, refused where its bill, its power or its accuracy misses a target; one that does not fit stays so."""
    missed = tuple(_missed(plan))
    if not missed or any(why.constraint == "memory" for why in plan.excuses):
        return plan
    why = (*plan.excuses, *missed)
    return replace(plan, excuses=why, row={**plan.row, "feasible": False, "bottleneck": why[0].constraint})


def shares(plan: Plan) -> dict[str, float]:
    """By target, the plan's figure over its limit (of accuracy the limit over the figure): above 1 it is missed.

    The textbook engine knows no latencies at peak: its targets on them have no share.
    """
    targets, row = plan.scenario.targets, plan.row
    found = {name: plan.waits[name] / limit for name, limit in targets.limits_s().items() if name in plan.waits}
    if targets.annual_tco_usd is not None:
        found["annual_tco_usd"] = float(row["annual_tco_usd"]) / targets.annual_tco_usd
    if targets.power_w is not None:
        found["power_w"] = plan.peak_w / targets.power_w
    if targets.accuracy is not None and row["accuracy"]:
        found["accuracy"] = targets.accuracy / row["accuracy"]
    return found


def _missed(plan: Plan) -> Iterator[Excuse]:
    targets, row = plan.scenario.targets, plan.row
    if targets.annual_tco_usd is not None and (total := float(row["annual_tco_usd"])) > targets.annual_tco_usd:
        yield missed_limit("annual_tco", "yearly cost", total, targets.annual_tco_usd, "usd", more=False)
    if targets.power_w is not None and plan.peak_w > targets.power_w:
        yield missed_limit("power", "power at peak", plan.peak_w, targets.power_w, "w", more=False)
    if targets.accuracy is not None and row["accuracy"] is not None and row["accuracy"] < targets.accuracy:
        yield missed_limit("accuracy", "accuracy", row["accuracy"], targets.accuracy, "ratio", more=True)
