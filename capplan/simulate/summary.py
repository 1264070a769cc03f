"""The figures of a simulated run: percentiles per class, goodput, starvation, utilisation, Little's law."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capplan.errors import UserError
from capplan.simulate.estimate import Estimate, mean, percentile
from capplan.simulate.outcome import Outcome
from capplan.simulate.requests import Floats
from capplan.simulate.result import Run

METRICS = ("ttft", "ttfo", "itl", "tta", "wait")
STATISTICS = ("mean", "p50", "p90", "p95", "p99")
EVERYONE = "all"


@dataclass(frozen=True)
class ClassSummary:
    """One class of requests after the warm-up (`all` for everyone).

    figures: 'ttft_p95_s' and so on, seconds; see `METRICS` and `STATISTICS`.
    span_s: from the end of the warm-up to the last arrival.
    goodput_share: requests that met every target over all, None without targets. goodput_per_s: those a second.
    slowdown_short, slowdown_long: median tta over that of running alone, shortest and longest quarter by output.
    """

    name: str
    requests: int
    span_s: float
    requests_per_s: float
    output_tokens_per_s: float
    figures: Mapping[str, Estimate]
    goodput_share: float | None
    goodput_per_s: float | None
    slowdown_short: Estimate
    slowdown_short_p99: Estimate
    slowdown_long: Estimate


@dataclass(frozen=True)
class PoolSummary:
    """One pool over the whole run, from the first arrival until it is empty again.

    utilization: share of the time in which a step runs. batch: mean sequences decoding while it does.
    little_gap: relative difference of the mean number present, integrated over time by the state machine, to arrival
    rate times mean time present, from the requests; anything but rounding is a bug. growing: the queue never settled.
    outages: times a replica went down, with the tokens that were lost.
    """

    name: str
    routing: str
    replicas: int
    utilization: float
    batch: float
    present: float
    little_gap: float
    preemptions: int
    decode_steps: int
    growing: bool
    outages: int
    lost_tokens: int


def summaries(
    outcome: Outcome, warm_up: float = 0.1, targets: Mapping[str, float] | None = None
) -> tuple[ClassSummary, ...]:
    """Everyone's summary, then each class's where there are several.

    warm_up: share of the time of arrivals that is cut. targets: seconds for any of `METRICS`, each held a request.
    Raises UserError for a share outside 0 .. 1 or an unknown target.
    """
    if not 0 <= warm_up < 1:
        raise UserError(f"warm-up {warm_up}: give the share of the run to cut, 0 to below 1")
    unknown = sorted(set(targets or {}) - set(METRICS))
    if unknown:
        raise UserError(f"target {unknown[0]}: no such metric (choose from {', '.join(METRICS)})")
    if not len(outcome):
        raise UserError("no requests to summarise: the trace or the time cut leaves none")
    arrival_s = outcome.arrival_s
    start_s = arrival_s[0] + warm_up * (arrival_s[-1] - arrival_s[0])
    measured = arrival_s >= start_s
    span_s = float(arrival_s[-1] - start_s)
    result = [_summary(EVERYONE, outcome, measured, span_s, targets)]
    if len(outcome.classes) > 1:
        for index, name in enumerate(outcome.classes):
            chosen = measured & (outcome.class_index == index)
            if chosen.any():
                result.append(_summary(name, outcome, chosen, span_s, targets))
    return tuple(result)


def pool_summary(run: Run, outcome: Outcome, name: str = EVERYONE) -> PoolSummary:
    """Totals of one pool."""
    totals, replicas = run.totals, run.policy.replicas
    spent_s = float(outcome.tta_s.sum()) - len(outcome) * run.times.arrival_s
    return PoolSummary(
        name=name,
        routing=run.policy.routing.value,
        replicas=replicas,
        utilization=totals.busy_s / (replicas * totals.span_s) if totals.span_s else 0.0,
        batch=totals.sequences_s / totals.busy_s if totals.busy_s else 0.0,
        present=totals.present_s / totals.span_s if totals.span_s else 0.0,
        little_gap=abs(totals.present_s - spent_s) / spent_s if spent_s else 0.0,
        preemptions=totals.preemptions,
        decode_steps=totals.decode_steps,
        growing=_growing(outcome),
        outages=totals.outages,
        lost_tokens=totals.lost_tokens,
    )


def series(run: Run, points: int = 240) -> dict[str, Floats]:
    """Waiting, running and the share of KV in use at equal distances in time, over all replicas; shape (points,)."""
    rows = [sampled for sampled in run.samples if len(sampled)]
    first_s = float(run.requests.arrival_s[0])
    time_s = np.linspace(first_s, float(run.done_s.max()), points)
    totals = np.zeros((3, points))
    for sampled in rows:
        at = np.searchsorted(sampled[:, 0], time_s, side="right") - 1
        totals += np.where(at >= 0, sampled[np.maximum(at, 0), 1:].T, 0.0)
    kv = totals[2] / (run.times.kv_blocks * run.policy.replicas)
    return {"time_s": time_s, "waiting": totals[0], "running": totals[1], "kv_share": kv}


def distributions(outcome: Outcome, warm_up: float = 0.1, points: int = 201) -> dict[str, Floats]:
    """Quantiles of ttft, ttfo, itl and tta after the warm-up, at equal distances in share, 0 to 1; shape (points,)."""
    arrival_s = outcome.arrival_s
    measured = arrival_s >= arrival_s[0] + warm_up * (arrival_s[-1] - arrival_s[0])
    shares = np.linspace(0.0, 1.0, points)
    found = {}
    for metric in METRICS[:4]:
        values = getattr(outcome, f"{metric}_s")[measured]
        known = values[~np.isnan(values)]
        if len(known):
            found[metric] = np.quantile(known, shares)
    return found


def _summary(
    name: str, outcome: Outcome, chosen: NDArray[np.bool_], span_s: float, targets: Mapping[str, float] | None
) -> ClassSummary:
    columns = {metric: getattr(outcome, f"{metric}_s")[chosen] for metric in METRICS}
    figures = {}
    for metric, values in columns.items():
        figures[f"{metric}_mean_s"] = mean(values)
        for statistic in STATISTICS[1:]:
            figures[f"{metric}_{statistic}_s"] = percentile(values, int(statistic[1:]) / 100)
    good = np.ones(int(chosen.sum()), dtype=np.bool_)
    for metric, limit_s in (targets or {}).items():
        good &= ~(columns[metric] > limit_s)  # a request of one token has no ITL and cannot miss it
    slowdown = columns["tta"] / outcome.alone_s[chosen]
    output_tokens = outcome.output_tokens[chosen]
    short, long = np.quantile(output_tokens, (0.25, 0.75))
    count = len(good)
    return ClassSummary(
        name=name,
        requests=count,
        span_s=span_s,
        requests_per_s=count / span_s if span_s else float("nan"),
        output_tokens_per_s=float(output_tokens.sum()) / span_s if span_s else float("nan"),
        figures=figures,
        goodput_share=float(good.mean()) if targets else None,
        goodput_per_s=float(good.sum()) / span_s if targets and span_s else None,
        slowdown_short=percentile(slowdown[output_tokens <= short], 0.5),
        slowdown_short_p99=percentile(slowdown[output_tokens <= short], 0.99),
        slowdown_long=percentile(slowdown[output_tokens >= long], 0.5),
    )


def _growing(outcome: Outcome) -> bool:
    """Whether waiting grew steadily from the second to the last quarter: more than 1 % of the time that passed."""
    quarter = len(outcome) // 4
    if quarter < 25:
        return False
    early, late = slice(quarter, 2 * quarter), slice(3 * quarter, None)
    early_s, late_s = float(outcome.wait_s[early].mean()), float(outcome.wait_s[late].mean())
    passed_s = float(outcome.arrival_s[late].mean() - outcome.arrival_s[early].mean())
    return late_s > 2 * early_s and late_s - early_s > 0.01 * passed_s
