"""What the queries of scenarios ask of the engine, one element a scenario."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from capplan.engine.serving import Requests
from capplan.reasoning.demand import Demand, stack
from capplan.reasoning.scene import demand_of
from capplan.scenario.schema import Scenario


@dataclass(frozen=True)
class Load:
    """Demand and traffic of scenarios that share a deployment; arrays of shape (scenarios,).

    queries_per_s: mean. peak_per_s: in the busiest hour. requests: what one engine request asks for, means.
    requests_per_query: engine requests of one query, sequential calls and parallel samples together.
    """

    demands: tuple[Demand, ...]
    asked: Demand
    requests: Requests
    requests_per_query: Any
    queries_per_s: Any
    peak_per_s: Any
    burstiness: Any

    def column(self) -> "Load":
        """The same with shape (scenarios, 1), to be broadcast against candidates in the last axis."""
        asked = self.requests
        requests = Requests(*(_column(getattr(asked, name)) for name in Requests.__dataclass_fields__))
        return Load(
            self.demands,
            self.asked,
            requests,
            _column(self.requests_per_query),
            _column(self.queries_per_s),
            _column(self.peak_per_s),
            _column(self.burstiness),
        )


def load(scenarios: Sequence[Scenario]) -> Load:
    """Demand of each scenario's strategy under its workload; a cached prefix saves prefill, not memory."""
    demands = tuple(demand_of(scenario) for scenario in scenarios)
    asked = stack(demands)
    hit = np.array([s.serving.prefix_cache_hit_rate for s in scenarios], np.float64)
    mean = np.array([s.workload.qps for s in scenarios], np.float64)
    peak = mean * np.array([s.workload.peak_to_mean for s in scenarios], np.float64)
    return assembled(demands, asked, hit, mean, peak, np.array([s.workload.burstiness for s in scenarios], np.float64))


def assembled(demands: tuple[Demand, ...], asked: Demand, hit: Any, mean: Any, peak: Any, burstiness: Any) -> Load:
    """The load of queries that ask for `asked`; all arrays of one shape (scenarios,).

    hit: share of the prompt that is cached. mean, peak: queries a second. demands: the single ones, verifiers included.
    """
    # What earlier requests of the same query left in the cache is read again only where prefixes are not cached at all.
    repeated = np.where(hit > 0, 0.0, asked.repeated_prefill_tokens)
    prefill = (asked.prefill_tokens * (1.0 - hit) + repeated) / asked.requests
    output = np.asarray(asked.request_output_tokens, np.float64)
    # Samples fork after one prefill of the prompt; a step of a chain has a prompt of its own, longer than the user's.
    computed = np.maximum(np.asarray(asked.request_prefill_tokens, np.float64), 1.0)
    prompt = np.maximum(computed, asked.prompt_tokens)
    requests = Requests(
        prompt_tokens=prompt,
        output_tokens=output,
        prefill_tokens=np.maximum(prefill, computed / prompt),
        context_tokens=np.asarray(asked.context_tokens, np.float64),
        held_tokens=np.asarray(asked.kv_tokens_per_sequence, np.float64),
        beams=np.ones_like(output),
        forks=prompt / computed,
        longest_tokens=prompt + output * asked.sequential_p99_tokens / np.maximum(asked.sequential_tokens, 1e-9),
    )
    return Load(
        demands=demands,
        asked=asked,
        requests=requests,
        requests_per_query=np.asarray(asked.requests, np.float64),
        queries_per_s=mean,
        peak_per_s=peak,
        burstiness=burstiness,
    )


def _column(values: Any) -> Any:
    return np.atleast_1d(np.asarray(values, np.float64))[:, None]
