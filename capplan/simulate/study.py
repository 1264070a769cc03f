"""The serving-configuration study: what KV compression, routing and early stopping do to one fleet under one load.

An article gives five rows of throughput and time to answer for them, without model, load or method; here they are
simulated on the replicas of a scenario, with every assumption a parameter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from capplan.engine.steptimes import Link, textbook_step_times
from capplan.errors import UserError
from capplan.scenario.schema import Scenario
from capplan.simulate.estimate import Estimate
from capplan.simulate.outcome import Outcome
from capplan.simulate.pools import Pool, PoolsRun, split
from capplan.simulate.requests import Ints, Requests, select
from capplan.simulate.setup import Setup, expanded
from capplan.simulate.station import Readers, Station
from capplan.simulate.summary import summaries
from capplan.simulate.traffic.generate import generate, stopped_early

Map = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]


@dataclass(frozen=True)
class Assumptions:
    """What the study takes for granted.

    kv_kept: the article's 50 %. hard_share: the article routes the hardest 10 to 20 % of the queries to reasoning.
    classifier_accuracy, classifier_s: of the difficulty classifier, assumed. settled_share, settled_at: 75 % of traces
    hold a right answer before their end, half of those before the middle (Yang et al. 2025, arXiv 2504.15895, on
    AIME 2024). check_tokens, check_prompt_tokens: a check so often, reading so much, assumed. load: of what the
    standard configuration can serve.
    """

    kv_kept: float = 0.5
    hard_share: float = 0.2
    classifier_accuracy: float = 0.92
    classifier_s: float = 0.008
    settled_share: float = 0.75
    settled_at: float = 0.5
    check_tokens: int = 512
    check_prompt_tokens: int = 64
    load: float = 0.85


@dataclass(frozen=True)
class Variant:
    """One configuration, and what the article says of it: tokens/s, mean and p99 time to answer."""

    name: str
    compress: bool
    route: bool
    stop: bool
    published: tuple[float, float, float]


VARIANTS = (
    Variant("standard", False, False, False, (2400, 12.3, 68.5)),
    Variant("KV compression", True, False, False, (2200, 13.1, 42.3)),
    Variant("difficulty routing", False, True, False, (3800, 8.7, 55.2)),
    Variant("streaming verification", False, False, True, (3500, 6.2, 38.1)),
    Variant("all", True, True, True, (4100, 5.8, 31.4)),
)


@dataclass(frozen=True)
class Finding:
    """One configuration simulated: what it serves when flooded, and times to answer under the common load.

    replicas: by pool; of each, those that read prompts before those that decode, where they are apart. output_tokens:
    of a query, mean.
    """

    variant: Variant
    replicas: tuple[tuple[int, ...], ...]
    queries_per_s: float
    output_tokens_per_s: float
    tta_mean_s: Estimate
    tta_p99_s: Estimate
    preemptions: int
    output_tokens: float


def serving_study(
    ready: Setup,
    count: int = 10_000,
    seed: int = 0,
    taken: Assumptions | None = None,
    mapped: Map | None = None,
) -> tuple[Finding, ...]:
    """All configurations on the same replicas, under the same queries at the same times.

    mapped: maps a function over arguments, in their order: who simulates them; None for this process.
    Raises UserError for a pool of one replica, which cannot be split, and for queries that do not think.
    """
    taken = taken or Assumptions()
    station = Station(ready.times, ready.policy, readers=ready.readers)
    if ready.traffic is None or min(station.replicas) < 2:
        raise UserError(
            "the study splits the fleet: at least two replicas (two of prefill and two of decode where they are apart) "
            "and the scenario's own traffic are needed"
        )
    drawn, several = expanded(ready, generate(ready.traffic, count, seed), seed)
    if several:
        raise UserError("the study is about one request that thinks: choose chain_of_thought or long_thinking")
    if not drawn.thinking_tokens.any():
        raise UserError("the study is about thinking, and these queries do not think: choose chain_of_thought")
    standard_per_s = _flooded_per_s(drawn, station)
    factor = taken.load * standard_per_s / ready.traffic.rate_per_s
    queries = replace(drawn, arrival_s=drawn.arrival_s / factor)
    tasks = [_Task(variant, ready.plan.scenario, count, taken, seed, queries, station) for variant in VARIANTS]
    return tuple(mapped(_simulated, tasks) if mapped else map(_simulated, tasks))


@dataclass(frozen=True)
class _Task:
    """One configuration to simulate. Told by what the queries and the replicas follow from, not by these."""

    variant: Variant
    scenario: Scenario
    count: int
    taken: Assumptions
    seed: int
    queries: Requests = field(repr=False)
    station: Station = field(repr=False)


def _simulated(task: _Task) -> Finding:
    variant, queries, station, taken, seed = task.variant, task.queries, task.station, task.taken, task.seed
    if variant.compress:
        station = station.compressed(taken.kv_kept)
    if variant.stop:
        queries = stopped_early(
            queries, taken.settled_share, taken.settled_at, taken.check_tokens, seed, taken.check_prompt_tokens
        )
    if variant.route:
        return _routed(variant, queries, station, taken, seed)
    served = split([_pool("all", station, queries)], np.zeros(len(queries), dtype=np.int64), seed=seed)
    return _finding(variant, served, (station.replicas,), _flooded_per_s(queries, station))


def _routed(variant: Variant, queries: Requests, station: Station, taken: Assumptions, seed: int) -> Finding:
    """Easy queries answer at once in a pool of their own; the replicas are split where most queries are served."""
    choice = _choice(queries, taken, seed)
    direct = replace(
        queries,
        output_tokens=queries.output_tokens - queries.thinking_tokens,
        thinking_tokens=np.zeros(len(queries), dtype=np.int64),
    )
    sources = (direct, queries)
    shares = [float((choice == at).mean()) for at in (0, 1)]
    easy: list[int] = []
    capacity_per_s = np.inf
    for part, whole in zip(_parts(station), station.replicas, strict=True):
        one_per_s = [_flooded_per_s(select(source, choice == at), part) for at, source in enumerate(sources)]

        def most_per_s(count: int, whole: int = whole, each: list[float] = one_per_s) -> float:
            counts = (count, whole - count)
            return min(per_s * number / share for per_s, number, share in zip(each, counts, shares, strict=True))

        easy.append(max(range(1, whole), key=most_per_s))
        capacity_per_s = min(capacity_per_s, most_per_s(easy[-1]))
    hard = [whole - count for whole, count in zip(station.replicas, easy, strict=True)]
    stations = [station.of(counts) for counts in (easy, hard)]
    pools = [_pool(*each) for each in zip(("easy", "hard"), stations, sources, strict=True)]
    served = split(pools, choice, decision_s=taken.classifier_s, seed=seed)
    return _finding(variant, served, tuple(each.replicas for each in stations), capacity_per_s)


def _parts(station: Station) -> list[Station]:
    """One replica of each pool, the other one taking no time: what each can do is found by itself."""
    if station.readers is None:
        return [station.of([1])]
    at_once = textbook_step_times(1e-9, station.times.max_sequences)
    reading = Station(replace(at_once, arrival_s=0.0), station.policy, readers=station.readers)
    writing = replace(station, readers=Readers(at_once, station.readers.policy, Link()))
    return [reading.of([1, 1]), writing.of([1, 1])]


def _pool(name: str, station: Station, queries: Requests) -> Pool:
    return Pool(name, station.times, station.policy, queries, readers=station.readers)


def _choice(queries: Requests, taken: Assumptions, seed: int) -> Ints:
    """1 for what the classifier calls hard. Hard are those that think longest, which is how they are known here."""
    hard = queries.thinking_tokens > np.quantile(queries.thinking_tokens, 1 - taken.hard_share)
    wrong = np.random.default_rng([seed, 4]).random(len(queries)) > taken.classifier_accuracy
    return (hard ^ wrong).astype(np.int64)


def _flooded_per_s(queries: Requests, station: Station) -> float:
    """Queries a second that replicas finish when all are there at once, start-up and last ones left out."""
    flood = replace(queries, arrival_s=np.zeros(len(queries)))
    served = split([_pool("all", station, flood)], np.zeros(len(queries), dtype=np.int64))
    done_s = np.sort(served.outcome.tta_s)
    first, last = len(done_s) // 10, int(len(done_s) * 0.8)
    spent_s = done_s[last] - done_s[first]
    return float((last - first) / spent_s if spent_s > 0 else last / done_s[last])  # else they are one batch


def _finding(variant: Variant, served: PoolsRun, replicas: tuple[tuple[int, ...], ...], per_s: float) -> Finding:
    seen: Outcome = served.outcome
    everyone = summaries(seen, warm_up=0.2)[0]
    tokens = float(seen.output_tokens.mean())
    return Finding(
        variant=variant,
        replicas=replicas,
        queries_per_s=per_s,
        output_tokens_per_s=per_s * tokens,
        tta_mean_s=everyone.figures["tta_mean_s"],
        tta_p99_s=everyone.figures["tta_p99_s"],
        preemptions=sum(leg.totals.preemptions for leg in served.runs.values()),
        output_tokens=tokens,
    )
