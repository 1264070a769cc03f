"""How scenarios are read: values by their field's type, ranges, sweeps, overrides."""

import pickle
from operator import attrgetter
from pathlib import Path

import jsonschema
import pytest
import yaml

from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.json_schema import scenario_schema
from capplan.scenario.loader import default_path, load, loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.scenario.tiers import tier_scenarios
from capplan.search.axes import axes
from capplan.search.axes import points as grid

CONTRACT = """
version: 1
name: support-assistant
model: llama-3.3-70b
gpu: h100-sxm
serving:
  engine: vllm
  weights: fp8
  kv_cache: fp8
  tensor_parallel: auto
  concurrency: auto
  prefix_cache_hit_rate: 30 %
  speculative_decoding: {draft: llama-3.1-8b, tokens: 5, acceptance: 70 %}
workload:
  qps: 100
  peak_to_mean: 2.2
  burstiness: 2.3
  prompt_tokens: 2048
  answer_tokens: 300
reasoning:
  strategy: chain_of_thought
  k: [1, 4, 8, 16]
  calls: one
  tokens_per_step: 256
  thinking_budget: 16k
routing:
  classifier: {latency: 8 ms, accuracy: 92 %}
  tiers:
    - {name: fast, share: 70 %, model: llama-3.1-8b, reasoning: {strategy: direct}}
    - {name: deep, share: 30 %, reasoning: {strategy: chain_of_thought, k: 8}}
targets: {ttft_p95: 2 s, itl_p95: 50 ms, tta_p99: 60 s}
quality: {benchmark: math-500}
cost:
  pricing: own
  amortization: 4 year
  pue: 1.12
  electricity: 0.12 USD/kWh
  carbon_intensity: 369 g/kWh
"""
SHORT = "version: 1\nworkload: {qps: 100}\n"


def read(text: str, *overrides: str) -> Scenario:
    return loads(text, "test.yaml", overrides)


def message(text: str, *overrides: str) -> str:
    with pytest.raises(ScenarioFaults) as raised:
        read(text, *overrides)
    return str(raised.value)


def test_the_example_of_the_contract_is_read_into_si() -> None:
    scenario = read(CONTRACT)
    assert scenario.serving.prefix_cache_hit_rate == 0.3
    assert scenario.serving.speculative_decoding is not None
    assert scenario.serving.speculative_decoding.acceptance == 0.7
    assert scenario.reasoning.thinking_budget_tokens == 16_000
    assert scenario.targets.limits_s() == {"ttft_p95_s": 2.0, "itl_p95_s": 0.05, "tta_p99_s": 60.0}
    assert scenario.cost.amortization_s == 4 * 365 * 86400
    assert scenario.cost.electricity_usd_per_j == pytest.approx(0.12 / 3.6e6)
    assert scenario.cost.carbon_intensity_kg_per_j == pytest.approx(0.369 / 3.6e6)
    assert scenario.routing is not None and scenario.routing.classifier is not None
    assert scenario.routing.classifier.latency_s == pytest.approx(0.008)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("name: no", "name", "no"),
        ("name: 010", "name", "010"),
        ("name: 1:30", "name", "1:30"),
        ("name: 2026-11-21", "name", "2026-11-21"),
        ("serving: {disaggregated: no}", "serving.disaggregated", False),
        ("serving: {disaggregated: 'yes'}", "serving.disaggregated", True),
        ("serving: {max_batched_tokens: 010000}", "serving.max_batched_tokens", 10_000),
        ("serving: {weights: FP8}", "serving.weights", "fp8"),
        ("reasoning: {tokens_per_step: 1_000}", "reasoning.tokens_per_step", 1000.0),
        ("targets: {annual_tco: 1.5M USD}", "targets.annual_tco_usd", 1.5e6),
        ("reasoning: {strategy: majority_vote, concentration: .inf}", "reasoning.concentration", float("inf")),
    ],
)
def test_a_value_is_read_by_its_fields_type_and_not_by_yamls_rules(text: str, field: str, value: object) -> None:
    assert attrgetter(field)(read(SHORT + text)) == value


def test_a_list_under_reasoning_is_an_axis_and_its_points_have_none() -> None:
    scenario = read(SHORT + "reasoning: {strategy: majority_vote, k: [1, 4], samples: [2, 8]}")
    assert scenario.sweeps == {"reasoning.k": (1, 4), "reasoning.samples": (2, 8)}
    points = [with_values(scenario, point) for point in grid(axes(scenario.sweeps))]
    assert [(p.reasoning.k, p.reasoning.samples) for p in points] == [(1, 2), (1, 8), (4, 2), (4, 8)]
    assert not any(point.sweeps for point in points)


def test_a_scenario_without_lists_sweeps_nothing() -> None:
    assert not read(SHORT).sweeps


def test_a_range_gives_its_middle_and_is_recorded_in_si() -> None:
    scenario = read(SHORT + "cost: {electricity: {low: 0.08 USD/kWh, mid: 0.12 USD/kWh, high: 0.20 USD/kWh}}")
    low, mid, high = scenario.ranges["cost.electricity"]
    assert scenario.cost.electricity_usd_per_j == mid
    assert (low, high) == (pytest.approx(0.08 / 3.6e6), pytest.approx(0.20 / 3.6e6))


def test_the_figures_of_a_law_may_be_ranges_too() -> None:
    text = "version: 1\nworkload: {qps: 1, answer_tokens: {lognormal: {mean: {low: 1k, mid: 2k, high: 4k}, cv: 1}}}"
    scenario = read(text)
    assert scenario.ranges == {"workload.answer_tokens.lognormal.mean": (1000, 2000, 4000)}
    changed = with_values(scenario, {"workload.answer_tokens.lognormal.mean": 3000})
    assert changed.workload.answer_tokens.mean_tokens == 3000 and not changed.ranges


def test_overrides_are_read_like_the_file() -> None:
    scenario = read(SHORT, "serving.kv_cache=bf16", "reasoning.k=[1, 2]", "targets.ttft_p95=1.5 s", "workload.qps=7")
    assert (scenario.serving.kv_cache, scenario.targets.ttft_p95_s, scenario.workload.qps) == ("bf16", 1.5, 7)
    assert scenario.sweeps == {"reasoning.k": (1, 2)}


def test_an_override_may_be_a_mapping_or_take_a_key_out() -> None:
    scenario = read(SHORT + "gpu: h200-sxm\n", "workload={qps: 3, burstiness: 2}", "gpu=null")
    assert (scenario.workload.qps, scenario.workload.burstiness, scenario.gpu) == (3, 2, "h100-sxm")


def test_a_tier_is_overridden_by_its_place() -> None:
    scenario = read(CONTRACT, "routing.tiers[1].reasoning.k=4", "routing.tiers.0.gpu=l40s")
    assert scenario.routing is not None
    fast, deep = scenario.routing.tiers
    assert fast.gpu == "l40s" and deep.reasoning is not None and deep.reasoning.k == 4


def test_faults_of_overrides_name_the_override() -> None:
    assert message(SHORT, "serving.kv_cache=fp7").startswith(
        "--set serving.kv_cache=fp7: serving.kv_cache: 'fp7' is not bf16, fp8, fp4 or int8"
    )
    assert "--set servng.engine=vllm: servng: unknown key (did you mean 'serving'?)" in message(
        SHORT, "servng.engine=vllm"
    )
    assert "a path and a value are needed" in message(SHORT, "qps")
    assert "is no place in the list of 2" in message(CONTRACT, "routing.tiers.7.share=1")


def test_faults_of_the_file_and_of_overrides_come_together() -> None:
    said = message(SHORT + "gpu: h100-sxn\n", "serving.weights=fp5")
    assert "test.yaml:3:6: gpu:" in said and "--set serving.weights=fp5: serving.weights:" in said


def test_another_strategy_starts_afresh() -> None:
    text = SHORT + "reasoning: {strategy: chain_of_thought, k: 8, thinking_budget: 16k}"
    direct = read(text, "reasoning.strategy=direct").reasoning
    assert not direct.given("k") and direct.thinking_budget_tokens == 16_000
    voted = with_values(read(text), {"reasoning.samples": 4, "reasoning.strategy": "majority_vote"}).reasoning
    assert (voted.k, voted.samples) == (8, 4)
    assert "direct has no use for it" in message(text, "reasoning.strategy=direct", "reasoning.k=2")


def test_tiers_are_scenarios_with_their_share_of_the_traffic() -> None:
    (fast, fast_share, small), (deep, deep_share, large) = tier_scenarios(read(CONTRACT))
    assert (fast, deep) == ("fast", "deep")
    # The classifier takes 8 % of either kind for the other.
    assert (fast_share, deep_share) == pytest.approx((0.7 * 0.92 + 0.3 * 0.08, 0.3 * 0.92 + 0.7 * 0.08))
    assert (small.model, large.model) == ("llama-3.1-8b", "llama-3.3-70b")
    assert small.workload.qps == pytest.approx(66.8) and large.workload.qps == pytest.approx(33.2)
    assert small.reasoning.strategy == "direct" and not small.sweeps
    # The tier gives one K where the rest of the file sweeps it.
    assert large.reasoning.k == 8 and not large.sweeps
    assert small.reasoning.thinking_budget_tokens == large.reasoning.thinking_budget_tokens == 16_000
    assert small.serving == large.serving and small.routing is None


def test_a_tier_inherits_the_sweep_that_it_does_not_override() -> None:
    text = CONTRACT.replace("reasoning: {strategy: chain_of_thought, k: 8}", "reasoning: {tokens_per_step: 100}")
    _, (_, _, deep) = tier_scenarios(read(text))
    assert deep.sweeps == {"reasoning.k": (1, 4, 8, 16)} and deep.reasoning.tokens_per_step == 100


def test_without_routing_there_is_one_pool_with_everything() -> None:
    scenario = read(SHORT)
    assert tier_scenarios(scenario) == [(scenario.name, 1.0, scenario)]


def test_strategies_to_compare_may_be_bare_names() -> None:
    scenario = read(SHORT + "strategies: [direct, {strategy: majority_vote, samples: [4, 8]}]")
    assert [one.strategy for one in scenario.compared] == ["direct", "majority_vote"]
    assert scenario.sweeps == {"strategies.1.samples": (4, 8)}


def test_strategies_may_also_stand_under_reasoning() -> None:
    scenario = read(SHORT + "reasoning: {strategies: [direct, refine]}")
    assert [one.strategy for one in scenario.compared] == ["direct", "refine"]


def test_changed_values_are_checked_like_those_of_a_file() -> None:
    scenario = read(SHORT)
    for path, value, said in [
        ("reasoning.k", 0, "0 must be at least 1"),
        ("serving.kv_cache", "fp7", "did you mean 'fp8'?"),
        ("targets.ttft_p95", "2", "give a unit"),
        ("gpu", "h100-sxn", "did you mean 'h100-sxm'"),
        ("serving.colour", 1, "unknown key 'colour'"),
        ("cost.pricing", "reserved", "reserved needs a term"),
        ("workload.qps", float("nan"), "not a number that any plan could hold"),
        ("workload.qps", None, "cannot be left out"),
        ("serving.weights.bits", 8, "lies below a single value"),
    ]:
        with pytest.raises(ScenarioFaults, match=said.replace("?", r"\?")):
            with_values(scenario, {path: value})


def test_numbers_from_a_program_are_si() -> None:
    scenario = with_values(read(SHORT), {"targets.ttft_p95": 2.5, "cost.amortization": 3 * 365 * 86400.0})
    assert (scenario.targets.ttft_p95_s, scenario.cost.amortization_s) == (2.5, 3 * 365 * 86400)


def test_a_changed_value_is_no_longer_swept_or_uncertain() -> None:
    scenario = read("version: 1\nworkload: {qps: {low: 1, mid: 2, high: 3}}\nreasoning: {k: [1, 2]}")
    changed = with_values(scenario, {"workload.qps": 5, "reasoning.k": 3})
    assert not changed.ranges and not changed.sweeps
    assert scenario.ranges and scenario.sweeps, "the original stays as it was"


def test_a_section_that_was_left_out_can_be_filled_and_emptied() -> None:
    scenario = with_values(read(SHORT), {"serving.speculative_decoding.draft": "mtp"})
    assert scenario.serving.speculative_decoding is not None and scenario.serving.speculative_decoding.tokens == 5
    assert with_values(scenario, {"serving.speculative_decoding": None}).serving.speculative_decoding is None


def test_scenarios_are_frozen() -> None:
    scenario = read(SHORT)
    with pytest.raises(AttributeError, match="frozen"):
        scenario.name = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        scenario.workload.qps = 3  # type: ignore[misc]


def test_scenarios_and_their_faults_travel_between_processes() -> None:
    scenario = read(CONTRACT)
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    with pytest.raises(ScenarioFaults) as raised:
        read("version: 2")
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_relative_paths_start_at_the_scenario_file(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("tokens,accuracy,n\n", encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(SHORT + "quality: {curve: points.csv}\n", encoding="utf-8")
    scenario = load(path)
    assert scenario.file(scenario.quality.curve or "") == tmp_path / "points.csv"


def test_anchors_and_merge_keys_work() -> None:
    text = "version: 1\nworkload: &day {qps: 10, burstiness: 2}\nserving: {engine: vllm}\n"
    tiers = "routing:\n  tiers:\n    - {name: a, share: 60 %, serving: &s {weights: bf16}}\n"
    tiers += "    - {name: b, share: 40 %, serving: {<<: *s, kv_cache: bf16}}\n"
    scenario = read(text + tiers)
    assert scenario.routing is not None and scenario.routing.tiers[1].serving is not None
    assert scenario.routing.tiers[1].serving.given_fields == {"weights", "kv_cache"}


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\r\nworkload:\r\n  qps: 100\r\n")
    assert load(path).workload.qps == 100


def test_the_built_in_default_is_the_published_one() -> None:
    scenario = load(default_path())
    assert (scenario.model, scenario.gpu, scenario.serving.weights) == ("llama-3.3-70b", "h100-sxm", "fp8")
    assert (scenario.workload.qps, scenario.reasoning.k) == (100, 8)


def test_the_example_of_the_contract_satisfies_the_schema() -> None:
    jsonschema.validate(yaml.safe_load(CONTRACT), scenario_schema())
