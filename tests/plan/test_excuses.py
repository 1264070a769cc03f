"""Why plans cannot be, and cures that cure: every excuse's changes are applied and planned again."""

from collections.abc import Mapping

import pytest

from capplan.plan import Plan, plan
from capplan.plan.limits import shares
from capplan.scenario.loader import from_dict
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario


def scenario(
    model: str, serving: Mapping[str, object] | None = None, gpu: str = "h100-sxm", **more: object
) -> Scenario:
    workload = {"qps": 5, "prompt_tokens": 2048, "answer_tokens": 300}
    given: dict[str, object] = {"version": 1, "model": model, "gpu": gpu, "serving": dict(serving or {}),
                                "workload": workload, "reasoning": {"strategy": "direct"}}  # fmt: skip
    return from_dict(given | more)


def cured(refused: Plan) -> Plan:
    """The plan once every change that the excuses name is made."""
    changes = {key: value for excuse in refused.excuses for key, value in excuse.changes.items()}
    assert changes
    return plan(with_values(refused.scenario, changes))


REFUSED = {
    "deepseek-r1 in fp8 on 8 x H100-80GB": scenario(
        "deepseek-r1", {"weights": "fp8", "tensor_parallel": 8, "pipeline_parallel": 1}
    ),
    "R1-Distill-70B in bf16 on one H100": scenario(
        "deepseek-r1-distill-llama-70b", {"weights": "bf16", "kv_cache": "bf16", "tensor_parallel": 1}
    ),
    "a 70B in bf16 on one A100": scenario("llama-3.3-70b", {"weights": "bf16", "tensor_parallel": 1}, "a100-sxm-80gb"),
    "DeepSeek-R1 on one H100": scenario("deepseek-r1", {"tensor_parallel": 1, "pipeline_parallel": 1}),
    "a 405B in bf16 in one node": scenario(
        "llama-3.1-405b", {"weights": "bf16", "tensor_parallel": 8, "pipeline_parallel": 1}
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_weights_that_do_not_fit_are_refused_with_a_cure_that_works(name: str) -> None:
    refused = plan(REFUSED[name])
    assert not refused.feasible and refused.row["feasible"] is False
    (excuse,) = refused.excuses
    assert excuse.constraint == refused.row["bottleneck"] == "memory"
    assert excuse.needed is not None and excuse.available is not None and excuse.unit == "bytes"
    assert cured(refused).feasible


@pytest.mark.parametrize("name", REFUSED)
def test_more_gpus_are_proposed_before_a_narrower_number_format(name: str) -> None:
    (excuse,) = plan(REFUSED[name]).excuses
    assert set(excuse.changes) <= {"serving.tensor_parallel", "serving.pipeline_parallel"}


def test_a_narrower_format_is_proposed_where_no_number_of_gpus_does() -> None:
    # 2 TB of weights over 64 GPUs of 24 GB leave no room; half of that does.
    refused = plan(scenario("kimi-k2", {"weights": "bf16"}, "a10g", cost={"purchase_price": "5000 USD"}))
    (excuse,) = refused.excuses
    assert excuse.changes["serving.weights"] == "fp8"
    assert cured(refused).feasible


def test_the_message_names_model_chip_and_sizes() -> None:
    (excuse,) = plan(REFUSED["R1-Distill-70B in bf16 on one H100"]).excuses
    for part in ("deepseek-r1-distill-llama-70b", "141.1 GB", "1 x h100-sxm", "85.5 GB"):
        assert part in excuse.message
    assert excuse.cure == "serving.tensor_parallel: 2"


def test_a_sequence_too_long_for_the_cache_is_refused_though_its_weights_fit() -> None:
    # 70.5 GB of fp8 weights leave some 4 GB on an H100; at 163,840 B a token that is less than 30,000 tokens.
    one = scenario("llama-3.3-70b", {"tensor_parallel": 1, "max_batched_tokens": 2048},
                   workload={"qps": 1, "prompt_tokens": 40_000, "answer_tokens": 300})  # fmt: skip
    refused = plan(one)
    assert [e.constraint for e in refused.excuses] == ["memory"]
    assert "does not fit beside them" in refused.excuses[0].message
    assert cured(refused).feasible


def test_a_request_longer_than_the_models_context_is_refused() -> None:
    one = scenario("llama-2-7b", workload={"qps": 1, "prompt_tokens": 8_000, "answer_tokens": 300})
    refused = plan(one)
    assert [e.constraint for e in refused.excuses] == ["context"]
    assert refused.excuses[0].available == 4096
    assert cured(refused).feasible


def test_thinking_past_the_models_context_is_cured_by_a_budget() -> None:
    refused = plan(scenario("llama-2-7b", reasoning={"strategy": "chain_of_thought", "k": 16}))
    (excuse,) = refused.excuses
    assert list(excuse.changes) == ["reasoning.thinking_budget"]
    assert cured(refused).feasible


def test_more_concurrency_than_fits_is_refused_with_what_fits() -> None:
    refused = plan(scenario("llama-3.3-70b", {"tensor_parallel": 2, "concurrency": 900}))
    (excuse,) = refused.excuses
    assert excuse.constraint == "kv_cache"
    assert excuse.needed == 900 and excuse.available is not None and 0 < excuse.available < 900
    assert cured(refused).feasible


@pytest.mark.parametrize(
    "target", ["ttft_mean", "ttft_p99", "itl_mean", "itl_p95", "itl_p99", "ttfo_p95", "tta_mean", "tta_p99"]
)
def test_a_latency_that_no_fleet_reaches_is_refused_with_one_that_is_reached(target: str) -> None:
    one = scenario("llama-3.3-70b", {"tensor_parallel": 2}, targets={target: "1 ms"})
    refused = plan(one)
    assert [e.constraint for e in refused.excuses] == [target]
    assert "no number of replicas cures it" in refused.excuses[0].message
    assert cured(refused).feasible


@pytest.mark.parametrize("targets", [{"annual_tco": "1000 USD"}, {"power": "1 kW"},
                                     {"annual_tco": "1000 USD", "power": "1 kW"}])  # fmt: skip
def test_limits_on_money_and_power_are_refused_with_limits_that_are_kept(targets: Mapping[str, str]) -> None:
    refused = plan(scenario("llama-3.3-70b", targets=targets))
    assert [e.constraint for e in refused.excuses] == list(targets)
    assert cured(refused).feasible


def test_an_accuracy_that_is_not_reached_is_refused_with_one_that_is() -> None:
    refused = plan(scenario("llama-3.3-70b", targets={"accuracy": "90 %"}, reasoning={"k": 4},
                            quality={"single_sample_accuracy": "74 %"}))  # fmt: skip
    assert [e.constraint for e in refused.excuses] == ["accuracy"]
    assert cured(refused).feasible


def test_a_target_that_holds_at_a_smaller_batch_is_kept_by_a_larger_fleet() -> None:
    free, held = (plan(scenario("llama-3.3-70b", targets=t)) for t in ({}, {"itl_mean": "15 ms"}))
    assert held.feasible and held.row["itl_s"] <= 0.015 < free.row["itl_s"]
    assert held.row["gpus"] >= free.row["gpus"]
    assert held.row["concurrency"] < free.row["concurrency"]


@pytest.mark.parametrize(
    "model", ["deepseek-r1", "gpt-oss-120b", "qwen3-235b-a22b", "llama-3.1-405b", "gemma-3-27b", "nemotron-h-56b"]
)
def test_auto_finds_a_layout_for_every_model_that_fits_somewhere(model: str) -> None:
    one = plan(scenario(model))
    assert one.feasible
    for figure in ("ttft_s", "itl_s", "tta_s", "tta_p99_s", "annual_kwh", "energy_j_per_query"):
        assert 0 < one.row[figure] < float("inf"), figure


@pytest.mark.parametrize("tight", (0.99, 1.01))
@pytest.mark.parametrize("name", ("annual_tco_usd", "power_w", "accuracy"))
def test_a_target_is_missed_exactly_where_the_plan_takes_more_than_all_of_it(name: str, tight: float) -> None:
    sure = {"accuracy": 1 / tight}.get(name, tight)
    kept = scenario("llama-3.3-70b", quality={"direct_accuracy": 0.8}, targets={"power": "1 GW"})
    drawn = {"power_w": plan(kept).peak_w, "accuracy": 0.8}.get(name) or float(plan(kept).row[name])
    asked = plan(with_values(kept, {f"targets.{name.removesuffix('_usd').removesuffix('_w')}": drawn * sure}))
    assert shares(asked)[name] == pytest.approx(1 / tight)
    assert asked.feasible is (shares(asked)[name] <= 1)


def test_a_latency_takes_the_share_of_its_limit_that_the_row_shows() -> None:
    held = plan(scenario("llama-3.3-70b", targets={"ttft_p95": "2 s", "itl_p95": "60 ms"}))
    assert held.feasible
    assert shares(held) == {"ttft_p95_s": held.waits["ttft_p95_s"] / 2, "itl_p95_s": held.waits["itl_p95_s"] / 0.06}
    assert max(shares(held).values()) <= 1
