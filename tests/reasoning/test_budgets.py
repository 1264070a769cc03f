"""Budgets, cascades, and the measures that change tokens, cache, load and accuracy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.errors import UserError
from capplan.reasoning import budgets, effects, published
from capplan.reasoning.cascade import Tier, cascade, routed_multiplier
from capplan.reasoning.demand import accuracy, demand
from capplan.reasoning.lengths import Constant, Lognormal
from capplan.reasoning.options import Options, Query

R1_THINKING = Lognormal.from_mean_cv(1072.0, 1.5)


def test_a_cap_saves_more_cache_than_tokens():
    effect = budgets.capped(R1_THINKING, np.array([500.0, 2000.0, 8000.0]))
    assert np.all(effect.kv_saved > effect.saved)
    assert np.all(np.diff(effect.saved) < 0) and np.all(np.diff(effect.cut) < 0)


def test_eight_thousand_tokens_capped_at_one_or_two_thousand_save_75_to_87_5_percent():
    assert budgets.capped(Constant(8000.0), np.array([2000.0, 1000.0])).saved.tolist() == [0.75, 0.875]


def test_a_classifier_that_errs_cuts_hard_queries_at_the_easy_cap():
    classes = [budgets.QueryClass(0.7, Constant(400.0), 1000.0), budgets.QueryClass(0.3, Constant(8000.0), 16000.0)]
    perfect, erring = (budgets.classified(classes, right) for right in (1.0, 0.92))
    assert float(perfect.cut) == 0 and float(perfect.saved) == pytest.approx(0)
    assert float(erring.cut) == pytest.approx(0.3 * 0.08)
    assert float(erring.thinking_tokens) == pytest.approx(0.7 * 400 + 0.3 * (0.92 * 8000 + 0.08 * 1000))


def test_classes_that_do_not_make_100_percent_are_refused():
    with pytest.raises(UserError, match="make 100 %"):
        budgets.classified([budgets.QueryClass(0.5, Constant(1.0), 1.0)], 0.9)


def test_a_daily_quota_agrees_with_drawn_users():
    drawn = np.random.default_rng(3)
    days = np.array([drawn.lognormal(R1_THINKING.mu, R1_THINKING.sigma, n).sum() for n in drawn.poisson(20, 20_000)])
    found = budgets.quota(R1_THINKING, 20.0, 40_000.0)
    assert found.users_stopped == pytest.approx((days > 40_000).mean(), abs=0.01)
    assert found.served == pytest.approx(np.minimum(days, 40_000).sum() / days.sum(), abs=0.01)


def test_an_alert_at_twice_the_p95_fires_on_about_one_request_in_ninety():
    threshold, share = budgets.alert(R1_THINKING)
    assert threshold == pytest.approx(2 * float(R1_THINKING.quantile_tokens(0.95)))
    assert share == pytest.approx(1 / 90, rel=0.05)


def test_published_length_control_saves_39_to_56_percent():
    found = budgets.hint_reduction()
    assert found.ends == pytest.approx((0.394, 0.5, 0.557))


def test_a_hint_halves_thinking_and_leaves_the_answer():
    options, query = Options(thinking=R1_THINKING), Query(Constant(2048.0), Constant(300.0))
    shorter = demand(effects.hint().on_options(options), query)
    assert float(shorter.thinking_tokens) == pytest.approx(0.5 * 1072, rel=1e-3)
    assert shorter.answer_tokens == 300


def test_a_cache_of_answers_needs_hits_of_67_to_80_percent_to_save_3_to_5_fold():
    assert [round(effects.hit_rate_needed(x), 2) for x in (3, 5)] == [0.67, 0.80]
    assert effects.answer_cache(0.8).load == pytest.approx(1 / 5)
    assert effects.answer_cache(0.5, stale=0.02).accuracy.value == pytest.approx(0.99)


def test_four_bit_weights_keep_97_to_100_percent_of_a_large_model_and_94_of_a_small_one():
    large, small = effects.quantization("int4", 70e9), effects.quantization("int4", 1.5e9)
    assert large.accuracy.ends == pytest.approx((0.97, 0.985, 1.0))
    assert small.accuracy.value == pytest.approx(0.94)
    with pytest.raises(UserError, match="'int2'"):
        effects.quantization("int2", 70e9)


def test_kv_compression_keeps_what_was_published_and_refuses_what_was_not():
    assert effects.kv_compression(0.1).accuracy.ends == pytest.approx((0.6, 1.0, 1.0))
    assert effects.kv_compression(1.0).accuracy.ends == pytest.approx((1.0, 1.0, 1.0))
    with pytest.raises(UserError, match="from 10 %"):
        effects.kv_compression(0.05)


def test_effects_multiply_demand_and_accuracy_and_lower_the_status():
    options, query = Options(), Query(Constant(2048.0), Constant(300.0))
    asked, base = demand(options, query), published.base("any", single_accuracy=0.74)
    found = accuracy(options, asked, base)
    squeezed = effects.kv_compression(0.5)
    assert squeezed.on_demand(asked).kv_peak_tokens == 0.5 * asked.kv_peak_tokens
    assert squeezed.on_demand(asked).output_tokens == asked.output_tokens
    assert squeezed.on_accuracy(found).status == "extrapolated"
    assert effects.Effect("none").on_accuracy(found) is found


@pytest.mark.parametrize("bad", [-0.1, 1.0, 1.5, math.nan])
def test_rates_outside_0_to_1_are_refused(bad):
    with pytest.raises(UserError, match="hit_rate"):
        effects.answer_cache(bad)


def test_a_cascade_pays_the_failed_tier_first():
    found = cascade([Tier(0.6, 1.0, keeps_right=0.95, keeps_wrong=0.1), Tier(0.85, 20.0)])
    onward = 1 - 0.6 * 0.95 - 0.4 * 0.1
    assert found.reached == pytest.approx((1.0, onward))
    assert found.cost == pytest.approx(1.0 + onward * 20)


def test_queries_that_escalate_are_harder_than_the_average():
    tiers = [Tier(0.6, 1.0, keeps_right=0.95, keeps_wrong=0.1), Tier(0.85, 20.0)]
    alike, unlike = cascade(tiers, np.inf), cascade(tiers, 1.2)
    assert unlike.accuracy < alike.accuracy


@given(st.floats(0.05, 1.0), st.floats(1.0, 1e6))
def test_a_split_never_saves_more_than_the_inverse_of_its_hard_share(hard, ratio):
    assert routed_multiplier(hard, ratio) <= 1 / hard + 1e-9


def test_an_80_20_split_never_saves_five_fold():
    assert routed_multiplier(0.2, 1e12) <= 5.0
    assert round(routed_multiplier(0.2, 50.0), 2) == 4.63


@settings(deadline=None, max_examples=40)
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
