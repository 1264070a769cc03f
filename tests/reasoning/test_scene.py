"""From a scenario file to demand and accuracy."""

import json

import pytest

from capplan.errors import UserError
from capplan.reasoning import scene
from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.loader import loads

CHAT = """
version: 1
model: deepseek-r1-distill-llama-70b
workload: {qps: 100, prompt_tokens: 2048, answer_tokens: 300}
"""


def scenario(text: str):
    return loads(CHAT + text, "chat.yaml")


def test_the_scenario_reaches_the_strategy_key_by_key():
    asked = scene.demand_of(scenario("reasoning: {strategy: majority_vote, k: 4, tokens_per_step: 500, samples: 16}"))
    assert (asked.samples, asked.thinking_tokens) == (16, 2000)
    assert asked.output_tokens == 16 * 2300


def test_a_lognormal_length_and_a_budget_reach_the_law():
    asked = scene.demand_of(scenario(
        "reasoning: {strategy: long_thinking, thinking_tokens: {lognormal: {mean: 4000, cv: 1}}, thinking_budget: 4k}"
    ))  # fmt: skip
    assert 2000 < float(asked.thinking_tokens) < 3500
    assert float(asked.sequential_p99_tokens) == pytest.approx(4300)


def test_quantiles_keep_their_tail():
    asked = scene.demand_of(scenario("reasoning: {thinking_tokens: {quantiles: {p50: 555, p90: 2400, p99: 8800}}}"))
    assert float(asked.sequential_p99_tokens) == pytest.approx(9100)


def test_a_benchmark_gives_the_published_accuracy_of_the_model():
    found = scene.accuracy_of(scenario("quality: {benchmark: aime-2024}\nserving: {weights: bf16}"))
    assert float(found.value) == pytest.approx(0.7) and found.status == "published"
    # The figure is that of the weights as published; nobody published it for others.
    eight = scene.accuracy_of(scenario("quality: {benchmark: aime-2024}\nserving: {weights: fp8}"))
    assert float(eight.value) == pytest.approx(0.7) and eight.status == "extrapolated" and eight.low < found.low


def test_adaptive_voting_learns_its_accuracy_from_the_quality_section():
    text = "reasoning: {strategy: majority_vote, samples: 64, adaptive: true}\n"
    blind, told = scenario(text), scenario(text + "quality: {single_sample_accuracy: 74 %}")
    assert scene.demand_of(blind).samples == 64
    assert float(scene.demand_of(told).samples) < 20


def test_a_scenario_without_quality_has_no_accuracy():
    assert scene.accuracy_of(scenario("")) is None


def test_a_curve_starts_at_the_scenario_file(tmp_path):
    (tmp_path / "mine.csv").write_text("tokens,accuracy,n\n300,50,500\n1000,62,500\n4000,71,500\n")
    (tmp_path / "chat.yaml").write_text(CHAT + "quality: {curve: mine.csv}")
    from capplan.scenario.loader import load

    assert 0.62 < float(scene.accuracy_of(load(tmp_path / "chat.yaml")).value) < 0.71


def test_an_unknown_benchmark_is_a_users_fault():
    with pytest.raises(UserError, match="math-50"):
        scene.accuracy_of(scenario("quality: {benchmark: math-50}"))


def test_a_mixture_of_kinds_has_their_mean_and_both_their_tails(tmp_path):
    text = "[{share: 80 %, tokens: 400}, {share: 20 %, lognormal: {mean: 8000, cv: 1}}]"
    asked = scenario(f"reasoning: {{strategy: long_thinking, thinking_tokens: {{mixture: {text}}}}}")
    found = scene.demand_of(asked)
    assert float(found.thinking_tokens) == pytest.approx(0.8 * 400 + 0.2 * 8000)
    assert float(found.sequential_p50_tokens) == pytest.approx(400 + 300)
    assert float(found.sequential_p99_tokens) > 10_000

    assert loads(json.dumps(asked.resolved()), "again.yaml") == asked


@pytest.mark.parametrize(
    "wrong",
    ["[{share: 80 %, tokens: 400}]", "[{share: 80 %, tokens: 400}, {share: 30 %, tokens: 1}]", "[{tokens: 400}]", "{}"],
)
def test_a_mixture_that_is_none_is_told(wrong):
    with pytest.raises(ScenarioFaults, match="mixture"):
        scenario(f"reasoning: {{thinking_tokens: {{mixture: {wrong}}}}}")


def test_the_printed_tables_of_lengths_are_presets_by_name():
    asked = scenario("reasoning: {strategy: long_thinking, thinking_tokens: query-types/competition}")
    law = asked.reasoning.thinking_tokens
    assert law.parameters == (("p10", 9800.0), ("p90", 49500.0)) and law.written() == "query-types/competition"
    r1 = scenario("reasoning: {strategy: long_thinking, thinking_tokens: nominal-reasoning/deepseek-r1}")
    assert r1.reasoning.thinking_tokens.parameters == (("p10", 4000.0), ("p90", 12000.0))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("query-types/maths", "no 'maths' in query-types"), ("query-typ/proof", "no table"),
     ("nominal-reasoning/gpt-4o", "no thinking length")],
)  # fmt: skip
def test_a_preset_that_does_not_exist_is_told(name, complaint):
    with pytest.raises(ScenarioFaults, match=complaint):
        scenario(f"reasoning: {{strategy: long_thinking, thinking_tokens: {name}}}")


def test_a_model_described_in_place_is_called_what_it_calls_itself():
    assert scene.model_name({"name": "mine", "layers": 2}) == "mine"
    assert scene.model_name({"layers": 2}) == "custom model"
    assert scene.model_name("Llama 3.3 70B") == "llama-3.3-70b"
    assert scene.model_name("never-heard-of") == "never-heard-of"
