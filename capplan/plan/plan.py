"""The composition: scenarios -> demand -> layout -> performance -> concurrency -> fleet -> cost -> quality -> plans."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from capplan.cost.lines import CostLine
from capplan.engine.excuse import Assumption, Excuse
from capplan.plan.candidates import layouts
from capplan.plan.deployment import deployment, key
from capplan.plan.judging import Judge, judged, pool_of, together
from capplan.plan.latency import Waits
from capplan.plan.limits import within_limits
from capplan.plan.load import load
from capplan.plan.money import paid, stated
from capplan.plan.quality import accuracies
from capplan.plan.rows import Parts, excuses, row
from capplan.plan.sizing import Limits, size
from capplan.plan.textbook import textbook_plan
from capplan.records import dataclass
from capplan.scenario.schema import Scenario


@dataclass(frozen=True)
class Plan:
    """One answer.

    row: the contract's columns, SI units and USD (money as Decimal). lines: the yearly bill, which adds up to
    `annual_tco_usd` to the cent. excuses: why it cannot be; none where it is feasible. waits: latencies at peak by
    name, `ttft_mean_s` to `tta_p99_s`; none of the textbook engine, which knows no queue.
    """

    scenario: Scenario
    row: Mapping[str, Any]
    lines: tuple[CostLine, ...]
    excuses: tuple[Excuse, ...]
    assumptions: tuple[Assumption, ...]
    waits: Mapping[str, float] = field(default_factory=dict)

    @property
    def feasible(self) -> bool:
        return not self.excuses


def plan(scenario: Scenario) -> Plan:
    """The plan of one scenario; raises what its look-ups raise, all of them `CapplanError`."""
    return plans([scenario])[0]


def plans(scenarios: Sequence[Scenario]) -> list[Plan]:
    """One plan a scenario, in their order; those that differ only in load and money are computed as one array."""
    made: list[Plan | None] = [None] * len(scenarios)
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, scenario in enumerate(scenarios):
        groups[key(scenario)].append(i)
    waiting = judges(scenarios)
    for index in groups.values():
        found = _planned([scenarios[i] for i in index], [waiting[i] for i in index])
        for i, one in zip(index, found, strict=True):
            made[i] = one
    return [one for one in made if one is not None]


def judges(scenarios: Sequence[Scenario]) -> list[Judge | None]:
    """The verifier of each scenario, with the pool that serves it; None where no other model judges."""
    asked = [judged(scenario) for scenario in scenarios]
    pools = [pool_of(scenario, work) for scenario, work in zip(scenarios, asked, strict=True) if work is not None]
    made = iter(plans(pools) if pools else ())
    return [None if work is None else Judge(work, next(made)) for work in asked]


def _planned(scenarios: list[Scenario], waiting: list[Judge | None]) -> list[Plan]:
    first = scenarios[0]
    if first.serving.engine == "textbook":
        return [Plan(s, *textbook_plan(s)) for s in scenarios]
    served = deployment(first)
    asked = load(scenarios, np.array([0.0 if judge is None else judge.wait_s for judge in waiting]))
    limits = Limits(
        serving=first.serving,
        targets=first.targets.limits_s(),
        utilization=np.array([s.workload.target_utilization for s in scenarios], np.float64),
        node_gpus=first.serving.node_gpus or served.accelerator.node_gpus,
    )
    sized = size(served, layouts(first.serving, served), asked, limits)
    bill = paid(scenarios, served, asked, sized)
    right = accuracies(scenarios, served, asked)
    made = []
    for i, scenario in enumerate(scenarios):
        parts = Parts(scenario, served, asked, sized, bill, right[i], i)
        why = excuses(parts)
        waits = Waits(sized.latency, i)
        alone = Plan(scenario, row(parts, why), bill.lines.row(i), why, _assumptions(parts), waits)
        judge = waiting[i]
        made.append(within_limits(alone if judge is None else together(alone, judge)))
    return made


def _assumptions(parts: Parts) -> tuple[Assumption, ...]:
    work = parts.scenario.workload
    said = list(parts.deployment.assumptions)
    if not work.given("target_utilization"):
        said.append(Assumption("workload.target_utilization", work.target_utilization, "default: headroom at peak"))
    for name in ("peak_to_mean", "burstiness"):
        if not work.given(name):
            said.append(Assumption(f"workload.{name}", getattr(work, name), "default: Poisson traffic without peaks"))
    said += stated(parts.scenario, parts.deployment)
    if parts.accuracy is not None:
        said.append(Assumption("quality", parts.accuracy.status, parts.accuracy.basis, "estimate"))
    return tuple(said)
