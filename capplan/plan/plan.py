"""The composition: scenarios -> demand -> layout -> performance -> concurrency -> fleet -> cost -> quality -> plans."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from capplan.cost.energy import J_PER_KWH, YEAR_S
from capplan.cost.place import place
from capplan.plan import trust
from capplan.plan.answer import Plan
from capplan.plan.assumed import assumptions
from capplan.plan.candidates import layouts
from capplan.plan.charges import charged
from capplan.plan.deployment import deployment, keys
from capplan.plan.judging import Judge, judged, pool_of, together
from capplan.plan.latency import Waits
from capplan.plan.limits import within_limits
from capplan.plan.load import load
from capplan.plan.money import paid, peak_w
from capplan.plan.quality import accuracies
from capplan.plan.refusals import refusals
from capplan.plan.rows import Group, lost, rows
from capplan.plan.sizing import size
from capplan.plan.textbook import textbook_plan
from capplan.plan.wanted import limits_of
from capplan.scenario.schema import Scenario

# Scenarios in one array: as many as keep its tables of layouts x batches small beside the caches.
_TOGETHER = 1024


def plan(scenario: Scenario) -> Plan:
    """The plan of one scenario; raises what its look-ups raise, all of them `CapplanError`."""
    return plans([scenario])[0]


def plans(scenarios: Sequence[Scenario]) -> list[Plan]:
    """One plan a scenario, in their order; those that differ only in load, limits and money are one array."""
    made: list[Plan | None] = [None] * len(scenarios)
    groups: dict[Hashable, list[int]] = defaultdict(list)
    key = keys()
    for i, scenario in enumerate(scenarios):
        groups[key(scenario)].append(i)
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
    limits = limits_of(scenarios, served)
    sized = size(served, layouts(first.serving, served), asked, limits)
    bill = paid(scenarios, served, asked, sized)
    right = accuracies(scenarios, asked)
    likely = trust.likely(served, asked, sized.sequences)
    group = Group(scenarios, served, asked, sized, bill, likely, right)
    why = refusals(group)
    made = zip(
        scenarios,
        rows(group, why),
        why,
        assumptions(scenarios, served, bill, right),
        lost(group, limits.upkeep),
        group.listed(sized.alone.tta_s["mean"]),
        group.listed(_drawn_w(group)),
        group.listed(asked.asked.usd_per_query),
        waiting,
        strict=True,
    )
    found = []
    for i, (scenario, row, refused, assumed, aside, alone_s, drawn_w, usd_per_query, judge) in enumerate(made):
        waits = Waits(sized.latency, i)
        alone = Plan(scenario, row, bill.lines.row(i), refused, assumed + aside, alone_s, waits, drawn_w)
        whole = alone if judge is None else together(alone, judge)
        found.append(within_limits(charged(whole, usd_per_query)))
    return found


def _drawn_w(group: Group) -> Any:
    """From the grid in the busiest hour, 0 where no target asks for it."""
    if group.scenarios[0].targets.power_w is None:
        return 0.0
    pue = np.array([place(scenario.cost).pue for scenario in group.scenarios])
    return peak_w(group.deployment, group.load, group.sizing) * pue


def _by_the_textbook(scenario: Scenario) -> Plan:
    made, lines, why, assumed = textbook_plan(scenario)
    always_w = made["annual_kwh"] * J_PER_KWH / YEAR_S
    return Plan(scenario, made, lines, why, assumed, made["tta_s"], peak_w=always_w)
