"""How often the plans' answers are right, where anything is known about it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from capplan.plan.alike import alike
from capplan.plan.load import Load
from capplan.reasoning import scene
from capplan.scenario.said import Said
from capplan.scenario.schema import Scenario

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy


def accuracies(scenarios: Sequence[Scenario], load: Load) -> list[Accuracy | None]:
    """One accuracy a scenario of one deployment, None where its `quality` section says nothing.

    The length of the prompt is no matter: what is known of an answer is how much is thought and written for it.
    """
    said = Said()

    def known_by(scenario: Scenario) -> tuple[Hashable, ...]:
        return said(scenario.reasoning), said(scenario.workload.answer_tokens), said(scenario.quality)

    same = alike(load.demands, id)
    askers = [scenarios[at] for at in same.firsts]
    kinds = alike(askers, known_by)
    bases: dict[Hashable, Base | None] = {}
    known: list[Accuracy | None] = []
    for one in (askers[at] for at in kinds.firsts):
        words = said(one.quality)
        if words not in bases:
            bases[words] = scene.base_of(one)
        base = bases[words]
        known.append(None if base is None else scene.accuracy_from(base, one))
    return [known[kind] for kind in kinds.kind[same.kind].tolist()]
