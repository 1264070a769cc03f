"""The yearly bill of sized fleets: what they draw, and what that and they cost."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from capplan.cost.bill import Bill, bill
from capplan.cost.energy import fleet_power_w, power_w
from capplan.cost.terms import assumptions, ownership_terms
from capplan.engine.excuse import Assumption
from capplan.engine.serving import Replica, Requests, Steady
from capplan.engine.usage import bandwidth_utilization, compute_utilization, weights_read_share
from capplan.plan.deployment import Deployment
from capplan.plan.load import Load
from capplan.plan.readers import Readers
from capplan.plan.sizing import Sizing
from capplan.scenario.schema import Scenario


def paid(scenarios: Sequence[Scenario], deployment: Deployment, load: Load, sizing: Sizing) -> Bill:
    """What the fleets cost a year as the scenarios pay for them; raises what the look-up of prices raises."""
    costs, board_w = [scenario.cost for scenario in scenarios], mean_board_w(deployment, load, sizing)
    return bill(costs, sizing.gpus, sizing.nodes, deployment.accelerator, board_w, sizing.standing_nodes)


def mean_board_w(deployment: Deployment, load: Load, sizing: Sizing) -> Any:
    """Mean power of one board over the year, those that stand idle in their node included."""
    return _board_w(deployment, load, sizing, sizing.mean, sizing.mean_replicas, load.queries_per_s)


def peak_w(deployment: Deployment, load: Load, sizing: Sizing) -> Any:
    """Power of the fleet in its busiest hour, before cooling; spare replicas wait."""
    board_w = _board_w(deployment, load, sizing, sizing.peak, sizing.serving, load.peak_per_s)
    return fleet_power_w(board_w, sizing.gpus)


def _board_w(
    deployment: Deployment, load: Load, sizing: Sizing, state: Steady, replicas: Any, queries_per_s: Any
) -> Any:
    """Mean power of one board of the fleet when so many replicas work and the others wait.

    state: of each that writes answers. queries_per_s: of the whole fleet.
    """
    replica, gpus = sizing.replica, np.maximum(sizing.gpus, 1)
    size = np.asarray(replica.work.layout.gpus)
    if sizing.readers is None:
        return replica_w(deployment, replica, load.requests, state, size * replicas / gpus)
    node, theirs = sizing.gpus / sizing.nodes, sizing.readers
    reading = np.where(replicas == sizing.serving, theirs.serving, sizing.reader_replicas)
    boards, their_boards = (sizing.nodes - sizing.reader_nodes) * node, sizing.reader_nodes * node
    asked = replace(load.requests, prefill_tokens=0.0)
    writing_w = replica_w(deployment, replica, asked, state, size * (replicas - reading) / boards)
    per_s = queries_per_s * load.requests_per_query * sizing.redone / reading
    used = np.asarray(theirs.layout.gpus) * reading / their_boards
    return (writing_w * boards + readers_w(deployment, theirs, load.requests, per_s, used) * their_boards) / gpus


def replica_w(deployment: Deployment, replica: Replica, requests: Requests, state: Steady, used: Any) -> Any:
    """Mean power of a board of replicas in a state; used: share of the boards that work in one."""
    # Below one sequence in decode the engine is at rest part of the time.
    busy = np.clip(state.decoding, 1e-9, 1.0)
    compute = compute_utilization(replica, requests, state) / busy
    bandwidth = bandwidth_utilization(replica, requests, state)
    return power_w(deployment.accelerator, compute, bandwidth, busy * used)


def readers_w(deployment: Deployment, readers: Readers, requests: Requests, per_s: Any, used: Any) -> Any:
    """Mean power of a board of the pool that reads prompts, of whose replicas each reads so many requests a second."""
    busy = np.clip(per_s / readers.does.most_per_s, 1e-9, 1.0)
    state = readers.does.at(per_s)
    compute = compute_utilization(readers.replica, replace(requests, output_tokens=0.0), state) / busy
    bandwidth = weights_read_share(readers.replica, readers.does.own_s)
    return power_w(deployment.accelerator, compute, bandwidth, busy * used)


def stated(scenario: Scenario, deployment: Deployment) -> tuple[Assumption, ...]:
    """What the bill takes for granted."""
    chip = deployment.accelerator
    owned = scenario.cost.pricing.share("own") > 0
    return assumptions(scenario.cost, chip, ownership_terms(scenario.cost, chip) if owned else None)
