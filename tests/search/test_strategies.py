"""Comparing ways of thinking: the frontier, the bill of the verifier, the recommendation, and equal arithmetic."""

import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.errors import UserError
from capplan.plan import plan
from capplan.reasoning import scene
from capplan.scenario.loader import load, loads
from capplan.search.compute import at_equal
from capplan.search.contenders import LINE_UP, contenders, differing
from capplan.search.dominance import dominated, staircase
from capplan.search.policies import step_by_step
from capplan.search.strategies import compare

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HEAD = """
version: 1
model: deepseek-r1-distill-qwen-7b
workload: {qps: 20, prompt_tokens: 200, answer_tokens: 400}
quality: {benchmark: aime-2024}
"""


def maths():
    return load(SCENARIOS / "maths-strategies.yaml")


@given(st.lists(st.tuples(*[st.floats(0, 9).map(round)] * 3), min_size=1, max_size=30))
def test_no_row_of_the_frontier_is_beaten_by_any_other(rows):
    table = np.array(rows, dtype=float)
    beaten = dominated(table)
    for at, row in enumerate(table):
        by_hand = any(np.all(other <= row) and np.any(other < row) for other in table)
        assert beaten[at] == by_hand


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1, max_size=30))
def test_the_staircase_rises_in_cost_and_gain(rows):
    cost, gain = (np.array(column) for column in zip(*rows, strict=True))
    steps = staircase(cost, gain)
    assert np.all(np.diff(cost[steps]) >= 0) and np.all(np.diff(gain[steps]) > 0)
    assert gain[steps[-1]] == gain.max()


def test_two_hundred_points_are_compared_within_two_seconds():
    scenario = maths()
    began = time.process_time()
    found = compare(scenario)
    assert time.process_time() - began < 2.0
    assert len(found.rows) >= 200


def test_nothing_on_the_shipped_frontier_is_dominated_and_all_else_is():
    rows = [row for row in compare(maths()).rows if row["feasible"] and row["accuracy"] is not None]
    figures = [(float(row["annual_tco_usd"]), row["tta_s"], -row["accuracy"]) for row in rows]
    for row, mine in zip(rows, figures, strict=True):
        beaten = any(all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine for other in figures)
        assert row["frontier"] == (not beaten)


def test_the_recommendation_is_the_cheapest_right_answer_that_meets_the_target():
    found = compare(maths())
    able = [row for row in found.rows if row["feasible"] and row["usd_per_correct_answer"] is not None]
    best = found.rows[found.best]
    assert best["usd_per_correct_answer"] == min(row["usd_per_correct_answer"] for row in able)
    assert best["accuracy"] >= 0.7
    assert "error band" in found.notes[0] and "cheaper than" in found.notes[0]


def test_every_accuracy_has_a_status_and_an_interval_around_it():
    for row in compare(maths()).rows:
        if row["accuracy"] is None:
            assert row["strategy"] == "direct"
            continue
        assert row["accuracy_status"] in ("published", "fitted", "extrapolated", "given")
        assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]


def test_a_list_inside_a_strategy_is_swept_for_that_strategy_alone():
    scenario = loads(
        HEAD
        + """
strategies:
  - direct
  - {strategy: majority_vote, samples: [2, 4, 8], k: 16}
  - {strategy: best_of_n, samples: [2, 4], k: 16, verifier: {model: qwen2.5-7b}}
""",
        "x.yaml",
    )
    variants, ours = contenders(scenario)
    assert not ours
    assert [(v.reasoning.strategy, v.reasoning.samples) for v in variants[1:]] == [
        ("majority_vote", 2), ("majority_vote", 4), ("majority_vote", 8), ("best_of_n", 2), ("best_of_n", 4)
    ]  # fmt: skip
    assert differing(variants) == ["samples"]


def test_a_scenario_with_one_way_of_thinking_gets_a_line_up_that_thinks_as_long():
    variants, ours = contenders(loads(HEAD + "reasoning: {thinking_tokens: 4k}", "x.yaml"))
    assert ours and len(variants) == len(LINE_UP)
    assert {v.reasoning.thinking_tokens.mean_tokens for v in variants if v.reasoning.strategy != "direct"} == {4000}


def test_strategies_and_a_plan_of_the_same_section_cost_the_same_verifier_and_all():
    section = "{strategy: best_of_n, samples: 8, k: 16, verifier: {model: qwen2.5-7b, kind: process, pool: own}}"
    compared = compare(loads(HEAD + f"strategies: [direct, {section}]", "x.yaml")).rows[1]
    planned = plan(loads(HEAD + f"reasoning: {section}", "x.yaml")).row
    for name in ("annual_tco_usd", "gpus", "tta_s", "tta_p95_s", "usd_per_1k_queries", "annual_kwh", "accuracy"):
        assert compared[name] == planned[name]


def test_without_quality_nothing_is_recommended_and_the_note_says_what_to_give():
    found = compare(loads(HEAD.replace("quality: {benchmark: aime-2024}", ""), "x.yaml"))
    assert found.best is None
    assert found.notes[0] == "No recommendation: no accuracy is known."
    assert any("give quality.benchmark" in note for note in found.notes)


def test_a_curve_tells_long_thinking_from_short(tmp_path):
    (tmp_path / "mine.csv").write_text("tokens,accuracy,n\n500,40,500\n2000,55,500\n8000,64,500\n16000,67,500\n")
    path = tmp_path / "x.yaml"
    path.write_text(HEAD.replace("benchmark: aime-2024", "curve: mine.csv")
                    + "strategies: [direct, {strategy: chain_of_thought, thinking_tokens: [1k, 4k, 12k]}]")  # fmt: skip
    right = [row["accuracy"] for row in compare(load(path)).rows]
    assert right == sorted(right) and None not in right


REFERENCE = HEAD.replace("qwen-7b", "llama-70b") + "reasoning: {thinking_tokens: 4k}"


def test_models_at_equal_arithmetic_take_equal_arithmetic():
    found = at_equal(loads(REFERENCE, "x.yaml"), ["deepseek-r1-distill-qwen-7b", "deepseek-r1-distill-qwen-32b"])
    first, *others = found.rows
    for row in others:
        assert row["flop_per_query"] == pytest.approx(first["flop_per_query"], rel=1e-3)
        assert row["thinking_tokens"] > first["thinking_tokens"]


@pytest.mark.parametrize("by, column, within", [("cost", "annual_tco_usd", 0.15), ("latency", "tta_s", 0.1)])
def test_models_at_equal_cost_or_latency_come_close_to_it(by, column, within):
    scenario = loads(REFERENCE.replace("qps: 20", "qps: 200"), "x.yaml")
    found = at_equal(scenario, ["deepseek-r1-distill-qwen-7b"], by)
    first, other = found.rows
    assert float(other[column]) == pytest.approx(float(first[column]), rel=within)
    assert other["thinking_tokens"] > first["thinking_tokens"]


def test_a_model_that_is_dearer_without_thinking_is_said_so():
    scenario = loads(HEAD + "reasoning: {thinking_tokens: 64}", "x.yaml")
    found = at_equal(scenario, ["deepseek-r1-distill-llama-70b"])
    assert any("takes more without any thinking" in note for note in found.notes)
    assert found.rows[1]["strategy"] == "direct"


def test_a_distilled_model_says_when_it_has_earned_its_training():
    scenario = loads(REFERENCE, "x.yaml")
    found = at_equal(scenario, ["deepseek-r1-distill-qwen-7b"], "latency", {"deepseek-r1-distill-qwen-7b": 50_000.0})
    assert any("50,000 USD of training" in note for note in found.notes)
    with pytest.raises(UserError, match="not among --models"):
        at_equal(scenario, ["deepseek-r1-distill-qwen-7b"], "flop", {"llama-3.1-8b": 1.0})
    with pytest.raises(UserError, match="choose tokens, flop, cost or latency"):
        at_equal(scenario, ["deepseek-r1-distill-qwen-7b"], "price")


BUDGETS = SCENARIOS / "thinking-budgets.yaml"


def test_policies_one_after_another_end_at_the_plan_of_the_scenario():
    found = step_by_step(load(BUDGETS))
    whole = plan(load(BUDGETS)).row
    assert found.rows[0]["policy"] == "none" and len(found.rows) == 8
    for name in ("annual_tco_usd", "gpus", "tta_s", "accuracy", "output_tokens"):
        assert found.rows[-1][name] == whole[name]
    changes = sum(row["change_usd_per_year"] for row in found.rows[1:])
    assert found.rows[0]["annual_tco_usd"] + changes == whole["annual_tco_usd"]


def test_no_budget_makes_anybody_think_longer_or_answer_better():
    rows = step_by_step(load(BUDGETS)).rows
    for before, after in pairwise(rows):
        assert after["thinking_tokens"] <= before["thinking_tokens"] * (1 + 1e-9)
        assert after["accuracy"] <= before["accuracy"]


def test_a_scenario_without_policies_is_told_which_there_are():
    with pytest.raises(UserError, match="answer_cache, trace_cache, hint, classifier"):
        step_by_step(loads(HEAD, "x.yaml"))


def test_models_of_equal_thinking_think_as_long_and_a_distilled_one_pays_by_its_right_answers():
    scenario = load(SCENARIOS / "distillation.yaml")
    student = "deepseek-r1-distill-qwen-7b"
    found = at_equal(scenario, [student], "tokens", {student: 50_000.0})
    big, small = found.rows
    assert small["thinking_tokens"] == pytest.approx(big["thinking_tokens"])
    saved = float(big["usd_per_correct_answer"]) - float(small["usd_per_correct_answer"])
    assert f"{50_000 / saved:,.0f} right answers" in found.notes[-1]


def test_a_line_up_of_ours_is_held_to_the_scenarios_policies():
    free, held = (
        contenders(loads(HEAD + f"reasoning: {{thinking_tokens: 4k{more}}}", "x.yaml"))[0]
        for more in ("", ", policies: {hint: {reduction: 25 %}}")
    )
    for one, other in zip(free, held, strict=True):
        thinking = [float(scene.demand_of(scenario).thinking_tokens) for scenario in (one, other)]
        assert thinking[1] == pytest.approx(0.75 * thinking[0])
