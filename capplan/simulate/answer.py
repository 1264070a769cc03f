"""What `simulate` answers: rows of simulated percentiles beside the plan's own, and sentences about the run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from capplan.errors import UserError
from capplan.plan import Plan
from capplan.scenario.schema import Scenario
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy, Routing
from capplan.simulate.requests import Floats, Requests, scaled_rate
from capplan.simulate.run import Progress, run
from capplan.simulate.setup import Setup, planned_figures, setup
from capplan.simulate.summary import EVERYONE, STATISTICS, ClassSummary, PoolSummary, pool_summary, series, summaries
from capplan.simulate.traces.reader import MOST_REQUESTS, Cut, read_trace
from capplan.simulate.traces.servegen import read_servegen
from capplan.simulate.traffic.arrivals import Gaps
from capplan.simulate.traffic.generate import generate

COLUMNS = ("ttft", "itl", "ttfo", "tta")
# Runs shorter than so many times to answer are mostly start-up; fewer requests than this give loose percentiles.
LIVES, FEWEST = 10, 20_000
APART = 0.20


@dataclass(frozen=True)
class Question:
    """How to simulate. trace: a file or a ServeGen folder, None for synthetic traffic by the scenario.

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
    warm_up: float = 0.2
    exact: bool = False
    drop_long: bool = False
    most_requests: int = MOST_REQUESTS


@dataclass(frozen=True)
class Answer:
    """Rows under the contract's names, one a class and statistic; notes; queue and KV over time."""

    plan: Plan
    rows: tuple[Mapping[str, object], ...]
    notes: tuple[str, ...]
    series: Mapping[str, Floats]
    summaries: tuple[ClassSummary, ...]
    pool: PoolSummary


def answer(scenario: Scenario, question: Question, progress: Progress | None = None) -> Answer:
    """Plans the scenario, simulates its replicas, and puts the simulated figures beside the planned ones."""
    ready = setup(scenario, peak=question.peak, traced=question.trace is not None)
    policy = replace(
        ready.policy,
        replicas=question.replicas or ready.policy.replicas,
        routing=question.routing or ready.policy.routing,
    )
    load, notes = _requests(ready, question)
    served = run(load, ready.times, policy, seed=question.seed, exact=question.exact, progress=progress)
    seen = outcome(served)
    targets = _targets(scenario)
    found = summaries(seen, question.warm_up, targets)
    pool = pool_summary(served, seen)
    comparable = question.trace is None and question.rate_factor == 1.0 and policy.replicas == ready.policy.replicas
    planned = planned_figures(ready.plan.row) if comparable else {}
    rows = [row for one in found for row in _rows(ready.plan, one, pool, policy, planned if one is found[0] else {})]
    notes += _notes(found, pool, policy, question, targets)
    notes += _differences(found[0], planned)
    return Answer(ready.plan, tuple(rows), tuple(notes), series(served), found, pool)


def _requests(ready: Setup, question: Question) -> tuple[Requests, list[str]]:
    if question.trace is None:
        if ready.traffic is None:
            raise UserError("no traffic: give --trace")
        traffic = replace(ready.traffic, rate_per_s=ready.traffic.rate_per_s * question.rate_factor, law=question.gaps)
        tta_s = float(ready.plan.row["tta_s"])
        count = question.requests or max(FEWEST, int(LIVES * traffic.rate_per_s * tta_s))
        if count > question.most_requests:
            raise UserError(
                f"--requests {count:,}: more than {question.most_requests:,}; raise --max-requests for that"
            )
        said = f"{count:,} requests at {traffic.rate_per_s:,.4g}/s, burstiness {traffic.burstiness:g}"
        return generate(traffic, count, question.seed), [f"Synthetic traffic: {said}, seed {question.seed}."]
    if question.trace.is_dir():
        trace = read_servegen(
            question.trace,
            question.seed,
            start_s=question.start_s,
            end_s=question.end_s,
            rate_factor=question.rate_factor,
            most_requests=question.most_requests,
        )
        load = trace.requests
    else:
        most = question.most_requests
        cut = Cut(question.start_s, question.end_s, ready.context_tokens, question.drop_long, most)
        trace = read_trace(question.trace, cut)
        load = scaled_rate(trace.requests, question.rate_factor)
    said = "; ".join((f"{trace.format}, {len(load):,} requests", *trace.notes))
    return load, [f"Trace {question.trace.name}: {said}."]


def _rows(
    plan: Plan, one: ClassSummary, pool: PoolSummary, policy: Policy, planned: Mapping[str, float]
) -> list[dict[str, object]]:
    about = ("model", "gpu", "weights", "kv_cache", "engine", "tensor_parallel", "pipeline_parallel", "expert_parallel")
    rows = []
    for statistic in STATISTICS:
        row: dict[str, Any] = {"class": one.name, "statistic": statistic} | {name: plan.row[name] for name in about}
        for metric in COLUMNS:
            figure = one.figures[f"{metric}_{statistic}_s"]
            row |= {f"{metric}_s": figure.value, f"{metric}_low_s": figure.low, f"{metric}_high_s": figure.high}
            row[f"planned_{metric}_s"] = planned.get(f"{metric}_{statistic}_s")
        row |= {
            "replicas": policy.replicas,
            "requests": one.requests,
            "requests_per_s": one.requests_per_s,
            "output_tokens_per_s": one.output_tokens_per_s,
            "goodput_share": one.goodput_share,
            "goodput_per_s": one.goodput_per_s,
            "slowdown_short": one.slowdown_short.value,
            "slowdown_short_p99": one.slowdown_short_p99.value,
            "slowdown_long": one.slowdown_long.value,
        }
        if one.name == EVERYONE:
            row |= {"busy_share": pool.utilization, "batch": pool.batch, "preemptions": pool.preemptions}
        rows.append(row)
    return rows


def _notes(
    found: tuple[ClassSummary, ...],
    pool: PoolSummary,
    policy: Policy,
    question: Question,
    targets: Mapping[str, float],
) -> list[str]:
    everyone = found[0]
    notes = [
        f"{policy.replicas} replicas, router {policy.routing.replace('_', ' ')}; the first {question.warm_up:.0%} of "
        f"the time is cut as warm-up, {everyone.requests:,} requests are measured; intervals are 95 %, by batch means.",
        f"Replicas run steps {pool.utilization:.0%} of the time, with {pool.batch:.1f} sequences decoding in the mean; "
        f"{everyone.output_tokens_per_s:,.0f} output tokens/s in all; {pool.preemptions:,} preemptions.",
        f"Short requests take {everyone.slowdown_short.value:.2f} times as long as alone (median; p99 "
        f"{everyone.slowdown_short_p99.value:.2f}), long ones {everyone.slowdown_long.value:.2f} times.",
        f"Little's law: requests present and arrivals x time differ by {pool.little_gap:.1e}.",
    ]
    if everyone.goodput_share is not None:
        limits = ", ".join(f"{name.upper()} {limit:g} s" for name, limit in targets.items())
        notes.append(f"Goodput: {everyone.goodput_share:.1%} of the requests meet {limits}.")
    if pool.growing:
        notes.append(
            "The queue grows all the time: the load exceeds what these replicas serve, and the percentiles "
            "only say how long the run was. Add replicas."
        )
    return notes


def _differences(everyone: ClassSummary, planned: Mapping[str, float]) -> list[str]:
    """A sentence for each figure in which plan and simulation are more than 20 % apart."""
    said = []
    for name, value in planned.items():
        simulated = everyone.figures[name].value
        if value > 0 and abs(simulated / value - 1) > APART:
            metric, statistic = name.removesuffix("_s").split("_")
            said.append(
                f"Warning: {metric.upper()} {statistic} is {simulated:.4g} s simulated and {value:.4g} s planned, "
                f"{simulated / value - 1:+.0%}."
            )
    return said


def _targets(scenario: Scenario) -> dict[str, float]:
    """The strictest limit on each metric, whatever percentile it was meant for: goodput asks it of every request."""
    limits: dict[str, float] = {}
    for name, limit in scenario.targets.limits_s().items():
        metric = name.split("_")[0]
        limits[metric] = min(limit, limits.get(metric, inf))
    return limits
