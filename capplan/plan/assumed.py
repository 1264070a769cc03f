"""What plans take for granted: every default and estimate, each with its source."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

from capplan.cost.bill import Bill
from capplan.cost.kinds import over_rows
from capplan.engine.excuse import Assumption
from capplan.plan.alike import alike
from capplan.plan.deployment import Deployment
from capplan.plan.money import stated
from capplan.reasoning.scene import options_of
from capplan.reasoning.strategy import under_policies
from capplan.scenario.schema import Scenario
from capplan.scenario.workload import Workload

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.value import Accuracy

# Keys of the traffic that a plan takes for granted where they are not given.
_TRAFFIC = {
    "target_utilization": "default: headroom at peak",
    "peak_to_mean": "default: Poisson traffic without peaks",
    "burstiness": "default: Poisson traffic without peaks",
}
Stated = tuple[Assumption, ...]


def assumptions(
    scenarios: Sequence[Scenario], served: Deployment, bill: Bill, right: Sequence[Accuracy | None]
) -> list[Stated]:
    """Those of each plan of a deployment; told once for all that leave the same open, as most plans of a sweep do."""
    paying = over_rows([(at, rows) for at, (_, rows) in enumerate(bill.kinds)], len(scenarios)).tolist()

    def left_open(at: int) -> tuple[Hashable, ...]:
        one = scenarios[at]
        return _open(one.workload), _thinking(one), paying[at], _known(one, right[at])

    same = alike(range(len(scenarios)), left_open)
    told = [(*served.assumptions, *_said(scenarios[at], served, right[at])) for at in same.firsts]
    return [told[kind] for kind in same.kind.tolist()]


def _said(scenario: Scenario, served: Deployment, accuracy: Accuracy | None) -> Iterator[Assumption]:
    yield from _traffic(scenario.workload)
    yield from _policies(scenario)
    yield from stated(scenario, served)
    yield from _accuracy(scenario, served, accuracy)


def _open(work: Workload) -> tuple[Hashable, ...]:
    return work.given_fields, work.day is None, *(getattr(work, name) for name in _TRAFFIC if not work.given(name))


def _traffic(work: Workload) -> Iterator[Assumption]:
    for name, why in _TRAFFIC.items():
        if not work.given(name) and not (name == "peak_to_mean" and work.day):
            yield Assumption(f"workload.{name}", getattr(work, name), why)


def _thinking(scenario: Scenario) -> int:
    """The section, where it has policies to tell of."""
    return id(scenario.reasoning) if scenario.reasoning.given("policies") else 0


def _policies(scenario: Scenario) -> Iterator[Assumption]:
    for one in under_policies(options_of(scenario))[1].each:
        kind = "estimate" if one.published else "scenario"
        yield Assumption("reasoning.policies", one.name, one.said, kind)


def _known(scenario: Scenario, accuracy: Accuracy | None) -> Hashable:
    if accuracy is not None:
        return accuracy.status, accuracy.basis
    return scenario.reasoning.strategy, scenario.targets.accuracy


def _accuracy(scenario: Scenario, served: Deployment, accuracy: Accuracy | None) -> Iterator[Assumption]:
    wanted = scenario.targets.accuracy
    if accuracy is not None:
        yield Assumption("quality", accuracy.status, accuracy.basis, "estimate")
    elif wanted is not None:
        unknown = f"not judged, for the accuracy of {scenario.reasoning.strategy} on {served.model.name} is not known"
        cure = "give quality.benchmark, single_sample_accuracy, direct_accuracy or curve"
        yield Assumption("targets.accuracy", wanted, f"{unknown} ({cure})", "unjudged")
