"""The composition: scenarios -> demand -> layout -> performance -> concurrency -> fleet -> cost -> quality -> plans."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from capplan.cost.energy import J_PER_KWH, YEAR_S
from capplan.cost.place import place
from capplan.engine.excuse import Assumption
from capplan.plan import trust
from capplan.plan.alike import Said, alike
from capplan.plan.answer import Plan
from capplan.plan.candidates import layouts
from capplan.plan.charges import charged
from capplan.plan.deployment import Deployment, deployment, key
from capplan.plan.judging import Judge, judged, pool_of, together
from capplan.plan.latency import Waits
from capplan.plan.limits import within_limits
from capplan.plan.load import load
from capplan.plan.money import paid, peak_w, stated
from capplan.plan.quality import accuracies
from capplan.plan.rows import Parts, excuses, lost, row
from capplan.plan.sizing import Limits, size
from capplan.plan.textbook import textbook_plan
from capplan.plan.upkeep import upkeep
from capplan.reasoning.accuracy.value import Accuracy
from capplan.reasoning.scene import options_of
from capplan.reasoning.strategy import under_policies
from capplan.scenario.schema import Scenario

# Scenarios in one array: as many as keep its tables of layouts x batches small beside the caches.
_TOGETHER = 1024
# Keys of the traffic that a plan takes for granted where they are not given.
_TRAFFIC = {
    "target_utilization": "default: headroom at peak",
    "peak_to_mean": "default: Poisson traffic without peaks",
    "burstiness": "default: Poisson traffic without peaks",
}


def plan(scenario: Scenario) -> Plan:
    """The plan of one scenario; raises what its look-ups raise, all of them `CapplanError`."""
    return plans([scenario])[0]


def plans(scenarios: Sequence[Scenario]) -> list[Plan]:
    """One plan a scenario, in their order; those that differ only in load and money are computed as one array."""
    made: list[Plan | None] = [None] * len(scenarios)
    groups: dict[Hashable, list[int]] = defaultdict(list)
    said = Said()
    for i, scenario in enumerate(scenarios):
        groups[key(scenario, said)].append(i)
    waiting = judges(scenarios)
    for index in groups.values():
        for start in range(0, len(index), _TOGETHER):
            part = index[start : start + _TOGETHER]
            found = _planned([scenarios[i] for i in part], [waiting[i] for i in part])
            for i, one in zip(part, found, strict=True):
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
        return [_by_the_textbook(scenario) for scenario in scenarios]
    served = deployment(first)
    asked = load(scenarios, [0.0 if judge is None else judge.wait_s for judge in waiting])
    limits = Limits(
        serving=first.serving,
        targets=first.targets.limits_s(),
        utilization=np.array([s.workload.target_utilization for s in scenarios], np.float64),
        node_gpus=first.serving.node_gpus or served.accelerator.node_gpus,
        upkeep=upkeep(scenarios),
    )
    sized = size(served, layouts(first.serving, served), asked, limits)
    bill = paid(scenarios, served, asked, sized)
    right = accuracies(scenarios, asked)
    likely = trust.likely(served, asked, sized.sequences)
    assumed = _assumptions(scenarios, served, right)
    drawn_w = peak_w(served, asked, sized) if first.targets.power_w is not None else None
    made = []
    for i, scenario in enumerate(scenarios):
        parts = Parts(scenario, served, asked, sized, bill, likely, right[i], i)
        drawn = 0.0 if drawn_w is None else float(drawn_w[i]) * place(scenario.cost).pue
        why, alone_s = excuses(parts), parts.at(sized.alone.tta_s["mean"])
        waits = Waits(sized.latency, i)
        alone = Plan(
            scenario,
            row(parts, why),
            bill.lines.row(i),
            why,
            (*assumed[i], *lost(parts, limits.upkeep)),
            alone_s,
            waits,
            drawn,
        )
        judge = waiting[i]
        whole = alone if judge is None else together(alone, judge)
        made.append(within_limits(charged(whole, parts.at(asked.asked.usd_per_query))))
    return made


def _by_the_textbook(scenario: Scenario) -> Plan:
    made, lines, why, assumed = textbook_plan(scenario)
    always_w = made["annual_kwh"] * J_PER_KWH / YEAR_S
    return Plan(scenario, made, lines, why, assumed, made["tta_s"], peak_w=always_w)


def _assumptions(
    scenarios: Sequence[Scenario], served: Deployment, right: Sequence[Accuracy | None]
) -> list[tuple[Assumption, ...]]:
    """What each plan takes for granted."""

    def about(at: int) -> Hashable:
        scenario, accuracy = scenarios[at], right[at]
        work = scenario.workload
        told = [(work.given(name), getattr(work, name)) for name in _TRAFFIC]
        thinking = id(scenario.reasoning) if scenario.reasoning.given("policies") else 0
        known = (accuracy and (accuracy.status, accuracy.basis)) or scenario.reasoning.strategy
        return (id(scenario.cost), thinking, *told, known)

    same = alike(range(len(scenarios)), about)
    known = [_assumed(scenarios[at], served, right[at]) for at in same.firsts]
    return [known[kind] for kind in same.kind]


def _assumed(scenario: Scenario, served: Deployment, accuracy: Accuracy | None) -> tuple[Assumption, ...]:
    work, said = scenario.workload, list(served.assumptions)
    for name, why in _TRAFFIC.items():
        if not work.given(name) and not (name == "peak_to_mean" and work.day):
            said.append(Assumption(f"workload.{name}", getattr(work, name), why))
    for one in under_policies(options_of(scenario))[1].each:
        kind = "estimate" if one.published else "scenario"
        said.append(Assumption("reasoning.policies", one.name, one.said, kind))
    said += stated(scenario, served)
    wanted = scenario.targets.accuracy
    if accuracy is not None:
        said.append(Assumption("quality", accuracy.status, accuracy.basis, "estimate"))
    elif wanted is not None:
        unknown = f"not judged, for the accuracy of {scenario.reasoning.strategy} on {served.model.name} is not known"
        cure = "give quality.benchmark, single_sample_accuracy, direct_accuracy or curve"
        said.append(Assumption("targets.accuracy", wanted, f"{unknown} ({cure})", "unjudged"))
    return tuple(said)
