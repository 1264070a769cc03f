"""How often the plans' answers are right, where anything is known about it."""

from collections.abc import Sequence

from capplan.plan.deployment import Deployment
from capplan.plan.load import Load
from capplan.reasoning import options as reading
from capplan.reasoning.accuracy.value import Accuracy
from capplan.scenario.schema import Scenario


def accuracies(scenarios: Sequence[Scenario], deployment: Deployment, load: Load) -> list[Accuracy | None]:
    """One accuracy a scenario, None where its `quality` section says nothing."""
    return [_accuracy(s, deployment, load, i) for i, s in enumerate(scenarios)]


def _accuracy(scenario: Scenario, deployment: Deployment, load: Load, row: int) -> Accuracy | None:
    quality = scenario.quality
    if quality.benchmark is None and quality.single_sample_accuracy is None and quality.curve is None:
        return None
    from capplan.reasoning.demand import accuracy
    from capplan.reasoning.published import base

    curve = scenario.file(quality.curve) if quality.curve else None
    known = base(deployment.model.name, quality.benchmark, quality.single_sample_accuracy, curve)
    options = reading.read(scenario.reasoning, quality.single_sample_accuracy)
    return accuracy(options, load.demands[row], known)
