"""What the queries of scenarios ask of the engine, one element a scenario."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from capplan.engine.serving import Requests
from capplan.fleet import mixture
from capplan.plan.alike import Alike, alike
from capplan.plan.spread import Spread, spread
from capplan.reasoning.demand import Demand, stack
from capplan.reasoning.lengths import Constant
from capplan.reasoning.scene import demand_of, query_of
from capplan.records import dataclass
from capplan.scenario.said import Said
from capplan.scenario.schema import Scenario

# Fields of a demand that are no figures.
_WORDS = frozenset({"strategy", "verifier"})


@dataclass(frozen=True)
class Load:
    """Demand and traffic of scenarios that share a deployment; arrays of shape (scenarios,).

    queries_per_s: mean. peak_per_s: in the busiest hour. requests: what one engine request asks for, means.
    requests_per_query: engine requests of one query, sequential calls and parallel samples together. spread: of
    the prompts of engine requests and of the tokens that a query waits for. judged_s: what a query waits for another
    model to judge its candidates, before anything of the answer is shown. alike: scenarios that differ in traffic only;
    None where that is not known.
    """

    demands: tuple[Demand, ...]
    asked: Demand
    requests: Requests
    requests_per_query: Any
    queries_per_s: Any
    peak_per_s: Any
    burstiness: Any
    spread: Spread
    judged_s: Any = 0.0
    alike: Alike | None = None

    def column(self) -> "Load":
        """The same with shape (scenarios, 1), to be broadcast against candidates in the last axis."""
        return self._each(_column)

    def kinds(self) -> "Load":
        """The first scenario of those that differ in traffic only, for each of them."""
        return self if self.alike is None or self.alike.differ else self._each(self.firsts)

    def firsts(self, values: Any) -> Any:
        """Of an array over scenarios, the values of `kinds`."""
        if self.alike is None or self.alike.differ:
            return values
        return np.asarray(values, np.float64)[list(self.alike.firsts)]

    def of_kinds(self, values: Any) -> Any:
        """An array over `kinds` (first axis) as one over scenarios."""
        return values if self.alike is None or self.alike.differ else values[self.alike.kind]

    def _each(self, change: Callable[[Any], Any]) -> "Load":
        """The load with every array changed."""
        asked = {f.name: change(getattr(self.asked, f.name)) for f in fields(Demand) if f.name not in _WORDS}
        return Load(
            self.demands,
            replace(self.asked, verifier=None, **asked),
            Requests(*(change(getattr(self.requests, name)) for name in Requests.__dataclass_fields__)),
            change(self.requests_per_query),
            change(self.queries_per_s),
            change(self.peak_per_s),
            change(self.burstiness),
            Spread(*(change(getattr(self.spread, f.name)) for f in fields(Spread))),
            change(np.broadcast_to(self.judged_s, np.shape(self.queries_per_s))),
        )


def load(scenarios: Sequence[Scenario], judged_s: Sequence[float] | None = None) -> Load:
    """Demand of each scenario's strategy under its workload; a cached prefix saves prefill, not memory.

    judged_s: see `Load`; one a scenario, None for no judges.
    """
    said, waits = Said(), judged_s or [0.0] * len(scenarios)
    limits = Said(lambda targets: tuple(targets.limits_s().items()))
    same = alike(range(len(scenarios)), lambda at: (*_work(scenarios[at], said, limits), waits[at]))
    firsts = [scenarios[at] for at in same.firsts]
    asking = alike(firsts, lambda one: _asking(one, said))
    kind, askers = asking.kind[same.kind], [firsts[at] for at in asking.firsts]
    singles = [demand_of(one) for one in askers]
    demands = tuple(singles[at] for at in kind.tolist())
    asked, shapes = _spread_out(stack(singles), kind), _shapes(askers, said)
    hit = np.array([s.serving.prefix_cache_hit_rate for s in scenarios], np.float64)
    mean = np.array([s.workload.qps for s in scenarios], np.float64)
    peak = mean * np.array([s.workload.busiest_to_mean for s in scenarios], np.float64)
    burstiness = np.array([s.workload.burstiness for s in scenarios], np.float64)
    found = assembled(demands, asked, hit, mean, peak, burstiness, shapes[kind])
    return replace(found, judged_s=np.array(waits, np.float64), alike=same)


def _spread_out(kinds: Demand, kind: Any) -> Demand:
    """The demands of the kinds of scenarios as those of all scenarios."""
    return replace(kinds, **{f.name: getattr(kinds, f.name)[kind] for f in fields(Demand) if f.name not in _WORDS})


def _asking(scenario: Scenario, said: Said) -> tuple[Hashable, ...]:
    """What its demand depends on; adaptive voting asks how accurate a sample is."""
    work = scenario.workload
    return said(scenario.reasoning), said(scenario.quality), said(work.prompt_tokens), said(work.answer_tokens)


def _work(scenario: Scenario, said: Said, limits: Said) -> tuple[Hashable, ...]:
    """What a replica's work depends on: the demand, what of it is cached, and how many sequences it may run."""
    serving = scenario.serving
    return *_asking(scenario, said), serving.prefix_cache_hit_rate, serving.concurrency, limits(scenario.targets)


def _shapes(scenarios: Sequence[Scenario], said: Said) -> Any:
    same = alike(scenarios, lambda one: said(one.workload.prompt_tokens))
    return np.array([shape_of(scenarios[at]) for at in same.firsts])[same.kind]


def shape_of(scenario: Scenario) -> Any:
    """The users' prompts over their mean at `mixture.SCORES`, shape (scores,)."""
    law = query_of(scenario).prompt
    if isinstance(law, Constant):
        return np.ones_like(mixture.SCORES)
    tokens = np.maximum(law.quantile_tokens(mixture.SHARES), 1.0)
    return tokens / mixture.mean(tokens)


def assembled(
    demands: tuple[Demand, ...], asked: Demand, hit: Any, mean: Any, peak: Any, burstiness: Any, prompt_shape: Any
) -> Load:
    """The load of queries that ask for `asked`; all arrays of one shape (scenarios,).

    hit: share of the prompt that is cached. mean, peak: queries a second. demands: the single ones, verifiers included.
    prompt_shape: the users' prompts over their mean, shape (scenarios or 1, scores).
    """
    # What earlier requests of the same query left in the cache is read again only where prefixes are not cached at all;
    # what drafts and judgements add to the user's prompt nobody has cached before.
    repeated = np.where(hit > 0, 0.0, asked.repeated_prefill_tokens)
    prefill = (asked.prefill_tokens - hit * asked.prompt_tokens + repeated) / asked.requests
    output = np.asarray(asked.request_output_tokens, np.float64)
    # Samples fork after one prefill of the prompt; a step of a chain has a prompt of its own, longer than the user's.
    computed = np.maximum(np.asarray(asked.request_prefill_tokens, np.float64), 1.0)
    prompt = np.maximum(computed, asked.prompt_tokens)
    # What a strategy adds to the user's prompt is as long for everybody.
    own = (np.asarray(asked.prompt_tokens, np.float64) / prompt)[..., None]
    unequal = spread(1.0 + (prompt_shape - 1.0) * np.minimum(own, 1.0), asked)
    requests = Requests(
        prompt_tokens=prompt,
        output_tokens=output,
        prefill_tokens=np.maximum(prefill, computed / prompt),
        context_tokens=np.asarray(asked.context_tokens, np.float64),
        held_tokens=np.asarray(asked.kv_tokens_per_sequence, np.float64),
        beams=np.ones_like(output),
        forks=prompt / computed,
        longest_tokens=np.maximum(
            prompt + output * asked.sequential_p99_tokens / np.maximum(asked.sequential_tokens, 1e-9),
            prompt * unequal.p99 + output,
        ),
        weighted_prompt_tokens=prompt * unequal.power2,
    )
    return Load(
        demands=demands,
        asked=asked,
        requests=requests,
        requests_per_query=np.asarray(asked.requests, np.float64),
        queries_per_s=mean,
        peak_per_s=peak,
        burstiness=burstiness,
        spread=unequal,
    )


def _column(values: Any) -> Any:
    return np.atleast_1d(np.asarray(values, np.float64))[:, None]
