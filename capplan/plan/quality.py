"""How often the plans' answers are right, where anything is known about it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from capplan.plan.alike import alike
from capplan.reasoning import scene
from capplan.scenario.said import Said
from capplan.scenario.schema import Scenario

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy


def accuracies(scenarios: Sequence[Scenario]) -> list[Accuracy | None]:
    """One accuracy a scenario of one deployment, None where its `quality` section says nothing.

    The length of the prompt is no matter: what is known of an answer is how much is thought and written for it.
    """
    said = Said()

    def known_by(scenario: Scenario) -> tuple[Hashable, ...]:
        return said(scenario.reasoning), said(scenario.workload.answer_tokens), said(scenario.quality)

    same = alike(scenarios, known_by)
    bases: dict[Hashable, Base | None] = {}
    known: list[Accuracy | None] = []
    for at in same.firsts:
        words = said(scenarios[at].quality)
        if words not in bases:
            bases[words] = scene.base_of(scenarios[at])
        base = bases[words]
        known.append(None if base is None else scene.accuracy_from(base, scenarios[at]))
    return [known[kind] for kind in same.kind]
