"""The simulator beside the plan that it shares its step times with."""

from pathlib import Path

import numpy as np
import pytest

from capplan.engine.layout import Layout
from capplan.engine.serving import Requests as MeanRequest
from capplan.engine.serving import decode_step_s
from capplan.engine.tabulate import step_times
from capplan.errors import UserError
from capplan.plan.deployment import deployment
from capplan.scenario import loader
from capplan.simulate.answer import answer
from capplan.simulate.policy import Preemption
from capplan.simulate.question import Question
from capplan.simulate.setup import setup
from capplan.simulate.study import Assumptions, serving_study
from capplan.simulate.study_telling import explained, rows

SCENARIOS = Path(__file__).parents[2] / "scenarios"
CHAT, RAG, DEFAULT = SCENARIOS / "templates/chat.yaml", SCENARIOS / "templates/rag.yaml", SCENARIOS / "default.yaml"
STUDY = SCENARIOS / "serving-study.yaml"


def _scenario(path: Path, *settings: str):
    return loader.load(path, list(settings))


@pytest.mark.parametrize("utilization", ["50 %", "70 %", "85 %"])
@pytest.mark.parametrize("path", [CHAT, RAG, DEFAULT], ids=lambda path: path.stem)
def test_the_planned_p95_time_to_answer_is_within_15_percent_of_the_simulated_one(path, utilization):
    found = answer(_scenario(path, f"workload.target_utilization={utilization}"), Question(requests=30_000, seed=1))
    p95 = next(row for row in found.rows if row["class"] == "all" and row["statistic"] == "p95")
    assert p95["planned_tta_s"] == pytest.approx(p95["tta_s"], rel=0.15)
    assert found.pools[0].little_gap < 1e-9
    assert not found.pools[0].growing


def test_tabulated_decode_steps_are_the_models_own_at_both_ends_of_the_context():
    replica = deployment(_scenario(DEFAULT)).replica(Layout(2, 1, 1, 1))
    mean = MeanRequest.of(2000.0, 1000.0)
    times = step_times(replica, mean)
    for sequences in (1, 8, 64, 256):
        for context in (2000.0, 2500.0, 3000.0):
            asked = MeanRequest(2000.0, 1000.0, 2000.0, context, 2500.0)
            line_s = times.decode_base_s[sequences] + times.decode_slope_s_per_token[sequences] * sequences * context
            tolerance = 1e-9 if context != 2500.0 else 0.02
            assert line_s == pytest.approx(float(decode_step_s(replica, sequences, asked)), rel=tolerance)
    assert min(np.diff(times.decode_base_s[1:])) >= -1e-9  # more sequences never make a faster step
    assert times.kv_capacity_tokens > 100_000


def test_spares_stand_by_and_a_verifiers_replicas_are_its_own():
    spared = setup(_scenario(CHAT, "serving.spare_replicas=3"))
    assert spared.policy.replicas == spared.plan.row["replicas"] - 3
    judged = setup(_scenario(CHAT, "reasoning={strategy: best_of_n, verifier: {model: llama-3.1-8b, pool: own}}"))
    assert judged.judge is not None and judged.judge.policy.replicas == judged.plan.row["verifier_replicas"]
    assert judged.policy.replicas == judged.plan.row["replicas"]


def test_a_model_that_leaves_no_room_for_kv_cannot_be_simulated():
    replica = deployment(_scenario(DEFAULT, "serving.weights=bf16")).replica(Layout(1, 1, 1, 1))
    with pytest.raises(UserError, match="no room for the KV cache"):
        step_times(replica, MeanRequest.of(2000.0, 1000.0))


def test_more_replicas_never_make_users_wait_longer():
    scenario = _scenario(CHAT)
    waits = [
        next(row["tta_s"] for row in answer(scenario, Question(requests=8_000, replicas=count)).rows)
        for count in (3, 4, 6, 10)
    ]
    assert waits == sorted(waits, reverse=True)


def test_the_same_question_has_the_same_answer_to_the_last_byte():
    one, two = (answer(_scenario(CHAT), Question(requests=3_000, seed=3)) for _ in range(2))
    assert one.rows == two.rows
    assert one.notes == two.notes
    assert one.rows != answer(_scenario(CHAT), Question(requests=3_000, seed=4)).rows


def test_a_trace_is_served_by_the_planned_replicas_and_gives_rows_by_class(tmp_path):
    path = tmp_path / "trace.csv"
    lines = [f"{at / 20},{500 + at % 7},{50 + at % 90},{'a' if at % 2 else 'b'}\n" for at in range(2_000)]
    path.write_text("timestamp,prompt_tokens,output_tokens,class\n" + "".join(lines))
    found = answer(_scenario(CHAT), Question(trace=path))
    assert {row["class"] for row in found.rows} == {"all", "a", "b"}
    assert "own CSV, 2,000 requests" in found.notes[0]
    assert all(row["planned_tta_s"] is None for row in found.rows)
    late = answer(_scenario(CHAT), Question(trace=path, rate_factor=30.0, replicas=1))
    assert late.pools[0].growing
    assert any("grows all the time" in note for note in late.notes)


def _mean(found, name="all", column="tta_s"):
    return next(row[column] for row in found.rows if row["class"] == name and row["statistic"] == "mean")


def test_scheduling_choices_change_who_waits(tmp_path):
    path = tmp_path / "trace.csv"
    lines = [f"{at / 40},500,{20 if at % 2 else 800},{'short' if at % 2 else 'long'}\n" for at in range(4_000)]
    path.write_text("timestamp,prompt_tokens,output_tokens,class\n" + "".join(lines))
    scenario = _scenario(CHAT, "serving.concurrency=32")
    plain = answer(scenario, Question(trace=path, replicas=3))
    first = answer(scenario, Question(trace=path, replicas=3, first_classes=("short",)))
    assert _mean(first, "short") < 0.5 * _mean(plain, "short")
    chunked = answer(scenario, Question(trace=path, replicas=3, checkpoint_tokens=100, preemption=Preemption.SWAP))
    assert _mean(chunked, "short") < _mean(plain, "short")
    tight = _scenario(STUDY)
    roomy = answer(tight, Question(requests=4_000, kv_kept=0.5))
    assert _mean(roomy) < _mean(answer(tight, Question(requests=4_000)))


def test_routed_queries_are_served_pool_by_pool_after_the_classifier():
    scenario = _scenario(SCENARIOS / "routing-70-30.yaml", "workload.qps=10")
    found = answer(scenario, Question(requests=20_000))
    p95 = {row["class"]: row for row in found.rows if row["statistic"] == "p95"}
    assert list(p95) == ["all", "fast", "deep"]
    assert p95["fast"]["requests"] / p95["all"]["requests"] == pytest.approx(0.668, abs=0.02)  # 8 % err
    assert (p95["fast"]["model"], p95["deep"]["model"]) == ("llama-3.1-8b", "llama-3.3-70b")
    assert p95["fast"]["tta_s"] < p95["deep"]["tta_s"]
    for name in ("fast", "deep"):
        assert p95[name]["planned_tta_s"] == pytest.approx(p95[name]["tta_s"], rel=0.15)
    slow = answer(
        _scenario(SCENARIOS / "routing-70-30.yaml", "workload.qps=10", "routing.classifier.latency=2 s"),
        Question(requests=20_000),
    )
    mean, late = (next(row for row in rows if row["statistic"] == "mean") for rows in (found.rows, slow.rows))
    assert late["ttft_s"] - mean["ttft_s"] == pytest.approx(2 - 0.008, rel=1e-6)
    assert {"fast_waiting", "deep_kv_share"} <= set(found.series)


def test_what_cannot_be_simulated_says_why():
    with pytest.raises(UserError, match="textbook engine"):
        setup(_scenario(CHAT, "serving.engine=textbook"))
    with pytest.raises(UserError, match="at least two replicas"):
        serving_study(setup(_scenario(STUDY, "workload.qps=0.05")), 100)
    with pytest.raises(UserError, match="do not think"):
        serving_study(setup(_scenario(RAG, "reasoning.strategy=direct")), 100)


@pytest.fixture(scope="module")
def study():
    return serving_study(setup(_scenario(STUDY)), 4_000, seed=1)


def test_each_measure_of_the_study_shortens_the_time_to_answer_and_all_together_most(study):
    standard, *others = study
    assert [finding.variant.name for finding in study][-1] == "all"
    assert all(finding.tta_mean_s.value < standard.tta_mean_s.value for finding in others)
    assert min(study, key=lambda finding: finding.tta_mean_s.value).variant.name == "all"
    assert max(study, key=lambda finding: finding.queries_per_s).variant.name == "all"
    assert {sum(map(sum, finding.replicas)) for finding in study} == {sum(map(sum, standard.replicas))}


def test_halving_the_kv_raises_throughput_where_the_article_has_it_fall(study):
    table = {row["configuration"]: row for row in rows(study)}
    assert table["KV compression"]["throughput_ratio"] > 1.2
    assert table["KV compression"]["published_throughput_ratio"] == pytest.approx(2200 / 2400)
    assert table["all"]["published_tta_p99_ratio"] == pytest.approx(31.4 / 68.5)
    assert "where the article has -8%" in explained(study)[1]


def test_a_study_without_any_measure_is_five_times_the_standard():
    nothing = Assumptions(kv_kept=1.0, settled_share=0.0, check_prompt_tokens=0)
    standard, squeezed, _, stopped, _ = serving_study(setup(_scenario(STUDY)), 1_000, 1, nothing)
    assert squeezed.tta_mean_s == standard.tta_mean_s
    assert stopped.tta_mean_s == standard.tta_mean_s
