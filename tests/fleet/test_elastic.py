"""Autoscaling, failures and evictions: laws and simulations by hand."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.fleet.elastic import (
    autoscaled_share,
    lost_tokens,
    redone_factor,
    spares_for_availability,
    standing_replicas,
)

profiles = st.lists(st.floats(0.05, 5.0), min_size=2, max_size=48)


@given(profiles, st.floats(1.0, 500.0), st.floats(0.0, 7200.0))
@settings(deadline=None)
def test_an_autoscaled_fleet_always_carries_the_load_and_never_exceeds_the_peak(
    profile: list[float], qps: float, start_s: float
) -> None:
    kept = standing_replicas(profile, qps, 5.0, 0.8, start_s=start_s)
    rates = qps * np.array(profile) / np.mean(profile)
    assert np.all(kept * 5.0 * 0.8 >= rates * (1 - 1e-6))
    assert kept.max() == standing_replicas(profile, qps, 5.0, 0.8).max()
    assert 0 < autoscaled_share(kept) <= 1


@given(profiles, st.floats(0.0, 7200.0), st.floats(0.0, 7200.0))
@settings(deadline=None)
def test_slower_starts_never_need_fewer_replica_hours(profile: list[float], one_s: float, other_s: float) -> None:
    quick, slow = (standing_replicas(profile, 50.0, 2.0, start_s=s) for s in sorted((one_s, other_s)))
    assert np.all(quick <= slow)


@pytest.mark.parametrize(("replicas", "down"), [(1, 0.01), (10, 0.05), (60, 0.02), (200, 0.1)])
def test_spares_are_the_fewest_that_the_binomial_law_allows(replicas: int, down: float) -> None:
    def up(spares: int) -> float:
        total = replicas + spares
        return sum(comb(total, k) * down**k * (1 - down) ** (total - k) for k in range(spares + 1))

    rate, repair_s = 1e-5, down / (1 - down) / 1e-5
    spares = int(spares_for_availability(replicas, rate, repair_s, 0.999))
    assert up(spares) >= 0.999
    assert spares == 0 or up(spares - 1) < 0.999


def test_evicted_work_takes_as_long_as_a_simulation_of_it() -> None:
    rng, work_s, rate = np.random.default_rng(1), 900.0, 1 / 1200
    spent = []
    for _ in range(20_000):
        total = 0.0
        while (life := rng.exponential(1 / rate)) < work_s:
            total += life
        spent.append(total + work_s)
    assert redone_factor(work_s, rate) == pytest.approx(np.mean(spent) / work_s, rel=0.03)


def test_longer_chains_lose_a_larger_share_and_checkpoints_save_them() -> None:
    factors = redone_factor([10.0, 100.0, 1000.0], 1 / 3600)
    assert np.all(np.diff(factors) > 0)
    assert redone_factor(1000.0, 1 / 3600, 50.0) < factors[1]
    assert lost_tokens(1000, 0.02, 0.0) == 0


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="profile"):
        standing_replicas([0.0, 0.0], 1.0, 1.0)
    with pytest.raises(ValueError, match="availability"):
        spares_for_availability(3, 1e-6, 3600.0, 1.0)
