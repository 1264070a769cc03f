"""Swings of the number in service and waits before the first token, against closed forms and hand-worked values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.fleet import mixture
from capplan.fleet.first_token import prompt_wait
from capplan.fleet.fluctuation import Traffic, averaged, number_cv2, pace_cv2, peakedness
from capplan.fleet.queueing import erlang_c, peaked_wait

positive = st.floats(0.1, 4.0)


def exponential(mean: float = 1.0) -> np.ndarray:
    return -mean * np.log(1 - mixture.SHARES)


def test_the_law_of_exponential_times_lingers_half_as_long_as_constant_ones() -> None:
    assert mixture.lingering(exponential()) == pytest.approx(0.5, abs=0.02)


def test_an_infinite_server_swings_by_its_peakedness() -> None:
    calm = Traffic(arrival_cv=3.0, prompt_cv=0.0, lingering=1.0, busy=0.0, slope=0.0, present=50.0)
    assert number_cv2(calm) == pytest.approx(peakedness(3.0, 1.0) / 50.0)


def test_processor_sharing_swings_as_its_closed_form() -> None:
    # M/M/1 processor sharing with a step a + b n: n / (a + b n) requests a second leave, and so the number in service
    # of a birth-death chain. Load 0.5 of the limit 1 / b = 100: slope = b n / (a + b n) = 0.5 at n = a / b.
    a, b, rate = 1.0, 0.01, 50.0
    n = np.arange(0, 1200)
    death = np.where(n > 0, n / (a + b * n), 0.0)
    log_share = np.concatenate([[0.0], np.cumsum(np.log(rate / death[1:]))])
    share = np.exp(log_share - log_share.max())
    share /= share.sum()
    mean = share @ n
    variance = share @ (n - mean) ** 2
    swings = number_cv2(Traffic(1.0, 0.0, 0.5, 0.0, 0.5, 100.0)) * 100.0**2
    assert mean == pytest.approx(100.0, rel=0.03)
    assert swings == pytest.approx(variance, rel=0.05)


@given(positive, positive, st.floats(0.05, 1), st.floats(0, 0.8), st.floats(0, 0.9), st.floats(5, 500))
@settings(deadline=None)
def test_more_bursts_or_fewer_in_service_swing_further(
    arrival_cv: float, prompt_cv: float, lingering: float, busy: float, slope: float, present: float
) -> None:
    one = Traffic(arrival_cv, prompt_cv, lingering, busy, slope, present)
    wilder = Traffic(arrival_cv + 1, prompt_cv, lingering, busy, slope, present)
    larger = Traffic(arrival_cv, prompt_cv, lingering, busy, slope, 2 * present)
    for cv2 in (number_cv2, pace_cv2):
        assert cv2(wilder) >= cv2(one)
        assert cv2(larger) == pytest.approx(cv2(one) / 2)
    assert averaged(2.0) < averaged(1.0) < 1


def test_prompts_with_free_decode_wait_as_in_a_queue_of_one_server() -> None:
    # Pollaczek-Khinchine: rate E[p^2] / (2 (1 - busy)); the gated queue makes all wait for what came with them.
    for busy in (0.05, 0.3, 0.6):
        wait = prompt_wait(busy, 0.0, 1.0, square=3.0, cube=15.0)
        alone = busy * 3.0 / (2 * (1 - busy))
        assert wait.mean_s == pytest.approx(alone * (1 + 2 * busy) / (1 + busy))
        assert wait.square_s2 >= np.square(wait.mean_s)


def test_behind_a_router_no_prompt_is_joined_by_more_than_a_few_however_long_it_is() -> None:
    def wait_s(square: float, joiners: float) -> float:
        return float(prompt_wait(1e-3, 0.0, 1.0, square, square**2, per_joiner=1 / joiners).mean_s)

    # Rare prompts of next to one length wait as alone; of ever more uneven ones, J for each wait as long as it takes.
    assert wait_s(1.0, 2.0) == pytest.approx(1e-3 / 2, rel=5e-3)
    assert wait_s(1e9, 2.0) == pytest.approx(2.0, rel=5e-3)
    assert wait_s(100.0, 1.0) < wait_s(100.0, 2.0) < wait_s(100.0, np.inf)


def test_evenly_spaced_equal_prompts_never_meet() -> None:
    wait = prompt_wait(0.4, 0.02, 1.0, gaps_cv2=0.0)
    assert (wait.chance, wait.mean_s) == (0.0, 0.0)
    assert wait.steady_s == pytest.approx(0.01)


def test_a_calm_many_server_queue_is_erlangs_and_a_peaked_one_waits_more_often() -> None:
    chance, mean_s = peaked_wait(40, 34.0, 1.0, 1.0, 1.0, 1.0)
    assert chance == pytest.approx(erlang_c(40, 34.0))
    assert mean_s == pytest.approx(erlang_c(40, 34.0) / 6)  # service over the servers that are free
    assert peaked_wait(40, 34.0, 1.0, 2.3, 1.0, 3.1)[0] > chance


def test_sums_of_normal_parts_have_the_percentile_of_a_normal_law() -> None:
    assert mixture.together(1.645 * 3, 1.645 * 4) == pytest.approx(1.645 * 5)


@given(st.floats(0.06, 1.0), st.floats(0.01, 10.0), st.floats(1.05, 30.0))
@settings(deadline=None)
def test_the_tail_of_a_wait_rises_with_the_share(chance: float, mean: float, ratio: float) -> None:
    square = ratio * mean**2 / chance
    p50, p95, p99 = (float(mixture.tail(which, chance, mean, square)) for which in ("p50", "p95", "p99"))
    assert 0 <= p50 <= p95 <= p99
