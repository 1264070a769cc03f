"""A scenario as the simulator takes it: the plan's replicas and step times, and traffic from its laws of lengths."""

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from capplan.engine.serving import Requests as MeanRequest
from capplan.engine.steptimes import StepTimes, compressed
from capplan.engine.tabulate import link, reading_times, step_times
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.plan.deployment import Deployment, deployment
from capplan.plan.judging import judged, pool_of
from capplan.plan.load import load
from capplan.plan.rows import layout_of
from capplan.plan.upkeep import spot_share
from capplan.reasoning.effects import Effects
from capplan.reasoning.options import Options
from capplan.reasoning.rounds import Drawn, Round, rounds, thinking_law
from capplan.reasoning.scene import demand_of, options_of, query_of
from capplan.reasoning.strategy import under_policies
from capplan.scenario.schema import Scenario
from capplan.simulate.policy import Policy
from capplan.simulate.requests import Requests
from capplan.simulate.station import Readers, Station
from capplan.simulate.traffic.generate import Traffic, TrafficClass

LONGEST_OUTPUT_TOKENS = 131_072


@dataclass(frozen=True)
class Setup:
    """One pool ready to be simulated, with the plan that it is held against.

    options: how its queries think under their policies, whose other effects are in `policies`. judge: the pool of their
    verifier, where that is another model. traffic: None where the requests come from a trace. caches: prefixes stay in
    the KV cache from one request of a query to the next. requests_per_query: the mean, judgements included.
    down: mean seconds for which a replica is up, inf where none goes down, and for which it is then down.
    context_tokens: prompt and output that a request may have. readers: the replicas that read prompts, where they are
    apart; `times` and `policy` are then those of decode. readers_down: as `down`, of a reader.
    """

    plan: Plan
    times: StepTimes
    policy: Policy
    options: Options
    policies: Effects
    judge: Station | None
    down: tuple[float, float]
    traffic: Traffic | None
    caches: bool
    requests_per_query: float
    context_tokens: int
    readers: Readers | None = None
    readers_down: tuple[float, float] = (inf, 0.0)

    @property
    def several(self) -> bool:
        """Whether a query makes more than one request."""
        return self.requests_per_query > 1 + 1e-9


def setup(scenario: Scenario, *, peak: bool = True, traced: bool = False) -> Setup:
    """The replicas that the plan asks for, under the load of the busiest hour or under the mean load.

    traced: the requests come from a trace, and the scenario's strategy only sizes the fleet.

    Raises UserError for the textbook engine, which knows no batch, and where the plan does not fit.
    """
    if scenario.serving.engine == "textbook":
        raise UserError(f"{scenario.name}: the textbook engine serves one query at a time and has no batch to simulate")
    planned = plan(scenario)
    refused = [why for why in planned.excuses if why.constraint == "memory"]
    if refused:
        raise UserError(f"{scenario.name}: {refused[0].message}. {refused[0].cure}")
    work = judged(scenario)
    pool = None if work is None else plan(pool_of(scenario, work))
    shaped, policies = under_policies(options_of(scenario))
    each = (float(demand_of(scenario).requests) + (float(work.requests) if work else 0.0)) / policies.reach
    layout = layout_of(planned.row)
    down = _down(scenario, int(layout.gpus))
    # Spares stand in for those that are down; where none goes down, they stand by.
    idle = down[0] == inf or each > 1 + 1e-9
    served, station = _replicas(scenario, planned, idle)
    times = compressed(station.times, policies.kv)
    return Setup(
        plan=planned,
        times=times,
        policy=station.policy,
        options=shaped,
        policies=policies,
        judge=None if pool is None else _replicas(pool.scenario, pool, idle=True)[1],
        down=down,
        traffic=None if traced else traffic(scenario, shaped, peak),
        caches=station.caches,
        requests_per_query=each,
        readers=station.readers,
        readers_down=_down(scenario, int(layout.prefill.gpus)) if layout.prefill else down,
        context_tokens=min(times.kv_blocks * times.kv_block_tokens, served.model.architecture.max_context),
    )


def expanded(ready: Setup, drawn: Requests, seed: int) -> tuple[Requests, tuple[Round, ...]]:
    """The queries of drawn lengths as the strategy makes requests of them: rounds where one query makes several."""
    read_tokens = round(float(np.asarray(ready.policies.read_tokens)))
    drawn = replace(drawn, prompt_tokens=drawn.prompt_tokens + read_tokens)
    lengths = Drawn(
        drawn.prompt_tokens,
        drawn.thinking_tokens,
        drawn.output_tokens - drawn.thinking_tokens,
        np.random.default_rng([seed, 6]),
    )
    made = rounds(ready.options, lengths)
    if len(made) > 1 or made[0].requests > 1:
        return drawn, made
    output, thinking = made[0].output_tokens[:, 0], made[0].thinking_tokens[:, 0]
    return replace(drawn, output_tokens=output, thinking_tokens=thinking), ()


def traffic(scenario: Scenario, options: Options, peak: bool = True) -> Traffic:
    """The scenario's queries: Gamma gaps of its burstiness; lengths of one sample by its laws, before any budget."""
    work = scenario.workload
    query, law = query_of(scenario), thinking_law(options)
    one = TrafficClass("all", 1.0, query.prompt, query.answer, law, LONGEST_OUTPUT_TOKENS)
    return Traffic(work.qps * (work.busiest_to_mean if peak else 1.0), (one,), burstiness=work.burstiness)


def _replicas(scenario: Scenario, planned: Plan, idle: bool) -> tuple[Deployment, Station]:
    """What is served on what, and the step times and scheduling of the plan's replicas. idle: but for its spares."""
    row, layout = planned.row, layout_of(planned.row)
    served = deployment(scenario)
    mean = _mean_request(load([scenario]).requests)
    concurrency = scenario.serving.concurrency
    times = step_times(
        served.replica(layout),
        mean,
        None if concurrency == "auto" else int(concurrency),
        served.accelerator.pcie_bandwidth_bytes_per_s,
    )
    spares = int(row.get("spare_replicas", 0)) if idle else 0
    policy = Policy(
        replicas=max(int(row["replicas"]) - spares, 1),
        prefix_hit_ratio=scenario.serving.prefix_cache_hit_rate,
        growth_tokens=int(mean.output_tokens) if served.engine.output_reserved >= 1 else 0,
    )
    caches = scenario.serving.prefix_cache_hit_rate > 0
    if layout.prefill is None:
        return served, Station(times, policy, caches)
    reading = replace(served, draft=None).replica(layout.prefill)
    by = int(row["prefill_replicas"])
    standing_by = int(row.get("prefill_spare_replicas", 0)) if idle else 0
    readers = Readers(
        reading_times(reading, mean),
        replace(policy, replicas=max(by - standing_by, 1), growth_tokens=0),
        link(reading, mean),
    )
    writing = replace(policy, replicas=max(policy.replicas - (by - standing_by), 1))
    return served, Station(replace(times, arrival_s=0.0), writing, caches, readers)


def _down(scenario: Scenario, gpus: int) -> tuple[float, float]:
    """How long a replica of so many GPUs is up and how long down, means, by its failures and evictions together."""
    failures, spot = scenario.serving.failures, scenario.cost.spot
    fails = gpus / failures.every_s if failures else 0.0
    evicted = spot_share(scenario.cost) / spot.eviction_every_s if spot.eviction_every_s else 0.0
    rate = fails + evicted
    if not rate:
        return inf, 0.0
    repair_s = failures.repair_s if failures else 0.0
    return 1 / rate, (fails * repair_s + evicted * spot.restart_s) / rate


def _mean_request(asked: MeanRequest) -> MeanRequest:
    names = MeanRequest.__dataclass_fields__
    return MeanRequest(*(float(np.asarray(getattr(asked, name)).reshape(-1)[0]) for name in names))
