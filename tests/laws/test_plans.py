"""Laws of one plan: targets, layouts, and which of its times is made of which."""

from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.plan import Plan, plan, plans
from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario

quick = settings(max_examples=15, deadline=None, derandomize=True)
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


def test_limits_and_prices_of_one_plan_are_not_those_of_another_made_with_it() -> None:
    serving = {"concurrency": ("auto", 8, 64, 5000), "prefix_cache_hit_rate": (0, 0.3, 0.9, 0.3)}
    swept = [
        with_values(base(), {f"serving.{key}": values[at] for key, values in serving.items()} | more)
        for at in range(4)
        for more in (
            {"targets.tta_p99": f"{20 + 10 * at} s", "targets.ttft_p95": "1 s", "targets.accuracy": at / 4},
            {"targets.annual_tco": f"{2 * at + 1}M USD", "targets.power": f"{20 * at + 10} kW"},
            {"cost.purchase_price": 20e3 + at, "cost.interest": 0.01 * at, "cost.residual_value": 0.1 * (at % 2)},
            {"cost.pricing": "on_demand", "cost.gpu_hourly": f"{at + 1} USD/hour"},
            {"cost.pricing": {"own": 0.5, "spot": 0.5}, "cost.region": ("europe", "asia")[at % 2]},
        )
    ]
    for together, alone in zip(plans(swept), [plan(s) for s in swept], strict=True):
        assert together.assumptions == alone.assumptions
        assert [why.constraint for why in together.excuses] == [why.constraint for why in alone.excuses]
        assert {line.name: line.usd_per_year for line in together.lines} == {
            line.name: line.usd_per_year for line in alone.lines
        }
        for figure in FIGURES:
            assert together.row[figure] == pytest.approx(alone.row[figure], rel=1e-9), figure


def test_plans_of_different_models_keep_their_order() -> None:
    mixed = [with_values(base(), {"model": m}) for m in ("llama-3.1-8b", "llama-3.3-70b", "llama-3.1-8b")]
    assert [one.row["model"] for one in plans(mixed)] == ["llama-3.1-8b", "llama-3.3-70b", "llama-3.1-8b"]


@pytest.mark.parametrize("samples", [1, 4, 16, 64])
def test_samples_of_one_prompt_wait_for_its_whole_prefill(samples: int) -> None:
    calm = {"workload.prompt_tokens": 16_000, "workload.qps": 0.01}  # next to nobody waits for others' prompts
    long = plan(with_values(base(), calm | {"reasoning.strategy": "majority_vote", "reasoning.samples": samples}))
    alone = plan(with_values(base(), calm))
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
