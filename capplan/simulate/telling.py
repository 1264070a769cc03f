"""A simulated run told: rows for the report, and sentences about what happened."""

from collections.abc import Mapping, Sequence
from typing import Any

from capplan.plan import Plan
from capplan.simulate.summary import STATISTICS, ClassSummary, PoolSummary

COLUMNS = ("ttft", "itl", "ttfo", "tta")
ABOUT = ("model", "gpu", "weights", "kv_cache", "engine", "tensor_parallel", "pipeline_parallel", "expert_parallel")
# A plan and its simulation further apart than this are worth a warning.
APART = 0.20
# A run that measures arrivals over less than so many times to answer has hardly seen the replicas fill.
SETTLED = 5


def rows(
    one: ClassSummary, plans: Mapping[str, Plan], planned: Mapping[str, float], states: Mapping[str, PoolSummary]
) -> list[dict[str, object]]:
    """One row a statistic; what serves the class is named where it is one pool. plans, states: by name."""
    serves = one.name if one.name in plans else next(iter(plans)) if len(plans) == 1 else None
    about: dict[str, Any] = {name: None if serves is None else plans[serves].row[name] for name in ABOUT}
    for pool in ("prefill", "decode"):
        if state := states.get(f"{serves}/{pool}"):
            about |= {f"{pool}_replicas": state.replicas, f"{pool}_utilization": state.utilization}
    made = []
    for statistic in STATISTICS:
        row: dict[str, Any] = {"class": one.name, "statistic": statistic, **about}
        for metric in COLUMNS:
            figure = one.figures[f"{metric}_{statistic}_s"]
            row |= {f"{metric}_s": figure.value, f"{metric}_low_s": figure.low, f"{metric}_high_s": figure.high}
            row[f"planned_{metric}_s"] = planned.get(f"{metric}_{statistic}_s")
        row |= {
            "requests": one.requests,
            "requests_per_s": one.requests_per_s,
            "output_tokens_per_s": one.output_tokens_per_s,
            "goodput_share": one.goodput_share,
            "goodput_per_s": one.goodput_per_s,
            "slowdown_short": one.slowdown_short.value,
            "slowdown_short_p99": one.slowdown_short_p99.value,
            "slowdown_long": one.slowdown_long.value,
        }
        made.append(row)
    return made


def notes(found: Sequence[ClassSummary], warm_up: float, targets: Mapping[str, float], intervals: str) -> list[str]:
    """Sentences about everyone. intervals: what they are over."""
    everyone = found[0]
    said = [
        f"The first {warm_up:.0%} of the time is cut as warm-up; {everyone.requests:,} requests are measured. "
        f"Intervals are 95 %, {intervals}.",
        f"Short requests take {everyone.slowdown_short.value:.2f} times as long as alone (median; p99 "
        f"{everyone.slowdown_short_p99.value:.2f}), long ones {everyone.slowdown_long.value:.2f} times.",
    ]
    if everyone.span_s < SETTLED * everyone.figures["tta_mean_s"].value:
        said.append(
            f"Warning: what is measured came within {everyone.span_s:.3g} s, less than {SETTLED} times the mean time "
            "to answer: the replicas may not have filled up. Simulate more requests."
        )
    if everyone.goodput_share is not None:
        limits = ", ".join(f"{name.upper()} {limit:g} s" for name, limit in targets.items())
        said.append(f"Goodput: {everyone.goodput_share:.1%} of the requests meet {limits}.")
    return said


def pool_notes(state: PoolSummary) -> list[str]:
    """Sentences about what the replicas of one pool did."""
    name = state.name
    said = [
        f"Pool {name}: {state.replicas} replicas, router {state.routing.replace('_', ' ')}; steps run "
        f"{state.utilization:.0%} of the time, {_what(state)}; "
        f"{state.preemptions:,} preemptions. Little's law: requests present and arrivals x time differ by "
        f"{state.little_gap:.1e}."
    ]
    if state.outages:
        said.append(
            f"Pool {name}: {state.outages:,} times a replica went down, and {state.lost_tokens:,} tokens were written "
            "again."
        )
    if state.growing:
        said.append(
            f"Warning: the queue of {name} grows all the time: the load exceeds what these replicas serve, and the "
            "percentiles only say how long the run was. Add replicas."
        )
    return said


def _what(state: PoolSummary) -> str:
    if not state.batch:
        return "reading prompts alone"
    return f"with {state.batch:.1f} sequences decoding in the mean"


def differences(one: ClassSummary, planned: Mapping[str, float], several: bool) -> list[str]:
    """A sentence for each figure in which plan and simulation are more than 20 % apart."""
    said = []
    for name, value in planned.items():
        simulated = one.figures[name].value
        if value > 0 and abs(simulated / value - 1) > APART:
            metric, statistic = name.removesuffix("_s").split("_")
            where = f" of {one.name}" if several else ""
            said.append(
                f"Warning: {metric.upper()} {statistic}{where} is {simulated:.4g} s simulated and {value:.4g} s "
                f"planned, {simulated / value - 1:+.0%}."
            )
    return said
