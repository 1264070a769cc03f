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
    """One accuracy a scenario of one deployment, None where its `quality` section says nothing."""
    said = Said()
    same = alike(range(len(scenarios)), lambda at: (id(load.demands[at]), said(scenarios[at].quality)))
    bases: dict[Hashable, Base | None] = {}
    known: list[Accuracy | None] = []
    for at in same.firsts:
        words = said(scenarios[at].quality)
        if words not in bases:
            bases[words] = scene.base_of(scenarios[at])
        base = bases[words]
        known.append(None if base is None else scene.accuracy_from(base, scenarios[at]))
    return [known[kind] for kind in same.kind]
