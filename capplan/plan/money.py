"""The yearly bill of sized fleets: what they draw, and what that and they cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from capplan.cost.bill import Bill, bill
from capplan.cost.energy import fleet_power_w, power_w
from capplan.cost.terms import assumptions, ownership_terms
from capplan.engine.excuse import Assumption
from capplan.engine.serving import Steady
from capplan.engine.usage import bandwidth_utilization, compute_utilization
from capplan.plan.deployment import Deployment
from capplan.plan.load import Load
from capplan.plan.sizing import Sizing
from capplan.scenario.schema import Scenario


def paid(scenarios: Sequence[Scenario], deployment: Deployment, load: Load, sizing: Sizing) -> Bill:
    """What the fleets cost a year as the scenarios pay for them; raises what the look-up of prices raises."""
    costs = [scenario.cost for scenario in scenarios]
    chips = [deployment.accelerator] * len(costs)
    return bill(costs, sizing.gpus, sizing.nodes, chips, mean_board_w(deployment, load, sizing), sizing.standing_nodes)


def mean_board_w(deployment: Deployment, load: Load, sizing: Sizing) -> Any:
    """Mean power of one board over the year, those that stand idle in their node included."""
    return _board_w(deployment, load, sizing, sizing.mean, sizing.mean_replicas)


def peak_w(deployment: Deployment, load: Load, sizing: Sizing) -> Any:
    """Power of the fleet in its busiest hour, before cooling; spare replicas wait."""
    board_w = _board_w(deployment, load, sizing, sizing.peak, sizing.serving)
    return fleet_power_w(board_w, sizing.gpus)


def _board_w(deployment: Deployment, load: Load, sizing: Sizing, state: Steady, replicas: Any) -> Any:
    """Mean power of one board of the fleet when so many replicas are in a state and the others wait."""
    replica = sizing.replica
    # Below one sequence in decode the engine is at rest part of the time.
    busy = np.clip(state.decoding, 1e-9, 1.0)
    used = np.asarray(replica.work.layout.gpus) * replicas / np.maximum(sizing.gpus, 1)
    compute = compute_utilization(replica, load.requests, state) / busy
    bandwidth = bandwidth_utilization(replica, load.requests, state)
    return power_w(deployment.accelerator, compute, bandwidth, busy * used)


def stated(scenario: Scenario, deployment: Deployment) -> tuple[Assumption, ...]:
    """What the bill takes for granted."""
    chip = deployment.accelerator
    owned = scenario.cost.pricing.share("own") > 0
    return assumptions(scenario.cost, chip, ownership_terms(scenario.cost, chip) if owned else None)
