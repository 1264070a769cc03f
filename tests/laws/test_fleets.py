"""Laws of fleets that are more than one pool of replicas: prefill apart, following the day, by tiers, in cascades."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.catalog.accelerators import accelerator
from capplan.plan import plan
from capplan.scenario.loader import from_dict, loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.search.route import route

quick = settings(max_examples=6, deadline=None, derandomize=True)
WORK = "version: 1\nmodel: llama-3.1-8b\nworkload: {qps: 60, prompt_tokens: 1500, answer_tokens: 300"
THOUGHT = "reasoning: {strategy: chain_of_thought, k: 3}\n"
TIERS = (
    "routing: {classifier: {latency: 8 ms, accuracy: 90 %}, tiers: ["
    "{name: fast, share: 60 %, reasoning: {strategy: direct}},"
    "{name: deep, share: 40 %, model: qwen3-30b-a3b, reasoning: {strategy: chain_of_thought, k: 4}}]}\n"
)
KINDS = {
    "prefill apart": f"{WORK}}}\n{THOUGHT}serving: {{disaggregated: true}}\n",
    "following the day": f"{WORK}, day: r1-production}}\n{THOUGHT}serving: {{autoscaling: {{start_up: 5 min}}}}\n"
    "cost: {pricing: on_demand, gpu_hourly: 2 USD/hour}\n",
    "with failures": f"{WORK}}}\n{THOUGHT}serving: {{spare_replicas: 2, "
    "failures: {every: 50000 hour, repair: 4 hour}}\n",
    "in two tiers": f"{WORK}}}\n{TIERS}",
    "a cascade of stages": f"{WORK}}}\nreasoning: {{strategy: cascade, escalated: 40 %, stages: "
    "[direct, {strategy: chain_of_thought, k: 4}]}\n",
    "a verifier of its own": f"{WORK}}}\nreasoning: {{strategy: best_of_n, samples: 4, "
    "verifier: {model: qwen3-30b-a3b, pool: own}}\n",
}
factor = st.integers(11, 40).map(lambda tenths: tenths / 10)
every = pytest.mark.parametrize("kind", KINDS)


def asked(kind: str, **keys: object) -> Scenario:
    return with_values(loads(KINDS[kind]), {name.replace("__", "."): value for name, value in keys.items()})


def rows(scenario: Scenario) -> list[dict[str, Any]]:
    """The rows of its answer; those of `route` where it has tiers."""
    return [dict(row) for row in route(scenario).rows] if scenario.routing else [dict(plan(scenario).row)]


def whole(scenario: Scenario) -> dict[str, Any]:
    """The row of the whole fleet."""
    return next(row for row in rows(scenario) if row.get("pool", "routed") == "routed")


def on(scenario: Scenario, **figures: float) -> Scenario:
    """The scenario on its chip with some figures multiplied."""
    chip = accelerator(scenario.gpu)
    told: dict[str, Any] = {"like": scenario.gpu, "name": scenario.gpu}
    for name, by in figures.items():
        if name == "peak":
            told[name] = {number: f"{peak * by} FLOP/s" for number, peak in chip.peak_flop_per_s.items()}
        elif name == "memory":
            told[name] = f"{chip.memory_bytes * by} B"
            told["reported_memory"] = f"{(chip.reported_memory_bytes or chip.memory_bytes) * by} B"
        else:
            told[name] = f"{chip.memory_bandwidth_bytes_per_s * by} B/s"
    return with_values(scenario, {"gpu": told})


@every
@quick
@given(st.integers(1, 30_000), factor)
def test_more_traffic_never_needs_fewer_gpus_in_any_kind_of_fleet(kind: str, hundredths: int, by: float) -> None:
    qps = hundredths / 100
    assert whole(asked(kind, workload__qps=qps * by))["gpus"] >= whole(asked(kind, workload__qps=qps))["gpus"]


@every
@quick
@given(st.sampled_from(["prompt_tokens", "answer_tokens"]), st.integers(16, 6_000), st.integers(1, 6_000))
def test_longer_queries_never_need_fewer_gpus_in_any_kind_of_fleet(
    kind: str, part: str, tokens: int, more: int
) -> None:
    short, long = (whole(asked(kind, **{f"workload__{part}": length})) for length in (tokens, tokens + more))
    assert long["gpus"] >= short["gpus"]


@every
@quick
@given(st.integers(100, 30_000), st.sampled_from(["memory_bandwidth", "peak", "memory"]), factor)
def test_a_better_chip_never_needs_more_gpus_in_any_kind_of_fleet(
    kind: str, hundredths: int, figure: str, by: float
) -> None:
    usual = asked(kind, workload__qps=hundredths / 100)
    assert whole(on(usual, **{figure: by}))["gpus"] <= whole(on(usual, memory=1.0))["gpus"]


@every
@quick
@given(st.integers(100, 30_000), st.integers(50, 500), factor)
def test_a_higher_hourly_price_is_the_bill_in_proportion_in_any_kind_of_fleet(
    kind: str, hundredths: int, cents: int, by: float
) -> None:
    once, more = (
        whole(asked(kind, workload__qps=hundredths / 100, cost__pricing="on_demand", cost__gpu_hourly=dollars / 3600))
        for dollars in (cents / 100, cents / 100 * by)
    )
    assert more["gpus"] == once["gpus"]
    assert float(more["annual_tco_usd"]) == pytest.approx(by * float(once["annual_tco_usd"]), abs=0.05)


@every
@quick
@given(st.integers(1, 30_000))
def test_any_kind_of_fleet_read_back_from_its_scenario_is_the_same(kind: str, hundredths: int) -> None:
    one = asked(kind, workload__qps=hundredths / 100)
    assert rows(from_dict(json.loads(json.dumps(one.resolved(), default=str)))) == rows(one)


@every
@quick
@given(st.integers(6, 60_000))
def test_any_kind_of_fleet_is_the_same_by_the_minute_and_by_the_second(kind: str, per_minute: int) -> None:
    a, b = (rows(asked(kind, workload__qps=text)) for text in (f"{per_minute} / min", per_minute / 60))
    for one, other in zip(a, b, strict=True):
        assert one["gpus"] == other["gpus"] and one["annual_tco_usd"] == other["annual_tco_usd"]
