"""Cascades: who pays, who is right, and what a split can save."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.errors import UserError
from capplan.plan import plans
from capplan.reasoning.cascade import Tier, cascade
from capplan.reasoning.lengths import Constant
from capplan.reasoning.options import Options, Query
from capplan.reasoning.scene import demand_of
from capplan.reasoning.strategy import demand
from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.loader import loads


def test_a_cascade_pays_the_failed_tier_first():
    found = cascade([Tier(0.6, 1.0, keeps_right=0.95, keeps_wrong=0.1), Tier(0.85, 20.0)])
    onward = 1 - 0.6 * 0.95 - 0.4 * 0.1
    assert found.reached == pytest.approx((1.0, onward))
    assert found.cost == pytest.approx(1.0 + onward * 20)


def test_queries_that_escalate_are_harder_than_the_average():
    tiers = [Tier(0.6, 1.0, keeps_right=0.95, keeps_wrong=0.1), Tier(0.85, 20.0)]
    alike, unlike = cascade(tiers, np.inf), cascade(tiers, 1.2)
    assert unlike.accuracy < alike.accuracy


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(0.1, 0.95), st.floats(0.1, 50), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=4
    ),
    st.one_of(st.floats(0.4, 20), st.just(math.inf)),
)
def test_every_query_of_a_cascade_is_answered_once(rows, concentration):
    found = cascade([Tier(*row) for row in rows], concentration)
    assert sum(found.answered) == pytest.approx(1.0)
    assert list(found.reached) == sorted(found.reached, reverse=True)
    assert 0 <= found.accuracy <= 1


@pytest.mark.parametrize("accuracy_of_tier", [0.2, 0.6, 0.74, 0.95])
@pytest.mark.parametrize("concentration", [0.67, 1.2, 2.9])
def test_one_tier_is_as_accurate_as_it_says(accuracy_of_tier, concentration):
    assert cascade([Tier(accuracy_of_tier, 1.0)], concentration).accuracy == pytest.approx(accuracy_of_tier, abs=0.005)


HEAD = """
version: 1
model: deepseek-r1-distill-llama-70b
workload: {qps: 20, prompt_tokens: 500, answer_tokens: 300}
serving: {weights: fp8}
quality: {single_sample_accuracy: 94 %, direct_accuracy: 70 %}
"""
THINKING = "{strategy: long_thinking, thinking_tokens: 4k}"


def escalating(more: str = "", quality: str = ""):
    text = HEAD.replace("{single_sample_accuracy: 94 %, direct_accuracy: 70 %}", quality) if quality else HEAD
    return loads(text + f"reasoning: {{strategy: cascade, stages: [direct, {THINKING}]{more}}}", "x.yaml")


def alone(section: str):
    return loads(HEAD + f"reasoning: {section}", "x.yaml")


def test_a_cascade_of_strategies_pays_every_stage_for_those_who_come_to_it():
    direct, thinking, both = (demand_of(one) for one in (alone("{strategy: direct}"), alone(THINKING), escalating()))
    assert both.output_tokens == pytest.approx(direct.output_tokens + 0.3 * thinking.output_tokens)
    assert both.requests == pytest.approx(1.3)
    assert both.prefill_tokens + both.repeated_prefill_tokens == pytest.approx(1.3 * 500)
    # Half of the queries never escalate, and one in twenty surely does.
    assert both.sequential_p50_tokens == direct.sequential_p50_tokens
    assert both.sequential_p95_tokens == direct.sequential_p95_tokens + thinking.sequential_p95_tokens


def test_a_cascade_costs_less_than_thinking_always_and_answers_nearly_as_well():
    cheap, dear, both = plans([alone("{strategy: direct}"), alone(THINKING), escalating()])
    assert cheap.row["annual_tco_usd"] < both.row["annual_tco_usd"] < dear.row["annual_tco_usd"]
    assert both.row["accuracy"] >= dear.row["accuracy"] > cheap.row["accuracy"]
    assert both.row["accuracy_low"] <= both.row["accuracy"] <= both.row["accuracy_high"]


def test_a_check_that_lets_wrong_answers_stand_costs_accuracy_and_saves_money():
    strict, lax = plans([escalating(), escalating(", keeps_wrong: 50 %")])
    assert lax.row["accuracy"] < strict.row["accuracy"]
    assert lax.row["output_tokens"] < strict.row["output_tokens"]


def test_without_accuracies_every_query_of_a_cascade_goes_through_all_stages_unless_told():
    blind, told = (demand_of(escalating(more, "{}")) for more in ("", ", escalated: 25 %"))
    assert blind.requests == 2 and told.requests == 1.25


def test_a_cascade_without_stages_is_told():
    with pytest.raises(ScenarioFaults, match="a cascade needs stages"):
        loads(HEAD + "reasoning: {strategy: cascade}", "x.yaml")


def test_a_verifier_in_a_stage_is_paid_for_by_those_who_come_to_it():
    judged = "{strategy: best_of_n, samples: 4, k: 4, verifier: {model: qwen2.5-7b}}"
    whole = loads(HEAD + f"reasoning: {{strategy: cascade, escalated: 50 %, stages: [direct, {judged}]}}", "x.yaml")
    assert demand_of(whole).verifier.requests == pytest.approx(0.5 * demand_of(alone(judged)).verifier.requests)


def test_no_tiers_answer_nothing():
    with pytest.raises(UserError, match="at least one tier"):
        cascade([])


def test_stages_with_verifiers_of_two_models_are_told():
    stages = [
        f"{{strategy: best_of_n, samples: 4, verifier: {{model: {model}}}}}" for model in ("qwen2.5-7b", "qwen3-8b")
    ]
    both = loads(HEAD + f"reasoning: {{strategy: cascade, escalated: 50 %, stages: [{', '.join(stages)}]}}", "x.yaml")
    with pytest.raises(UserError, match="all verifiers of a cascade have to be the same model"):
        demand_of(both)


def test_a_cascade_does_no_thinking_of_its_own_that_a_policy_could_act_on():
    free, hinted = (demand_of(escalating(more)) for more in ("", ", policies: {hint: {reduction: 50 %}}"))
    assert hinted.output_tokens == free.output_tokens


def test_a_cascade_of_options_needs_stages_as_well():
    with pytest.raises(UserError, match="stages are needed, the cheapest way of thinking first"):
        demand(Options(strategy="cascade"), Query(Constant(100.0), Constant(50.0)))
