"""Policies on thinking: caps by class, hints, quotas, early stops, caches and compression, alone and together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.catalog.files import CatalogError
from capplan.plan import plan, plans
from capplan.plan.varied import varied
from capplan.reasoning import published
from capplan.reasoning.accuracy import quantization
from capplan.reasoning.combined_lengths import Mixture, capped, mixture, part_of
from capplan.reasoning.effects import effects
from capplan.reasoning.lengths import Constant, Lognormal
from capplan.reasoning.options import Options, Query
from capplan.reasoning.policies.alert import alert
from capplan.reasoning.policies.classifier import confusion
from capplan.reasoning.policies.user_quota import spent
from capplan.reasoning.scene import accuracy_of, demand_of
from capplan.reasoning.strategy import accuracy, demand, under_policies
from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.loader import load, loads
from capplan.scenario.policies import DifficultyClassifier, Hint, Policies, QueryClass

R1_THINKING = Lognormal.from_mean_cv(1072.0, 1.5)
QUERY = Query(Constant(2048.0), Constant(300.0))
HEAD = """
version: 1
model: deepseek-r1-distill-qwen-7b
workload: {qps: 20, prompt_tokens: 200, answer_tokens: 400}
serving: {weights: bf16, kv_cache: bf16}
quality: {single_sample_accuracy: 60 %}
"""


def scenario(policies: str = "", reasoning: str = "strategy: long_thinking", law: str = "{p50: 3484, p99: 12217}"):
    inner = f"{reasoning}, thinking_tokens: {{quantiles: {law}}}, policies: {{{policies}}}"
    return loads(HEAD + f"reasoning: {{{inner}}}", "x.yaml")


def under(policies: str, **more: str):
    """(demand without, demand with the policies)"""
    return demand_of(scenario(**more)), demand_of(scenario(policies, **more))


def test_a_hint_halves_thinking_and_leaves_the_answer_and_the_accuracy():
    free, hinted = under("hint: {}")
    assert hinted.thinking_tokens == pytest.approx(free.thinking_tokens / 2)
    assert hinted.answer_tokens == free.answer_tokens
    assert hinted.sequential_p99_tokens - 400 == pytest.approx((free.sequential_p99_tokens - 400) / 2)
    assert accuracy_of(scenario("hint: {}")).value == accuracy_of(scenario()).value == 0.6


def test_the_hint_of_nobody_in_particular_is_the_published_one():
    tree = published.law_range("budgets", "hint_reduction")
    assert Hint().reduction == tree.value
    assert tree.ends == pytest.approx((0.394, 0.5, 0.557))


def test_a_hint_makes_a_cap_cut_less():
    capped_only, both = (
        accuracy_of(scenario(more, "strategy: long_thinking, thinking_budget: 4k")) for more in ("", "hint: {}")
    )
    wide = accuracy_of(scenario("", "strategy: long_thinking, thinking_budget: 8k"))
    assert capped_only.value < both.value < 0.6
    assert both.value == pytest.approx(wide.value)


def classes(easy: str = "2k", accuracy: str = "100 %"):
    return f"classifier: {{accuracy: {accuracy}, classes: [{{share: 70 %, cap: {easy}}}, {{share: 30 %}}]}}"


def test_classes_are_slices_of_the_law_and_make_it_up_again():
    law = R1_THINKING
    parts = mixture([0.7, 0.3], [part_of(law, 0.0, 0.7), part_of(law, 0.7, 1.0)])
    assert float(parts.mean_tokens) == pytest.approx(law.mean_tokens, rel=0.002)
    assert parts.quantile_tokens(0.9) == pytest.approx(float(law.quantile_tokens(0.9)), rel=0.002)


def test_a_perfect_classifier_with_caps_above_every_class_changes_nothing():
    free, sorted_ = under(classes("12k"))
    assert sorted_.thinking_tokens == pytest.approx(free.thinking_tokens, rel=2e-3)


def test_an_erring_classifier_cuts_hard_queries_at_the_easy_cap():
    section = DifficultyClassifier(
        classes=(QueryClass(share=0.7, cap_tokens=1000.0), QueryClass(share=0.3)), accuracy=0.92
    )
    law = Mixture((0.7, 0.3), (Constant(400.0), Constant(8000.0)))
    found = effects(Policies(classifier=section), law).each[0]
    assert float(found.thinking.mean_tokens) == pytest.approx(0.7 * 400 + 0.3 * (0.92 * 8000 + 0.08 * 1000), rel=1e-3)
    assert float(found.cut.value) == pytest.approx(1 - 0.3 * 0.08 * (1 - 1000 / 8000), rel=1e-3)
    assert found.cut.low == pytest.approx(1 - 0.3 * 0.08, rel=1e-3) and found.cut.high == 1.0


def test_the_confusion_of_a_classifier_counts_every_query_once():
    section = DifficultyClassifier(
        classes=(QueryClass(share=0.5, recognised=0.9), QueryClass(share=0.3), QueryClass(share=0.2)), accuracy=0.8
    )
    table = confusion(section)
    assert table.sum(axis=1) == pytest.approx([0.5, 0.3, 0.2])
    assert np.diag(table) == pytest.approx([0.45, 0.24, 0.16])


def test_a_classifier_delays_every_query_and_is_on_the_bill():
    asked = classes("12k").replace("classes", "latency: 0.5 s, cost: 0.10 USD, classes")
    free, sorted_ = plans([scenario(classes("12k")), scenario(asked)])
    for name in ("ttft_s", "ttfo_s", "tta_s", "tta_p95_s"):
        assert sorted_.row[name] - free.row[name] == pytest.approx(0.5)
    line = next(one for one in sorted_.lines if one.name == "policies")
    assert float(line.usd_per_year) == pytest.approx(20 * 365 * 86400 * 0.10 / 1000)
    assert sorted_.row["annual_tco_usd"] == sum(one.usd_per_year for one in sorted_.lines)


def test_a_daily_quota_agrees_with_drawn_users():
    drawn = np.random.default_rng(3)
    days = np.array([drawn.lognormal(R1_THINKING.mu, R1_THINKING.sigma, n).sum() for n in drawn.poisson(20, 20_000)])
    served, stopped = spent(R1_THINKING, 1.0, 20.0, 40_000.0)
    assert stopped == pytest.approx((days > 40_000).mean(), abs=0.01)
    assert served == pytest.approx(np.minimum(days, 40_000).sum() / days.sum(), abs=0.01)


def test_a_quota_counts_every_sample_of_a_vote():
    one, four = (spent(R1_THINKING, samples, 20.0, 40_000.0) for samples in (1.0, 4.0))
    assert four[0] < one[0] and four[1] > one[1]
    voting = scenario("user_quota: {tokens: 40k, queries: 10}", "strategy: majority_vote, samples: 8")
    assert (
        demand_of(voting).thinking_tokens
        < demand_of(scenario("user_quota: {tokens: 40k, queries: 10}")).thinking_tokens
    )


def test_a_quota_saves_thinking_and_costs_the_answers_past_it():
    free, held = under("session_quota: {tokens: 20k, queries: 5}")
    share = float(held.thinking_tokens / free.thinking_tokens)
    found = accuracy_of(scenario("session_quota: {tokens: 20k, queries: 5}"))
    assert 0.5 < share < 1
    assert found.value == pytest.approx(0.6 * share) and found.high == 0.6 and found.status == "extrapolated"


def test_an_early_stop_saves_what_its_checks_do_not_write():
    free, stopped = under("early_stop: {saved: 40 %, check_every: 500, check_tokens: 50, accuracy_kept: 98 %}")
    assert stopped.thinking_tokens == pytest.approx(free.thinking_tokens * 0.6 * 1.1)
    found = accuracy_of(scenario("early_stop: {saved: 40 %, accuracy_kept: 98 %}"))
    assert (found.low, found.value, found.high) == pytest.approx((0.588, 0.588, 0.6))


def test_hits_of_an_answer_cache_never_reach_the_fleet():
    free, cached = plans([scenario(), scenario("answer_cache: {hit_rate: 50 %}")])
    half = loads(HEAD.replace("qps: 20", "qps: 10"), "x.yaml").having({"reasoning": scenario().reasoning})
    assert cached.row["gpus"] == plan(half).row["gpus"] < free.row["gpus"]
    assert cached.row["output_tokens"] == pytest.approx(free.row["output_tokens"] / 2)
    # Queries are those of the users, hits included.
    assert float(cached.row["usd_per_1k_queries"]) < float(free.row["usd_per_1k_queries"])
    assert accuracy_of(scenario("answer_cache: {hit_rate: 50 %, stale: 2 %}")).value == pytest.approx(0.6 * 0.99)


def test_a_cache_of_answers_needs_hits_of_67_to_80_percent_to_save_3_to_5_fold():
    for hits, saving in (("66.67 %", 3), ("80 %", 5)):
        free, cached = under(f"answer_cache: {{hit_rate: {hits}}}")
        assert free.output_tokens / cached.output_tokens == pytest.approx(saving, rel=1e-3)


def test_hits_of_a_trace_cache_are_read_in_place_of_written():
    free, cached = under("trace_cache: {hit_rate: 25 %}")
    assert cached.thinking_tokens == pytest.approx(0.75 * free.thinking_tokens)
    assert cached.prefill_tokens == pytest.approx(free.prefill_tokens + 0.25 * free.thinking_tokens)


def test_a_compressed_cache_holds_more_sequences_and_keeps_what_was_published():
    free, squeezed = plans([scenario(), scenario("kv_compression: {kept: 50 %}")])
    assert squeezed.row["concurrency"] > 1.5 * free.row["concurrency"]
    assert squeezed.row["gpus"] <= free.row["gpus"]
    tenth = accuracy_of(scenario("kv_compression: {kept: 10 %}"))
    assert (tenth.low, tenth.value, tenth.high) == pytest.approx((0.36, 0.6, 0.6))


def test_an_alert_at_twice_the_p95_fires_on_about_one_request_in_ninety_and_changes_nothing():
    threshold, share = alert(R1_THINKING)
    assert threshold == pytest.approx(2 * float(R1_THINKING.quantile_tokens(0.95)))
    assert share == pytest.approx(1 / 90, rel=0.05)
    free, watched = plans([scenario(), scenario("alert: {}")])
    assert {**free.row} == {**watched.row}
    assert any("times the p95" in said.source for said in watched.assumptions if said.value == "alert")


@pytest.mark.parametrize("strategy", ["majority_vote, samples: 8", "best_of_n, samples: 4", "refine", "mcts", "beam"])
def test_every_strategy_takes_every_policy(strategy):
    every = (
        f"answer_cache: {{hit_rate: 10 %}}, trace_cache: {{hit_rate: 10 %}}, hint: {{}}, {classes()}, "
        "user_quota: {tokens: 200k, queries: 20}, early_stop: {saved: 10 %}, kv_compression: {kept: 50 %}, alert: {}"
    )
    free, held = (plan(scenario(policies, f"strategy: {strategy}")) for policies in ("", every))
    assert held.row["thinking_tokens"] < free.row["thinking_tokens"]
    assert held.row["annual_tco_usd"] < free.row["annual_tco_usd"]
    assert 0 < held.row["accuracy"] < free.row["accuracy"]
    said = [one.value for one in held.assumptions if one.key == "reasoning.policies"]
    assert said == [
        "answer_cache",
        "trace_cache",
        "hint",
        "classifier",
        "user_quota",
        "early_stop",
        "kv_compression",
        "alert",
    ]


def test_without_thinking_only_what_is_not_on_thinking_acts():
    direct = loads(
        HEAD + "reasoning: {strategy: direct, policies: {hint: {}, answer_cache: {hit_rate: 20 %}}}", "x.yaml"
    )
    from capplan.reasoning.scene import options_of

    assert [one.name for one in under_policies(options_of(direct))[1].each] == ["answer_cache"]


def test_policies_hold_for_rows_of_a_sweep_as_arrays():
    asked = scenario(f"hint: {{}}, {classes()}, answer_cache: {{hit_rate: 20 %}}")
    made, row = varied(asked, {"workload.qps": np.array([20.0])}), plan(asked).row
    assert made.usd_per_year[0] == pytest.approx(float(row["annual_tco_usd"]))
    assert made.columns["tta_p99_s"][0] == pytest.approx(row["tta_p99_s"])


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(50, 5000), st.floats(0.1, 2.0)), min_size=1, max_size=4),
    st.floats(10, 20_000),
)
def test_a_mixture_keeps_the_laws_of_a_law(parts, cap):
    law = mixture([w for w, _, _ in parts], [Lognormal.from_mean_cv(mean, cv) for _, mean, cv in parts])
    shares = np.array([0.01, 0.5, 0.95, 0.999])
    quantiles = law.quantile_tokens(shares)
    assert np.all(np.diff(quantiles) >= 0)
    assert 1 - law.share_above(quantiles) == pytest.approx(shares, abs=1e-6)
    assert float(law.capped_mean_tokens(cap)) <= min(cap, float(law.mean_tokens)) * (1 + 1e-9)
    assert float(capped(law, cap).mean_tokens) == pytest.approx(float(law.capped_mean_tokens(cap)))


def test_four_bit_weights_keep_97_to_100_percent_of_a_large_model_and_94_of_a_small_one():
    assert quantization.kept("int4", "bf16", 70e9).ends == pytest.approx((0.97, 0.985, 1.0))
    assert quantization.kept("int4", "bf16", 70e9, "math-500").value == pytest.approx(0.999)
    assert quantization.kept("int4", "bf16", 1.5e9, "math-500").value == pytest.approx(0.94)
    assert quantization.kept("fp8", "fp8", 671e9).ends == (1.0, 1.0, 1.0)


def test_quantised_weights_lower_a_published_accuracy_and_not_ones_own():
    def right(weights: str, quality: str):
        text = HEAD.replace("weights: bf16", f"weights: {weights}").replace("{single_sample_accuracy: 60 %}", quality)
        return accuracy_of(loads(text, "x.yaml"))

    assert right("bf16", "{benchmark: aime-2024}").status == "published"
    four = right("int4", "{benchmark: aime-2024}")
    assert four.status == "extrapolated" and four.value == pytest.approx(0.555 * 0.985)
    assert right("int4", "{single_sample_accuracy: 60 %}").value == 0.6
    assert right("int4", "{single_sample_accuracy: 60 %, weights: bf16}").value == pytest.approx(0.6 * 0.985)


def test_a_given_accuracy_has_the_interval_of_its_problems():
    own = loads(HEAD.replace("60 %}", "60 %, problems: 500, direct_accuracy: 30 %}"), "x.yaml")
    found = accuracy_of(own)
    assert found.low == pytest.approx(0.563, abs=1e-3) and found.high == pytest.approx(0.635, abs=1e-3)
    direct = loads(HEAD.replace("60 %}", "60 %, direct_accuracy: 30 %}") + "reasoning: {strategy: direct}", "x.yaml")
    assert accuracy_of(direct).value == 0.3


@pytest.mark.parametrize(
    ("policies", "complaint"),
    [
        ("hint: {reduction: 120 %}", "at most"),
        ("answer_cache: {}", "hit_rate: a required key is missing"),
        ("kv_compression: {kept: 5 %}", "at least"),
        ("classifier: {classes: [{share: 50 %, cap: 1k}]}", "must make 100 %"),
        ("hints: {}", "did you mean 'hint'"),
    ],
)
def test_a_wrong_policy_is_told_at_its_place(policies, complaint):
    with pytest.raises(ScenarioFaults, match=complaint):
        scenario(policies)


def test_a_classifier_and_a_cap_for_all_contradict_each_other():
    with pytest.raises(ScenarioFaults, match="already gives every class its budget"):
        scenario(classes(), "strategy: long_thinking, thinking_budget: 4k")


def test_policies_survive_being_written_and_read_again(tmp_path):
    import yaml

    asked = scenario(f"hint: {{}}, {classes('2k', '90 %')}, alert: {{}}, user_quota: {{tokens: 1M, queries: 30}}")
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(asked.resolved()))
    assert load(tmp_path / "again.yaml") == asked


def test_effects_of_no_policy_leave_everything_as_it_is():
    options = Options()
    assert accuracy(options, QUERY, published.base("any", single_accuracy=0.74)).value == 0.74
    assert demand(options, QUERY) == demand(options, QUERY)
    assert not effects(Policies(), R1_THINKING).each


def test_a_classifier_of_one_class_takes_every_query_for_it():
    assert confusion(DifficultyClassifier(classes=(QueryClass(share=1.0),), accuracy=0.8)).tolist() == [[1.0]]


def test_hits_of_an_answer_cache_spare_the_verifier_too():
    judged = "{strategy: best_of_n, samples: 4, verifier: {model: qwen2.5-7b}"
    text = "version: 1\nmodel: deepseek-r1\nworkload: {qps: 10}\nreasoning: " + judged
    free, cached = (demand_of(loads(text + more, "x.yaml")).verifier
                    for more in ("}", ", policies: {answer_cache: {hit_rate: 75 %}}}"))  # fmt: skip
    for name in ("prefill_tokens", "requests", "decode_tokens"):
        assert getattr(cached, name) == pytest.approx(0.25 * getattr(free, name))
    assert cached.passes == free.passes  # a query that is thought about waits as long


def test_a_parameter_file_that_is_no_mapping_is_told(tmp_path, monkeypatch):
    folder = tmp_path / "quality"
    folder.mkdir()
    (folder / "odd.yaml").write_text("name: odd\ntitle: Odd\nrate: 5 %\n")
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    with pytest.raises(CatalogError, match="configs/quality: 'rate' must be a mapping"):
        published.law_range("odd", "rate")
