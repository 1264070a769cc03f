"""Autoscaling, failures and evictions: laws and simulations by hand."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.errors import UserError
from capplan.fleet.elastic import down_share, redone_factor, spares_for_availability, standing

parts = st.lists(st.integers(1, 50), min_size=2, max_size=48)


@given(parts, st.floats(0.0, 90_000.0))
@settings(deadline=None)
def test_what_stands_is_what_is_needed_and_what_starts_and_never_more_than_the_peak(
    needed: list[int], start_s: float
) -> None:
    kept = standing(needed, start_s)
    assert np.all(kept >= np.array(needed) - 1e-9) and kept.max() == pytest.approx(max(needed))


@given(parts, st.floats(0.0, 90_000.0), st.floats(0.0, 90_000.0))
@settings(deadline=None)
def test_slower_starts_never_need_fewer_replica_hours(needed: list[int], one_s: float, other_s: float) -> None:
    quick, slow = (standing(needed, s) for s in sorted((one_s, other_s)))
    assert np.all(quick <= slow + 1e-9)


def test_a_start_longer_than_a_part_looks_over_several() -> None:
    # Six hours to start in a day of four parts: what the next part needs stands all through this one.
    assert standing([1, 5, 2, 2], 6 * 3600.0).tolist() == [5, 5, 2, 2]
    assert standing([1, 5, 2, 2], 9 * 3600.0).tolist() == [5, 5, 2, 3.5]


@pytest.mark.parametrize(("replicas", "down"), [(1, 0.01), (10, 0.05), (60, 0.02), (200, 0.1)])
def test_spares_are_the_fewest_that_the_binomial_law_allows(replicas: int, down: float) -> None:
    def up(spares: int) -> float:
        total = replicas + spares
        return sum(comb(total, k) * down**k * (1 - down) ** (total - k) for k in range(spares + 1))

    spares = int(spares_for_availability(replicas, down, 0.999))
    assert up(spares) >= 0.999
    assert spares == 0 or up(spares - 1) < 0.999


def test_thousands_of_replicas_have_spares_for_three_deviations() -> None:
    # 20,000 replicas, 2 % down: 408 in the mean, deviation 20; 99.9 % is 3.09 of them.
    assert int(spares_for_availability(20_000, 0.02, 0.999)) == pytest.approx(408 + 3.09 * 20.2, abs=4)


def test_a_share_of_the_time_is_down_as_failures_and_repairs_say() -> None:
    assert float(down_share(1 / 3600, 3600)) == 0.5
    assert float(down_share(0.0, 3600)) == 0.0


def test_evicted_work_takes_as_long_as_a_simulation_of_it() -> None:
    rng, work_s, rate = np.random.default_rng(1), 900.0, 1 / 1200
    spent = []
    for _ in range(20_000):
        total = 0.0
        while (life := rng.exponential(1 / rate)) < work_s:
            total += life
        spent.append(total + work_s)
    assert redone_factor(work_s, rate) == pytest.approx(np.mean(spent) / work_s, rel=0.03)


def test_longer_chains_lose_a_larger_share() -> None:
    factors = redone_factor([10.0, 100.0, 1000.0], 1 / 3600)
    assert np.all(np.diff(factors) > 0) and redone_factor(10.0, 0.0) == 1.0


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="start_s"):
        standing([1, 2], -1.0)
    with pytest.raises(ValueError, match="availability"):
        spares_for_availability(3, 0.01, 1.0)
    with pytest.raises(ValueError, match="down"):
        spares_for_availability(3, 1.0, 0.99)


@pytest.mark.parametrize(("work_s", "evictions_per_s"), [(-1.0, 0.1), (1.0, -0.1), (float("nan"), 0.1)])
def test_work_and_evictions_below_nothing_are_refused(work_s: float, evictions_per_s: float) -> None:
    with pytest.raises(ValueError, match="from 0 up"):
        redone_factor([10.0, work_s], evictions_per_s)


def test_replicas_that_are_hardly_ever_up_have_no_number_of_spares() -> None:
    with pytest.raises(UserError, match=r"up 0\.0% of the time: no number of spares"):
        spares_for_availability(1000, 0.9999999, 0.999)
