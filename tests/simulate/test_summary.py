"""Figures of a run: intervals, targets, starvation, several pools."""

import numpy as np
import pytest

from capplan.engine.steptimes import textbook_step_times
from capplan.errors import UserError
from capplan.simulate.estimate import mean, percentile
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy
from capplan.simulate.pools import Pool, cascade, split
from capplan.simulate.requests import requests
from capplan.simulate.run import run
from capplan.simulate.summary import pool_summary, series, summaries


def test_intervals_cover_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(1)
    samples = rng.exponential(1.0, (400, 2_000))
    means = [mean(sample).holds(1.0) for sample in samples]
    medians = [percentile(sample, 0.5).holds(np.log(2)) for sample in samples]
    assert 0.91 <= np.mean(means) <= 0.98
    assert 0.91 <= np.mean(medians) <= 0.98


def test_a_run_too_short_for_a_percentile_gives_the_value_without_an_interval():
    values = np.arange(100.0)
    assert percentile(values, 0.99).low is None
    assert percentile(values, 0.99).value == pytest.approx(98.01)
    assert percentile(values, 0.5).low is not None
    assert mean(np.array([np.nan, 2.0])).value == 2.0
    assert np.isnan(mean(np.array([np.nan])).value)


def _seen():
    rng = np.random.default_rng(1)
    count = 4_000
    arrival_s = np.cumsum(rng.exponential(2.0, count))
    tokens = 1 + rng.geometric(1 / 60, count)
    load = requests(arrival_s, 10, tokens, 0, rng.integers(0, 2, count), ("a", "b"))
    served = run(load, textbook_step_times(0.1, 4, prefill_s_per_token=0.01))
    return served, outcome(served)


def test_everyone_comes_first_then_each_class_and_the_warm_up_is_cut():
    _, seen = _seen()
    everyone, a, b = summaries(seen, warm_up=0.25)
    assert [everyone.name, a.name, b.name] == ["all", "a", "b"]
    assert everyone.requests == a.requests + b.requests
    assert everyone.requests == pytest.approx(3_000, rel=0.05)
    figures = everyone.figures
    assert figures["tta_p50_s"].value < figures["tta_p95_s"].value < figures["tta_p99_s"].value
    assert figures["itl_mean_s"].value >= 0.1
    assert figures["ttft_p50_s"].value == figures["ttfo_p50_s"].value  # nobody thinks here
    with pytest.raises(UserError, match="warm-up"):
        summaries(seen, warm_up=1.0)


def test_goodput_counts_requests_that_meet_every_target():
    _, seen = _seen()
    loose, tight, both = (
        summaries(seen, 0.0, targets)[0] for targets in ({"tta": 1e9}, {"tta": 5.0}, {"tta": 5.0, "ttft": 0.2})
    )
    assert loose.goodput_share == 1.0
    assert tight.goodput_share == pytest.approx((seen.tta_s <= 5.0).mean())
    assert both.goodput_share < tight.goodput_share
    assert tight.goodput_per_s == pytest.approx(tight.goodput_share * tight.requests_per_s)
    with pytest.raises(UserError, match="target e2e"):
        summaries(seen, 0.0, {"e2e": 1.0})


def test_short_requests_behind_long_ones_are_seen_to_starve():
    rng = np.random.default_rng(1)
    arrival_s = np.cumsum(rng.exponential(1.0, 4_000))
    tokens = np.where(rng.random(4_000) < 0.5, 3, 101)
    times = textbook_step_times(0.01, 1)
    crowded = summaries(outcome(run(requests(arrival_s, 1, tokens), times)))[0]
    assert crowded.slowdown_short_p99.value > 20 * crowded.slowdown_long.value
    sharing = summaries(outcome(run(requests(arrival_s, 1, tokens), textbook_step_times(0.01, 8))))[0]
    assert sharing.slowdown_short_p99.value < 5


def test_the_pool_summary_knows_utilisation_littles_law_and_an_endless_queue():
    served, seen = _seen()
    pool = pool_summary(served, seen)
    assert pool.utilization == pytest.approx(1 - 0.05, abs=0.05)
    assert pool.little_gap < 1e-9
    assert pool.present == pytest.approx(seen.tta_s.sum() / served.totals.span_s)
    assert not pool.growing
    flood = run(requests(np.arange(4_000.0), 1, 31), textbook_step_times(0.1, 2))
    assert pool_summary(flood, outcome(flood)).growing


def test_the_series_follow_the_queue_and_stay_within_bounds():
    flood = run(requests(np.arange(4_000.0), 10, 31), textbook_step_times(0.1, 2, kv_capacity_tokens=1600))
    drawn = series(flood, 100)
    assert all(len(column) == 100 for column in drawn.values())
    assert drawn["running"].max() == 2
    last = int(np.searchsorted(drawn["time_s"], 3_999.0)) - 1
    assert drawn["waiting"].max() > 1_000
    assert drawn["waiting"][last] > 0.95 * drawn["waiting"].max()  # the queue is longest when arrivals end
    assert 0 < drawn["kv_share"].max() <= 1
    assert all(len(sampled) <= 1024 for sampled in flood.samples)


FAST, SLOW = textbook_step_times(0.1, 8), textbook_step_times(1.0, 8)


def test_a_split_serves_each_query_in_its_pool_after_the_classifier():
    arrival_s = np.arange(100.0) * 50
    pools = [
        Pool("fast", FAST, Policy(), requests(arrival_s, 1, 11)),
        Pool("deep", SLOW, Policy(), requests(arrival_s, 1, 31, 20)),
    ]
    choice = np.arange(100) % 2
    both = split(pools, choice, decision_s=0.5)
    assert both.outcome.tta_s[0] == pytest.approx(1.5)
    assert both.outcome.tta_s[1] == pytest.approx(30.5)
    assert both.outcome.ttfo_s[1] == pytest.approx(20.5)
    assert both.tier.tolist() == choice.tolist()
    with pytest.raises(UserError, match=r"one choice of 0 \.\. 1"):
        split(pools, choice + 1)


def test_a_cascade_pays_the_failed_tier_and_comes_to_the_next_one_late():
    arrival_s = np.array([0.0, 1.0])
    pools = [
        Pool("fast", FAST, Policy(), requests(arrival_s, 1, [51, 11])),
        Pool("deep", SLOW, Policy(), requests(arrival_s, 1, [31, 41], 20)),
    ]
    seen = cascade(pools, [np.array([False, False])], verify_s=0.25).outcome
    # The second query's prompt rides for 0.1 s; it fails first and comes to the second pool at 1 + 1.1 + 0.25 s.
    assert seen.tta_s[1] == pytest.approx(1.1 + 0.25 + 40)
    # The first comes there at 5.25 s, joins at the boundary at 5.35 s and needs a step for its prompt beside the other.
    assert seen.tta_s[0] == pytest.approx(5.35 + 1 + 30)
    assert seen.ttft_s.tolist() == pytest.approx([0.0, 0.0], abs=0.11)
    assert seen.ttfo_s[0] > 5.25 + 20
    assert seen.output_tokens.tolist() == [82, 52]
    settled = cascade(pools, [np.array([True, True])])
    assert list(settled.runs) == ["fast"]
    assert settled.outcome.tta_s[0] == pytest.approx(5.0)
    with pytest.raises(UserError, match="settles"):
        cascade(pools, [])
