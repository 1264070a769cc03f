"""The yearly bill of sized fleets: what they draw, and what that and they cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from capplan.cost.bill import Bill, bill
from capplan.cost.energy import power_w
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
    power_w = board_w(deployment, load, sizing)
    return bill(costs, sizing.gpus, sizing.nodes, chips, power_w, running_s(load, sizing.mean))


def running_s(load: Load, state: Steady) -> Any:
    """Mean age of the running requests, all lost where their GPU is taken away.

    Beyond the prompt, the context of a decoded token is E[T^2] / 2 E[T] of the output lengths T: its age in tokens.
    """
    written = np.maximum(load.requests.context_tokens - load.requests.prompt_tokens, 0.0)
    return written * state.itl_s + state.own_prefill_s


def board_w(deployment: Deployment, load: Load, sizing: Sizing) -> Any:
    """Mean power of one board over the year at the mean load, those that stand idle in their node included."""
    state, replica = sizing.mean, sizing.replica
    # Below one sequence in decode the engine is at rest part of the time.
    busy = np.clip(state.decoding, 1e-9, 1.0)
    used = np.asarray(replica.work.layout.gpus) * sizing.replicas / np.maximum(sizing.gpus, 1)
    compute = compute_utilization(replica, load.requests, state) / busy
    bandwidth = bandwidth_utilization(replica, load.requests, state)
    return power_w(deployment.accelerator, compute, bandwidth, busy * used)


def stated(scenario: Scenario, deployment: Deployment) -> tuple[Assumption, ...]:
    """What the bill takes for granted."""
    chip = deployment.accelerator
    owned = scenario.cost.pricing.share("own") > 0
    return assumptions(scenario.cost, chip, ownership_terms(scenario.cost, chip) if owned else None)
