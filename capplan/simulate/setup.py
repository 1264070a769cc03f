"""A scenario as the simulator takes it: the plan's replicas and step times, and traffic from its laws of lengths."""

from dataclasses import dataclass, replace

import numpy as np

from capplan.engine.layout import Layout
from capplan.engine.serving import Requests as MeanRequest
from capplan.engine.steptimes import StepTimes, compressed
from capplan.engine.tabulate import step_times
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.plan.deployment import Deployment, deployment
from capplan.plan.judging import judged, pool_of
from capplan.plan.load import load
from capplan.reasoning.demand import under_policies
from capplan.reasoning.effects import Effects
from capplan.reasoning.options import Options
from capplan.reasoning.rounds import Drawn, Round, rounds, thinking_law
from capplan.reasoning.scene import demand_of, options_of, query_of
from capplan.scenario.schema import Scenario
from capplan.simulate.chain import Station
from capplan.simulate.policy import Policy
from capplan.simulate.requests import Requests
from capplan.simulate.traffic.generate import Traffic, TrafficClass

LONGEST_OUTPUT_TOKENS = 131_072


@dataclass(frozen=True)
class Setup:
    """One pool ready to be simulated, with the plan that it is held against.

    options: how its queries think under their policies, whose other effects are in `policies`. judge: the pool of their
    verifier, where that is another model. traffic: None where the requests come from a trace. caches: prefixes stay in
    the KV cache from one request of a query to the next. requests_per_query: the mean, judgements included.
    context_tokens: prompt and output that a request may have.
    """

    plan: Plan
    times: StepTimes
    policy: Policy
    options: Options
    policies: Effects
    judge: Station | None
    traffic: Traffic | None
    caches: bool
    requests_per_query: float
    context_tokens: int


def setup(scenario: Scenario, *, peak: bool = True, traced: bool = False) -> Setup:
    """The replicas that the plan asks for, under the load of the busiest hour or under the mean load.

    traced: the requests come from a trace, and the scenario's strategy only sizes the fleet.

    Raises UserError for the textbook engine, which knows no batch, for pools apart, and where the plan does not fit.
    """
    if scenario.serving.disaggregated:
        raise UserError(
            f"{scenario.name}: simulate serves prefill and decode on the same replicas; set serving.disaggregated=false"
        )
    if scenario.serving.engine == "textbook":
        raise UserError(f"{scenario.name}: the textbook engine serves one query at a time and has no batch to simulate")
    planned = plan(scenario)
    refused = [why for why in planned.excuses if why.constraint == "memory"]
    if refused:
        raise UserError(f"{scenario.name}: {refused[0].message}. {refused[0].cure}")
    work = judged(scenario)
    pool = None if work is None else plan(pool_of(scenario, work))
    shaped, policies = under_policies(options_of(scenario))
    served, times, policy = _replicas(scenario, planned, 0 if pool is None else int(pool.row["replicas"]))
    return Setup(
        plan=planned,
        times=compressed(times, policies.kv),
        policy=policy,
        options=shaped,
        policies=policies,
        judge=None if pool is None else Station(*_replicas(pool.scenario, pool)[1:]),
        traffic=None if traced else traffic(scenario, shaped, peak),
        caches=scenario.serving.prefix_cache_hit_rate > 0,
        requests_per_query=(float(demand_of(scenario).requests) + (float(work.requests) if work else 0.0))
        / policies.reach,
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


def _replicas(scenario: Scenario, planned: Plan, others: int = 0) -> tuple[Deployment, StepTimes, Policy]:
    """What is served on what, and the step times and scheduling of the plan's replicas, less `others` among them."""
    row = planned.row
    layout = Layout(
        row["tensor_parallel"], row["pipeline_parallel"], row["expert_parallel"], row["attention_data_parallel"]
    )
    served = deployment(scenario)
    mean = _mean_request(load([scenario]).requests)
    concurrency = scenario.serving.concurrency
    times = step_times(
        served.replica(layout),
        mean,
        None if concurrency == "auto" else int(concurrency),
        served.accelerator.pcie_bandwidth_bytes_per_s,
    )
    policy = Policy(
        replicas=max(int(row["replicas"]) - others - int(row.get("spare_replicas", 0)), 1),
        prefix_hit_ratio=scenario.serving.prefix_cache_hit_rate,
        growth_tokens=int(mean.output_tokens) if served.engine.output_reserved >= 1 else 0,
    )
    return served, times, policy


def _mean_request(asked: MeanRequest) -> MeanRequest:
    names = MeanRequest.__dataclass_fields__
    return MeanRequest(*(float(np.asarray(getattr(asked, name)).reshape(-1)[0]) for name in names))
