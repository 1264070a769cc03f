"""A scenario as the simulator takes it: the plan's replicas and step times, and traffic from its laws of lengths."""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np

from capplan.engine.layout import Layout
from capplan.engine.serving import Requests as MeanRequest
from capplan.engine.steptimes import StepTimes
from capplan.engine.tabulate import step_times
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.plan.deployment import deployment
from capplan.plan.load import load
from capplan.reasoning import options as reading
from capplan.reasoning.lengths import Constant
from capplan.scenario.schema import Scenario
from capplan.simulate.policy import Policy
from capplan.simulate.traffic.generate import Lengths, Traffic, TrafficClass

# One engine request a query: what is simulated is what the user waits for.
SINGLE = ("direct", "chain_of_thought", "long_thinking")
LONGEST_OUTPUT_TOKENS = 131_072


@dataclass(frozen=True)
class Setup:
    """One pool ready to be simulated, with the plan that it is held against.

    traffic: None where the requests come from a trace. context_tokens: prompt and output that a request may have.
    """

    plan: Plan
    times: StepTimes
    policy: Policy
    traffic: Traffic | None
    context_tokens: int


def setup(scenario: Scenario, *, peak: bool = True, traced: bool = False) -> Setup:
    """The replicas that the plan asks for, under the load of the busiest hour or under the mean load.

    traced: the requests come from a trace, and the scenario's strategy only sizes the fleet.

    Raises UserError for strategies of several requests a query, for the textbook engine, which knows no batch, and
    where the plan does not fit its memory.
    """
    strategy, calls = scenario.reasoning.strategy, scenario.reasoning.calls
    if not traced and (strategy not in SINGLE or calls != "one"):
        raise UserError(
            f"{scenario.name}: simulate serves one request a query; {strategy} with calls: {calls} makes several. "
            f"Choose {', '.join(SINGLE)} with calls: one, or give a trace of the requests with --trace"
        )
    if scenario.serving.engine == "textbook":
        raise UserError(f"{scenario.name}: the textbook engine serves one query at a time and has no batch to simulate")
    planned = plan(scenario)
    refused = [why for why in planned.excuses if why.constraint == "memory"]
    if refused:
        raise UserError(f"{scenario.name}: {refused[0].message}. {refused[0].cure}")
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
        replicas=max(int(row["replicas"]) - int(row.get("spare_replicas", 0)), 1),
        prefix_hit_ratio=scenario.serving.prefix_cache_hit_rate,
        growth_tokens=int(mean.output_tokens) if served.engine.output_reserved >= 1 else 0,
    )
    context = min(times.kv_blocks * times.kv_block_tokens, served.model.architecture.max_context)
    return Setup(planned, times, policy, None if traced else traffic(scenario, peak), context)


def traffic(scenario: Scenario, peak: bool = True) -> Traffic:
    """The scenario's queries: Gamma gaps of its burstiness, lengths by its laws, thinking cut at its budget."""
    work = scenario.workload
    options = reading.read(scenario.reasoning, scenario.quality.single_sample_accuracy)
    query = reading.query(work.prompt_tokens, work.answer_tokens)
    budget = float(np.min(options.thinking_budget_tokens))
    thinking: Lengths | None = None
    if options.strategy == "long_thinking" and options.thinking is None and isfinite(budget):
        thinking = Constant(budget)
    elif options.strategy != "direct":
        thinking = options.thinking_law()
    if thinking is not None and budget < inf:
        thinking = Capped(thinking, budget)
    one = TrafficClass("all", 1.0, query.prompt, query.answer, thinking, LONGEST_OUTPUT_TOKENS)
    return Traffic(work.qps * (work.busiest_to_mean if peak else 1.0), (one,), burstiness=work.burstiness)


@dataclass(frozen=True)
class Capped:
    """A law of lengths cut at `most_tokens`."""

    law: Lengths
    most_tokens: float

    def quantile_tokens(self, share: Any) -> Any:
        """The law's quantiles, at most the cap."""
        return np.minimum(self.law.quantile_tokens(share), self.most_tokens)


def _mean_request(asked: MeanRequest) -> MeanRequest:
    names = MeanRequest.__dataclass_fields__
    return MeanRequest(*(float(np.asarray(getattr(asked, name)).reshape(-1)[0]) for name in names))
