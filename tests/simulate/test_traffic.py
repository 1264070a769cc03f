"""Synthetic traffic: rates, burstiness, daily profiles and lengths come out as asked for."""

import numpy as np
import pytest

from capplan.errors import UserError
from capplan.reasoning.lengths import Constant, Lognormal, Quantiles
from capplan.simulate.requests import requests
from capplan.simulate.traffic.arrivals import Gaps, arrival_times, unit_gaps, weibull_shape
from capplan.simulate.traffic.generate import Traffic, TrafficClass, draw, generate, stopped_early

CHAT = TrafficClass("chat", 3, Lognormal.from_mean_cv(1000, 1.0), Constant(200.0))
MATHS = TrafficClass("maths", 1, Constant(100.0), Constant(300.0), Lognormal(6.774, 0.970), 4_096)


@pytest.mark.parametrize("law", [Gaps.GAMMA, Gaps.WEIBULL])
@pytest.mark.parametrize("cv", [0.3, 1.0, 2.3])
def test_gaps_have_mean_one_and_the_burstiness_asked_for(law, cv):
    gaps = unit_gaps(400_000, cv, law, np.random.default_rng(1))
    assert gaps.mean() == pytest.approx(1.0, rel=0.02)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.03)


def test_special_cases_of_gaps():
    rng = np.random.default_rng(1)
    assert unit_gaps(3, 0.0, Gaps.GAMMA, rng).tolist() == [1.0, 1.0, 1.0]
    assert weibull_shape(1.0) == pytest.approx(1.0)
    with pytest.raises(UserError, match="not Poisson"):
        unit_gaps(3, 2.0, Gaps.POISSON, rng)
    with pytest.raises(UserError, match="0 to 100"):
        unit_gaps(3, float("nan"), Gaps.GAMMA, rng)
    with pytest.raises(UserError, match="rate 0"):
        arrival_times(3, 0.0, rng)


def test_a_daily_profile_moves_arrivals_into_its_busy_hours_and_keeps_the_mean():
    profile = (0, 1, 3)
    arrival_s = arrival_times(90_000, 10.0, np.random.default_rng(1), law=Gaps.POISSON, profile=profile, period_s=900.0)
    assert arrival_s[-1] == pytest.approx(9_000, rel=0.02)
    thirds = np.bincount((arrival_s[arrival_s < 9_000] % 900 // 300).astype(int), minlength=3)
    assert thirds[0] == 0
    assert thirds[2] / thirds[1] == pytest.approx(3.0, rel=0.05)
    with pytest.raises(UserError, match="profile"):
        arrival_times(3, 1.0, np.random.default_rng(1), profile=(0, -1))


def test_classes_come_by_share_with_their_own_lengths():
    load = generate(Traffic(10.0, (CHAT, MATHS)), 40_000, seed=1)
    maths = load.class_index == 1
    assert maths.mean() == pytest.approx(0.25, abs=0.01)
    assert load.prompt_tokens[~maths].mean() == pytest.approx(1000, rel=0.03)
    assert (load.thinking_tokens[~maths] == 0).all()
    assert np.median(load.thinking_tokens[maths]) == pytest.approx(np.exp(6.774), rel=0.03)
    assert load.output_tokens.max() == 4_096  # thinking gives way, the answer stays whole
    assert ((load.output_tokens - load.thinking_tokens)[maths] == 300).all()


def test_the_same_seed_gives_the_same_requests_and_lengths_do_not_move_arrivals():
    traffic = Traffic(10.0, (CHAT,), burstiness=2.3)
    one, two = generate(traffic, 1000, seed=4), generate(traffic, 1000, seed=4)
    assert one.prompt_tokens.tobytes() == two.prompt_tokens.tobytes()
    other = generate(Traffic(10.0, (MATHS,), burstiness=2.3), 1000, seed=4)
    assert one.arrival_s.tobytes() == other.arrival_s.tobytes()
    assert one.arrival_s.tobytes() != generate(traffic, 1000, seed=5).arrival_s.tobytes()


def test_quantiles_with_a_known_mean_are_drawn_as_given():
    shares = np.random.default_rng(1).random(100_000)
    law = Quantiles((0.5, 0.99), (800.0, 12_000.0), known_mean_tokens=1_527.0)
    assert draw(law, shares).mean() == pytest.approx(1_527, rel=0.02)


def test_early_stopping_cuts_thinking_at_the_next_check_and_never_the_answer():
    load = requests(np.arange(1000.0), 10, 1300, 1000)
    cut = stopped_early(load, share=0.5, kept=0.45, check_tokens=200, seed=1, check_prompt_tokens=3)
    stopped = cut.thinking_tokens < 1000
    assert stopped.mean() == pytest.approx(0.5, abs=0.05)
    assert set(cut.thinking_tokens[stopped]) == {600}
    assert (cut.output_tokens - cut.thinking_tokens == 300).all()
    assert set(cut.prompt_tokens[stopped]) == {10 + 3 * 3}
    assert (stopped_early(load, 0.0, 0.5, 200, 1).output_tokens == load.output_tokens).all()
    with pytest.raises(UserError, match="early stopping"):
        stopped_early(load, 1.5, 0.5, 200, 1)
