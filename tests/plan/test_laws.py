"""Laws of whole plans: what more load, tighter targets and dearer prices may and may not do."""

from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.plan import Plan, plan, plans
from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario

quick = settings(max_examples=20, deadline=None)
BASE = """
version: 1
model: llama-3.3-70b
gpu: h100-sxm
workload: {qps: 20, prompt_tokens: 2048, answer_tokens: 300}
reasoning: {strategy: chain_of_thought, k: 4}
"""
FIGURES = ("ttft_s", "itl_s", "tta_s", "tta_p99_s", "gpus", "replicas", "utilization", "annual_kwh",
           "requests_per_s_per_replica", "output_tokens_per_s_per_gpu", "concurrency")  # fmt: skip


@cache
def base() -> Scenario:
    return loads(BASE)


def planned(**keys: object) -> Plan:
    return plan(with_values(base(), {name.replace("__", "."): value for name, value in keys.items()}))


def usd(one: Plan) -> Decimal:
    total: Decimal = one.row["annual_tco_usd"]
    return total


@quick
@given(st.floats(0.01, 500), st.floats(1, 5))
def test_more_traffic_never_needs_fewer_gpus(qps: float, factor: float) -> None:
    few, many = (planned(workload__qps=rate) for rate in (qps, qps * factor))
    assert many.row["gpus"] >= few.row["gpus"]


@quick
@given(st.floats(0.1, 200), st.sampled_from(["ttft_p95", "itl_mean", "itl_p95", "tta_p99"]), st.floats(1, 4),
       st.floats(1, 4))  # fmt: skip
def test_a_looser_target_never_costs_more(qps: float, target: str, slack: float, looser: float) -> None:
    tightest = {"ttft_p95": 0.4, "itl_mean": 0.014, "itl_p95": 0.02, "tta_p99": 25.0}[target]
    scenario = with_values(base(), {"workload.qps": qps})
    tight, loose = (
        plan(with_values(scenario, {f"targets.{target}": f"{tightest * by} s"})) for by in (slack, slack * looser)
    )
    if tight.feasible:
        assert loose.feasible
        assert loose.row["gpus"] <= tight.row["gpus"]
        # Of layouts with as many GPUs the one that draws a little more may be chosen.
        assert usd(loose) <= usd(tight) * Decimal("1.01")


@quick
@given(st.floats(0.1, 200), st.integers(0, 16), st.floats(1, 3), st.floats(0.3, 1.0))
def test_a_fleet_is_never_below_what_the_mean_load_needs(qps: float, k: int, peak: float, share: float) -> None:
    one = planned(workload__qps=qps, reasoning__k=max(k, 1), workload__peak_to_mean=peak,
                  workload__target_utilization=share)  # fmt: skip
    capacity = one.row["replicas"] * one.row["requests_per_s_per_replica"]
    assert capacity * share >= qps * peak * (1 - 1e-6)
    assert one.row["utilization"] == pytest.approx(qps / capacity)
    assert one.row["gpus"] >= one.row["replicas"] * one.row["tensor_parallel"] * one.row["pipeline_parallel"]


@quick
@given(st.floats(0.1, 200), st.sampled_from(["own", "on_demand"]))
def test_the_lines_of_the_bill_add_up_to_its_total(qps: float, pricing: str) -> None:
    one = planned(workload__qps=qps, cost__pricing=pricing)
    assert sum((line.usd_per_year for line in one.lines), Decimal(0)) == usd(one)


@quick
@given(st.floats(0.1, 200), st.floats(1, 20))
def test_a_higher_price_never_lowers_the_cost(qps: float, dollars: float) -> None:
    scenario = with_values(base(), {"workload.qps": qps, "cost.pricing": "on_demand"})
    once, twice = (
        plan(with_values(scenario, {"cost.gpu_hourly": f"{price} USD/hour"})) for price in (dollars, 2 * dollars)
    )
    assert usd(twice) >= usd(once)
    assert twice.row["gpus"] == once.row["gpus"]  # at a given price the cheapest fleet is the smallest


def test_a_sweep_as_one_array_equals_the_plans_one_by_one() -> None:
    swept = [
        with_values(base(), {"reasoning.k": k, "workload.qps": qps, "workload.prompt_tokens": prompt})
        for k, qps, prompt in ((1, 5, 100), (4, 50, 2048), (16, 300, 2048), (32, 1, 20_000), (2, 0.01, 8_000))
    ]
    for together, alone in zip(plans(swept), [plan(s) for s in swept], strict=True):
        assert together.feasible == alone.feasible
        assert usd(together) == usd(alone)
        for figure in FIGURES:
            assert together.row[figure] == pytest.approx(alone.row[figure], rel=1e-9), figure


def test_plans_of_different_models_keep_their_order() -> None:
    mixed = [with_values(base(), {"model": m}) for m in ("llama-3.1-8b", "llama-3.3-70b", "llama-3.1-8b")]
    assert [one.row["model"] for one in plans(mixed)] == ["llama-3.1-8b", "llama-3.3-70b", "llama-3.1-8b"]


@quick
@given(st.floats(1, 60), st.integers(2, 8))
def test_capacity_does_not_depend_on_the_load(qps: float, factor: int) -> None:
    small, large = (planned(workload__qps=rate, serving__tensor_parallel=2) for rate in (qps, qps * factor))
    for figure in ("requests_per_s_per_replica", "output_tokens_per_s_per_gpu", "concurrency"):
        assert large.row[figure] == pytest.approx(small.row[figure])


@quick
@given(st.integers(1, 30), st.integers(1, 4))
def test_thinking_longer_never_costs_less(k: int, more: int) -> None:
    short, long = (planned(reasoning__k=steps) for steps in (k, k + more))
    assert usd(long) >= usd(short)


@quick
@given(st.integers(1, 30), st.integers(1, 4))
def test_one_query_at_a_time_thinks_longer_and_starts_as_soon(k: int, more: int) -> None:
    alone = with_values(base(), {"serving.tensor_parallel": 2, "serving.concurrency": 1})
    short, long = (plan(with_values(alone, {"reasoning.k": steps})) for steps in (k, k + more))
    assert long.row["tta_s"] > short.row["tta_s"]
    assert long.row["ttft_s"] == pytest.approx(short.row["ttft_s"], rel=0.1)  # TTFT is paid once


@quick
@given(st.integers(0, 90), st.integers(0, 10))
def test_a_better_prefix_cache_never_needs_more_gpus(hit: int, more: int) -> None:
    scenario = with_values(base(), {"workload.prompt_tokens": 16_000})
    worse, better = (
        plan(with_values(scenario, {"serving.prefix_cache_hit_rate": rate / 100})) for rate in (hit, hit + more)
    )
    assert better.row["gpus"] <= worse.row["gpus"]


@pytest.mark.parametrize("samples", [1, 4, 16, 64])
def test_samples_of_one_prompt_wait_for_its_whole_prefill(samples: int) -> None:
    one = with_values(base(), {"reasoning.strategy": "majority_vote", "reasoning.samples": samples})
    long, alone = plan(with_values(one, {"workload.prompt_tokens": 16_000})), planned(workload__prompt_tokens=16_000)
    assert long.row["ttft_s"] >= 0.9 * alone.row["ttft_s"]


def test_first_token_and_first_answer_token_are_one_where_nothing_is_thought() -> None:
    one = planned(reasoning__strategy="direct")
    assert one.row["ttfo_s"] == pytest.approx(one.row["ttft_s"])
    assert one.row["tta_s"] == pytest.approx(one.row["ttft_s"] + 299 * one.row["itl_s"])


def test_the_first_answer_token_follows_the_last_thought() -> None:
    one = planned()
    assert one.row["ttfo_s"] == pytest.approx(one.row["ttft_s"] + 1024 * one.row["itl_s"])
    assert one.row["tta_s"] == pytest.approx(one.row["ttfo_s"] + 299 * one.row["itl_s"])


@pytest.mark.parametrize("tensor", [1, 2, 4, 8, 16])
def test_any_degree_of_tensor_parallelism_can_be_asked_for(tensor: int) -> None:
    one = planned(serving__tensor_parallel=tensor, serving__weights="fp4" if tensor == 1 else "fp8")
    assert one.row["tensor_parallel"] == tensor
    assert one.feasible


def test_a_draft_model_leaves_room_for_fewer_sequences() -> None:
    fixed = with_values(base(), {"serving.tensor_parallel": 2})
    drafted = with_values(fixed, {"serving.speculative_decoding": {"draft": "llama-3.1-8b", "tokens": 5}})
    assert plan(drafted).row["concurrency"] < plan(fixed).row["concurrency"]
