"""Queries of several requests: rounds that wait for one another, shared prompts, verifiers, cascades."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from capplan.engine.steptimes import textbook_step_times
from capplan.errors import UserError
from capplan.reasoning.lengths import Constant, Lognormal
from capplan.reasoning.longest import longest_factor, longest_quantile
from capplan.reasoning.options import Options, Query, Verifier
from capplan.reasoning.rounds import Drawn, Round, rounds, thinking_law
from capplan.reasoning.strategy import demand
from capplan.scenario import loader
from capplan.simulate.answer import answer
from capplan.simulate.chain import run_chain
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy, Routing
from capplan.simulate.question import Question, Stopping
from capplan.simulate.requests import requests
from capplan.simulate.station import Station
from capplan.simulate.summary import pool_summary
from capplan.simulate.traffic.generate import draw

SCENARIOS = Path(__file__).parents[2] / "scenarios"
MANY = 4_000
STRATEGIES = {
    "direct": Options("direct"),
    "one call": Options("chain_of_thought"),
    "a call a step": Options("chain_of_thought", k=4.0, calls="per_step"),
    "long": Options("long_thinking", thinking=Lognormal(6.0, 0.8), thinking_budget_tokens=1_000.0),
    "vote": Options("majority_vote", samples=8.0),
    "adaptive vote": Options("majority_vote", samples=16.0, adaptive=True, single_accuracy=0.7),
    "best of four": Options("best_of_n", samples=4.0),
    "written verdicts": Options("best_of_n", samples=4.0, verifier=Verifier(decode_tokens=20.0)),
    "refine": Options("refine", rounds=2.0),
    "beam": Options("beam", width=2.0, depth=3.0),
    "tree": Options("tree_of_thought", keep=2.0),
    "mcts": Options("mcts", rollouts=6.0, depth=3.0),
}


def _drawn(options: Options, count: int = MANY, seed: int = 1) -> Drawn:
    rng = np.random.default_rng(seed)
    shares = rng.random((2, count))
    answer = draw(Lognormal(5.0, 0.5), shares[0])
    return Drawn(np.full(count, 700), draw(thinking_law(options), shares[1], least=0), answer, rng)


def _queries(gap_s: float, count: int, seed: int = 2):
    return requests(np.cumsum(np.random.default_rng(seed).exponential(gap_s, count)), 1, 1)


@pytest.mark.parametrize("name", STRATEGIES)
def test_drawn_rounds_ask_in_the_mean_for_what_the_plan_takes(name):
    options = STRATEGIES[name]
    asked = demand(options, Query(Constant(700.0), Lognormal(5.0, 0.5)))
    made = rounds(options, _drawn(options))
    written = sum(float(one.output_tokens.sum()) for one in made) / MANY
    # A scoring head's verdict counts as one token here and as none in the plan.
    verdicts = sum(one.prompt_tokens.size for one in made if one.judging and one.output_tokens.max() == 1) / MANY
    assert written - verdicts == pytest.approx(float(asked.output_tokens), rel=0.03)
    assert sum(one.prompt_tokens.size for one in made) / MANY == pytest.approx(float(asked.requests), rel=0.03)


def test_what_pieces_say_a_prompt_begins_with_is_no_longer_than_the_prompt():
    for options in STRATEGIES.values():
        for made in rounds(options, _drawn(options, 50)):
            begun = sum((tokens for _, tokens in made.pieces), np.zeros(len(made.who), dtype=np.int64))
            assert (begun[:, None] <= made.prompt_tokens).all()
            assert all(len(names) == made.requests for names, _ in made.pieces)


@pytest.mark.parametrize("samples", [2, 8])
def test_the_longest_of_n_takes_as_long_simulated_as_planned(samples):
    options = Options("majority_vote", samples=float(samples), thinking=Constant(2_000.0))
    drawn = Drawn(*(np.full(MANY, tokens) for tokens in (10, 2_000, 500)), np.random.default_rng(3))
    times = textbook_step_times(1.0, samples)  # whatever runs beside, a token takes a second
    arrival_s = np.arange(MANY) * 1e5  # each query alone
    seen, _ = run_chain(requests(arrival_s, 10, 1), rounds(options, drawn), [Station(times, Policy())])
    assert seen.tta_s.mean() == pytest.approx(2_500 * float(longest_factor(samples, options.sample_cv)), rel=0.01)
    for share in (0.5, 0.95, 0.99):
        expected = 2_500 * float(longest_quantile(samples, options.sample_cv, share))
        assert np.quantile(seen.tta_s, share) == pytest.approx(expected, rel=0.02)
    asked = demand(options, Query(Constant(10.0), Constant(500.0)))
    assert np.quantile(seen.tta_s, 0.95) == pytest.approx(float(asked.sequential_p95_tokens), rel=0.02)


def _round(prompt: int, outputs: list[int], **more: object) -> Round:
    shape = (1, len(outputs))
    pieces = (((0,) * len(outputs), np.array([prompt])),)
    written = np.array([outputs])
    return Round(np.array([0]), np.full(shape, prompt), written, np.zeros(shape, np.int64), pieces, **more)


def test_samples_read_their_prompt_once_and_the_verdict_waits_for_the_longest():
    times = textbook_step_times(1.0, 8, prefill_s_per_token=0.01, kv_block_tokens=10)
    judge = textbook_step_times(0.5, 8, prefill_s_per_token=0.002, kv_block_tokens=10)
    samples = _round(100, [11, 21, 6], forked=True)
    verdict = replace(_round(120, [3, 3, 3]), judging=True)
    seen, (wrote, judged) = run_chain(
        requests([5.0], 100, 1), [samples, verdict], [Station(times, Policy()), Station(judge, Policy())]
    )
    # One read of 100 tokens, of which the others need but the last token; then 20 steps to the end of the longest.
    read_s = 0.01 * (100 + 1 + 1)
    assert wrote.done_s.max() == pytest.approx(5 + read_s + 20)
    # The verifier reads 120 tokens once in the step of its first token, and writes two more.
    assert seen.tta_s[0] == pytest.approx(read_s + 20 + 0.002 * (120 + 1 + 1) + 2 * 0.5)
    assert seen.ttft_s[0] == pytest.approx(read_s)
    assert seen.itl_s[0] == pytest.approx(1.0)
    assert seen.output_tokens[0] == 11 + 21 + 6
    assert judged.requests.arrival_s.tolist() == pytest.approx([5 + read_s + 20] * 3)


def test_samples_hold_their_prompts_kv_once():
    times = textbook_step_times(1.0, 4, kv_block_tokens=10, kv_capacity_tokens=200)
    tight = [Station(times, Policy(watermark=0.0))]
    _, (together,) = run_chain(requests([0.0], 100, 1), [_round(100, [5] * 4, forked=True)], tight)
    assert together.admitted_s.max() == 0.0
    _, (apart,) = run_chain(requests([0.0], 100, 1), [_round(100, [5] * 4)], tight)
    assert apart.admitted_s.max() > 0.0


def test_later_rounds_find_what_earlier_ones_read_and_wrote_where_prefixes_are_cached():
    options = Options("chain_of_thought", k=3.0, tokens_per_step=100.0, calls="per_step")
    drawn = Drawn(*(np.array([tokens]) for tokens in (200, 300, 50)), np.random.default_rng(0))
    times = textbook_step_times(1.0, 2, prefill_s_per_token=0.01, kv_block_tokens=10)
    steps_s = 99 + 99 + 149
    for caches, read in ((False, 200 + 300 + 400), (True, 200 + 1 + 1)):
        seen, _ = run_chain(requests([0.0], 200, 1), rounds(options, drawn), [Station(times, Policy(), caches)])
        assert seen.tta_s[0] == pytest.approx(steps_s + 0.01 * read)


@pytest.mark.parametrize("caches", [False, True])
@pytest.mark.parametrize("name", STRATEGIES)
def test_skipping_ahead_agrees_with_every_step_and_littles_law_holds(name, caches):
    options = STRATEGIES[name]
    queries = _queries(8.0, 60)
    made = rounds(options, _drawn(options, 60))
    times = textbook_step_times(
        0.01, 24, step_s_per_sequence=1e-4, step_s_per_context_token=1e-7, prefill_s_per_token=5e-5,
        kv_capacity_tokens=30_000, max_batched_tokens=1_024,
    )  # fmt: skip
    policy = Policy(replicas=2, routing=Routing.PREDICTED_LENGTH)
    stations = [Station(replace(times, arrival_s=0.02), policy, caches), Station(times, Policy())]
    stations = stations[: 1 + any(one.judging for one in made)]
    fast, runs = run_chain(queries, made, stations, seed=1)
    slow, _ = run_chain(queries, made, stations, seed=1, exact=True)
    for column in ("ttft_s", "ttfo_s", "itl_s", "tta_s", "wait_s"):
        np.testing.assert_allclose(getattr(fast, column), getattr(slow, column), rtol=1e-8, atol=1e-8)
    for served in runs:
        assert pool_summary(served, outcome(served)).little_gap < 1e-9
    assert (fast.ttft_s <= fast.ttfo_s + 1e-9).all()
    assert (fast.ttfo_s <= fast.tta_s + 1e-9).all()
    assert (fast.alone_s > 0).all()


SAMPLED = {
    "vote": ["reasoning.strategy=majority_vote"],
    "best of n": ["reasoning.strategy=best_of_n"],
    "own verifier": ["reasoning.strategy=best_of_n", "reasoning.verifier={model: llama-3.1-8b, pool: own}"],
    "a call a step": ["reasoning.calls=per_step", "serving.prefix_cache_hit_rate=30 %"],
    "tree": ["reasoning.strategy=tree_of_thought", "serving.prefix_cache_hit_rate=30 %"],
}


@pytest.mark.parametrize("name", SAMPLED)
def test_planned_times_to_answer_of_queries_of_several_requests_are_near_the_simulated_ones(name):
    scenario = loader.load(SCENARIOS / "default.yaml", ["workload.qps=3", *SAMPLED[name]])
    found = answer(scenario, Question())
    assert not any(pool.growing for pool in found.pools)
    assert all(pool.little_gap < 1e-9 for pool in found.pools)
    for statistic in ("mean", "p95"):
        row = next(row for row in found.rows if row["statistic"] == statistic)
        assert row["planned_tta_s"] == pytest.approx(row["tta_s"], rel=0.2)


@pytest.mark.parametrize(
    "policy",
    [
        "{early_stop: {saved: 40 %}}",
        "{answer_cache: {hit_rate: 30 %}}",
        "{kv_compression: {kept: 50 %}}",
        "{classifier: {latency: 2 s, classes: [{share: 60 %, cap: 500}, {share: 40 %}]}}",
    ],
)
def test_policies_on_thinking_act_in_the_simulation_as_in_the_plan(policy):
    scenario = loader.load(SCENARIOS / "default.yaml", ["workload.qps=5", f"reasoning.policies={policy}"])
    found = answer(scenario, Question())
    for statistic in ("mean", "p95"):
        row = next(row for row in found.rows if row["statistic"] == statistic)
        assert row["planned_tta_s"] == pytest.approx(row["tta_s"], rel=0.2)
        assert row["planned_ttfo_s"] == pytest.approx(row["ttfo_s"], rel=0.2)
    plain = answer(loader.load(SCENARIOS / "default.yaml", ["workload.qps=5"]), Question())
    assert sum(plan.row["replicas"] for plan in found.plans) < plain.plans[0].row["replicas"]


def test_a_cascade_settles_the_shares_and_the_others_pay_twice():
    scenario = loader.load(SCENARIOS / "routing-70-30.yaml", ["workload.qps=40"])
    parted, tried = (answer(scenario, Question(requests=6_000, cascade=way)) for way in (False, True))
    mean = {row["class"]: row for row in tried.rows if row["statistic"] == "mean"}
    routed = {row["class"]: row for row in parted.rows if row["statistic"] == "mean"}
    assert mean["fast"]["requests"] / mean["all"]["requests"] == pytest.approx(0.7, abs=0.02)
    # Who comes to the second tier has waited for the first one, which all queries pass.
    assert mean["deep"]["tta_s"] > routed["deep"]["tta_s"] + 0.8 * mean["fast"]["tta_s"]
    assert tried.plans[0].row["replicas"] > parted.plans[0].row["replicas"]
    assert mean["fast"]["planned_tta_s"] == pytest.approx(mean["fast"]["tta_s"], rel=0.15)
    assert mean["deep"]["planned_tta_s"] is None
    with pytest.raises(UserError, match="routing section"):
        answer(loader.load(SCENARIOS / "default.yaml", []), Question(cascade=True))


def test_a_tier_that_votes_escalates_like_any_other():
    vote = "routing.tiers.0.reasoning={strategy: majority_vote, samples: 3, k: 1}"
    scenario = loader.load(SCENARIOS / "routing-70-30.yaml", ["workload.qps=5", vote])
    found = answer(scenario, Question(requests=2_000, cascade=True))
    assert any("majority_vote makes 3 requests in up to 1 rounds" in note for note in found.notes)
    p50 = {row["class"]: row["tta_s"] for row in found.rows if row["statistic"] == "p50"}
    assert p50["deep"] > p50["fast"]


def test_more_requests_than_are_held_at_once_are_refused_before_they_are_drawn():
    scenario = loader.load(SCENARIOS / "default.yaml", ["reasoning.strategy=mcts"])
    with pytest.raises(UserError, match="97 each"):
        answer(scenario, Question(requests=100_000))
    with pytest.raises(UserError, match="judged anyway"):
        answer(scenario, Question(requests=10, stopping=Stopping(0.5)))


def test_early_stopping_and_a_daily_profile_are_seen_in_the_run():
    study = loader.load(SCENARIOS / "serving-study.yaml", [])
    usual, stopped = (answer(study, Question(requests=3_000, stopping=way)) for way in (None, Stopping(0.75)))
    assert stopped.rows[0]["output_tokens_per_s"] < 0.9 * usual.rows[0]["output_tokens_per_s"]
    assert stopped.rows[0]["tta_s"] < usual.rows[0]["tta_s"]
    assert stopped.rows[0]["planned_tta_s"] is None
    found = answer(
        loader.load(SCENARIOS / "default.yaml", ["workload.qps=0.2", "workload.day=[1, 3]"]), Question(day=True)
    )
    waiting = found.series["time_s"], found.series["running"]
    night, day = waiting[0] < 43_200, (waiting[0] >= 43_200) & (waiting[0] < 86_400)
    assert waiting[1][day].mean() == pytest.approx(3 * waiting[1][night].mean(), rel=0.15)
