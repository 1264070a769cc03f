"""How often the plans' answers are right, where anything is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from capplan.plan.alike import Said, alike
from capplan.plan.deployment import Deployment
from capplan.plan.load import Load
from capplan.reasoning import options as reading
from capplan.reasoning.demand import Demand
from capplan.scenario.schema import Scenario

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy


def accuracies(scenarios: Sequence[Scenario], deployment: Deployment, load: Load) -> list[Accuracy | None]:
    """One accuracy a scenario, None where its `quality` section says nothing."""
    said, told = Said(), [_tells(scenario) for scenario in scenarios]
    same = alike(range(len(scenarios)), lambda at: (id(load.demands[at]), said(scenarios[at].quality)))
    bases: dict[str, Base] = {}
    known: list[Accuracy | None] = []
    for at in same.firsts:
        words = said(scenarios[at].quality)
        if told[at] and words not in bases:
            bases[words] = _base(scenarios[at], deployment)
        known.append(_accuracy(scenarios[at], load.demands[at], bases[words]) if told[at] else None)
    return [known[kind] for kind in same.kind]


def _tells(scenario: Scenario) -> bool:
    quality = scenario.quality
    return any(one is not None for one in (quality.benchmark, quality.single_sample_accuracy, quality.curve))


def _base(scenario: Scenario, deployment: Deployment) -> Base:
    from capplan.reasoning.published import base

    quality = scenario.quality
    curve = scenario.file(quality.curve) if quality.curve else None
    return base(deployment.model.name, quality.benchmark, quality.single_sample_accuracy, curve)


def _accuracy(scenario: Scenario, asked: Demand, known: Base) -> Accuracy | None:
    from capplan.reasoning.demand import accuracy

    options = reading.read(scenario.reasoning, scenario.quality.single_sample_accuracy)
    return accuracy(options, asked, known)
