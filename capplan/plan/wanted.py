"""What the operator asks of plans: targets, utilisation, how many sequences at once, and spares."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from capplan.plan.deployment import Deployment
from capplan.plan.load import Load
from capplan.plan.upkeep import Upkeep, upkeep
from capplan.records import dataclass
from capplan.scenario.schema import Scenario
from capplan.scenario.serving import Serving


@dataclass(frozen=True)
class Limits:
    """What the operator asks of every plan of a group; arrays of shape (scenarios,) where it may differ.

    targets: latency limits in seconds by name. concurrency: sequences on a replica, None where the planner chooses.
    """

    serving: Serving
    targets: dict[str, Any]
    concurrency: Any
    utilization: Any
    node_gpus: int
    upkeep: Upkeep

    def kinds(self, load: Load) -> "Limits":
        """Targets and concurrency of the first scenario of each kind of a load."""
        given = None if self.concurrency is None else load.firsts(self.concurrency)
        return replace(self, targets={name: load.firsts(at) for name, at in self.targets.items()}, concurrency=given)


def limits_of(scenarios: Sequence[Scenario], deployment: Deployment) -> Limits:
    """Those of scenarios that share a deployment."""
    first = scenarios[0]
    given = None if first.serving.concurrency == "auto" else _array([s.serving.concurrency for s in scenarios])
    return Limits(
        serving=first.serving,
        targets={name: _array([getattr(s.targets, name) for s in scenarios]) for name in first.targets.limits_s()},
        concurrency=given,
        utilization=_array([s.workload.target_utilization for s in scenarios]),
        node_gpus=first.serving.node_gpus or deployment.accelerator.node_gpus,
        upkeep=upkeep(scenarios),
    )


def _array(values: Sequence[Any]) -> Any:
    return np.array(values, np.float64)
