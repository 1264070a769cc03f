"""What `simulate` answers: rows of simulated percentiles beside the plan's own, and sentences about the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

import numpy as np

from capplan.engine.steptimes import compressed
from capplan.errors import UserError
from capplan.plan import Plan
from capplan.scenario.schema import Scenario
from capplan.scenario.tiers import tier_scenarios
from capplan.simulate import telling
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy, Preemption, Routing
from capplan.simulate.pools import Pool, split
from capplan.simulate.requests import Floats, Ints, Requests, scaled_rate
from capplan.simulate.run import Progress, Run
from capplan.simulate.setup import Setup, setup
from capplan.simulate.summary import (
    EVERYONE,
    ClassSummary,
    PoolSummary,
    distributions,
    pool_summary,
    series,
    summaries,
)
from capplan.simulate.traces.reader import MOST_REQUESTS, Cut, read_trace
from capplan.simulate.traces.servegen import read_servegen
from capplan.simulate.traffic.arrivals import Gaps
from capplan.simulate.traffic.generate import generate

# Runs shorter than so many times to answer are mostly start-up; fewer requests than this give loose percentiles.
LIVES, FEWEST = 10, 20_000


@dataclass(frozen=True)
class Question:
    """How to simulate. trace: a file or a ServeGen folder, None for synthetic traffic by the scenario.

    first_classes: those that go before all others, the first of them first. kv_kept: share of the KV entries kept.
    replicas, routing: None for the plan's. rate_factor: so many times the arrivals a second.
    """

    trace: Path | None = None
    requests: int | None = None
    seed: int = 0
    peak: bool = True
    rate_factor: float = 1.0
    start_s: float = 0.0
    end_s: float = inf
    replicas: int | None = None
    routing: Routing | None = None
    gaps: Gaps = Gaps.GAMMA
    preemption: Preemption = Preemption.RECOMPUTE
    first_classes: tuple[str, ...] = ()
    checkpoint_tokens: int | None = None
    kv_kept: float = 1.0
    warm_up: float = 0.2
    exact: bool = False
    drop_long: bool = False
    most_requests: int = MOST_REQUESTS


@dataclass(frozen=True)
class Answer:
    """Rows under the contract's names, one a class and statistic; notes; queue and KV over time; quantiles to draw.

    plans, pools: one a pool, in the scenario's order. series: those of each pool under its name.
    """

    plans: tuple[Plan, ...]
    rows: tuple[Mapping[str, object], ...]
    notes: tuple[str, ...]
    series: Mapping[str, Floats]
    distributions: Mapping[str, Floats]
    summaries: tuple[ClassSummary, ...]
    pools: tuple[PoolSummary, ...]


def answer(scenario: Scenario, question: Question, progress: Progress | None = None) -> Answer:
    """Plans the scenario, simulates the replicas of each of its pools, and puts the figures beside the planned ones.

    A scenario with `routing` sends its queries to the tiers by their shares, after the classifier.
    Raises UserError where something cannot be simulated (see `setup`) or never fits.
    """
    tiers = tier_scenarios(scenario)
    names, shares, parts = zip(*tiers, strict=True)
    traced = question.trace is not None
    setups = [setup(part, peak=question.peak, traced=traced) for part in parts]
    if len(tiers) > 1 and question.replicas is not None:
        raise UserError("--replicas: this scenario has several pools; leave it out, or simulate a tier by itself")
    loads, notes = _loads(setups, question, scenario.workload.burstiness)
    pools = [
        Pool(name, compressed(ready.times, question.kv_kept), _policy(ready, load, question), load)
        for name, ready, load in zip(names, setups, loads, strict=True)
    ]
    choice = _choice(shares, len(loads[0]), question.seed)
    delay_s = scenario.routing.classifier.latency_s if scenario.routing and scenario.routing.classifier else 0.0
    served = split(pools, choice, decision_s=delay_s, seed=question.seed, exact=question.exact, progress=progress)
    seen = served.outcome
    if len(tiers) > 1:
        seen = replace(seen, classes=names, class_index=choice)
    targets = _targets(scenario)
    found = summaries(seen, question.warm_up, targets)
    comparable = not traced and question.rate_factor == question.kv_kept == 1.0 and question.replicas is None
    planned = _planned(names, setups, delay_s) if comparable else {}
    ran = [(name, leg) for name, leg in zip(names, served.runs, strict=True) if leg is not None]
    states = tuple(pool_summary(leg, outcome(leg)) for _, leg in ran)
    ready = dict(zip(names, setups, strict=True))
    rows = [row for one in found for row in telling.rows(one, ready, planned.get(one.name, {}))]
    notes += telling.notes(found, question.warm_up, targets)
    for (name, leg), state in zip(ran, states, strict=True):
        notes += telling.pool_notes(name, leg, state)
    for one in found:
        notes += telling.differences(one, planned.get(one.name, {}), len(tiers) > 1)
    return Answer(
        plans=tuple(ready.plan for ready in setups),
        rows=tuple(rows),
        notes=tuple(notes),
        series=_series(ran),
        distributions=distributions(seen, question.warm_up),
        summaries=found,
        pools=states,
    )


def _policy(ready: Setup, load: Requests, question: Question) -> Policy:
    """The plan's scheduling with what the question changes."""
    unknown = [name for name in question.first_classes if name not in load.classes]
    if unknown:
        raise UserError(f"class {unknown[0]}: no such class in this traffic (there are {', '.join(load.classes)})")
    first = question.first_classes
    ranks = tuple(first.index(name) if name in first else len(first) for name in load.classes)
    return replace(
        ready.policy,
        replicas=question.replicas or ready.policy.replicas,
        routing=question.routing or ready.policy.routing,
        preemption=question.preemption,
        checkpoint_tokens=question.checkpoint_tokens,
        priorities=ranks if first else (),
    )


def _choice(shares: Sequence[float], count: int, seed: int) -> Ints:
    """The pool of each query, drawn by the pools' shares."""
    if len(shares) == 1:
        return np.zeros(count, dtype=np.int64)
    drawn = np.random.default_rng([seed, 5]).random(count)
    picked = np.searchsorted(np.cumsum(shares), drawn, side="right")
    return np.minimum(picked, len(shares) - 1).astype(np.int64)


def _planned(names: Sequence[str], setups: Sequence[Setup], delay_s: float) -> dict[str, dict[str, float]]:
    """The plan's latencies by class: of each pool, or of everyone where there is one."""
    found = {}
    for name, ready in zip(names if len(names) > 1 else (EVERYONE,), setups, strict=True):
        figures = ready.plan.waits
        found[name] = {key: value if key.startswith("itl") else value + delay_s for key, value in figures.items()}
    return found


def _series(ran: Sequence[tuple[str, Run]]) -> dict[str, Floats]:
    """Queue, batch and KV over time; with several pools, each on its own clock and under its own name."""
    if len(ran) == 1:
        return series(ran[0][1])
    return {f"{name}_{column}": values for name, leg in ran for column, values in series(leg).items()}


def _loads(setups: Sequence[Setup], question: Question, burstiness: float) -> tuple[list[Requests], list[str]]:
    """Every query as each pool would see it, and a sentence about them."""
    if question.trace is not None:
        load, note = _traced(min(ready.context_tokens for ready in setups), question.trace, question)
        return [load] * len(setups), [note]
    drawn = [ready.traffic for ready in setups if ready.traffic is not None]
    rate_per_s = sum(traffic.rate_per_s for traffic in drawn) * question.rate_factor
    tta_s = max(float(ready.plan.row["tta_s"]) for ready in setups)
    count = question.requests or max(FEWEST, int(LIVES * rate_per_s * tta_s))
    if count > question.most_requests:
        raise UserError(
            f"{count:,} requests are more than {question.most_requests:,}: give fewer with --requests, "
            "or raise --max-requests"
        )
    # All arrive as the whole does; the burstiness of a pool is what is left of it there.
    whole = [replace(one, rate_per_s=rate_per_s, law=question.gaps, burstiness=burstiness) for one in drawn]
    loads = [generate(traffic, count, question.seed) for traffic in whole]
    said = f"{count:,} requests at {rate_per_s:,.4g}/s, burstiness {burstiness:g}, seed {question.seed}"
    return loads, [f"Synthetic traffic: {said}."]


def _traced(context_tokens: int, path: Path, question: Question) -> tuple[Requests, str]:
    if path.is_dir():
        trace = read_servegen(
            path,
            question.seed,
            start_s=question.start_s,
            end_s=question.end_s,
            rate_factor=question.rate_factor,
            most_requests=question.most_requests,
        )
        load = trace.requests
    else:
        cut = Cut(question.start_s, question.end_s, context_tokens, question.drop_long, question.most_requests)
        trace = read_trace(path, cut)
        load = scaled_rate(trace.requests, question.rate_factor)
    said = "; ".join((f"{trace.format}, {len(load):,} requests", *trace.notes))
    return load, f"Trace {path.name}: {said}."


def _targets(scenario: Scenario) -> dict[str, float]:
    """The strictest limit on each metric, whatever percentile it was meant for: goodput asks it of every request."""
    limits: dict[str, float] = {}
    for name, limit in scenario.targets.limits_s().items():
        metric = name.split("_")[0]
        limits[metric] = min(limit, limits.get(metric, inf))
    return limits
