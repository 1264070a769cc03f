"""Replicas for a waiting time: exact, and never fewer for more traffic, burstier arrivals or a tighter target."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.fleet.sizing import replicas_for_wait, slot_wait_percentile_s

rates = st.floats(0.1, 500)
targets = st.floats(0.01, 20)
variation = st.floats(0.3, 4)


@given(targets, st.integers(1, 64), rates, st.floats(0.1, 30), variation)
@settings(deadline=None)
def test_one_replica_fewer_would_wait_too_long(
    target: float, slots: int, qps: float, service: float, cv: float
) -> None:
    count = int(replicas_for_wait(target, slots, qps, service, 0.95, cv))
    assert float(slot_wait_percentile_s(count, slots, qps, service, 0.95, cv)) <= target
    if count > 1:
        assert float(slot_wait_percentile_s(count - 1, slots, qps, service, 0.95, cv)) > target


@given(rates, rates, variation, variation)
@settings(deadline=None)
def test_more_or_burstier_traffic_never_needs_fewer_replicas(one: float, other: float, cv: float, also: float) -> None:
    low, high = sorted((one, other))
    smooth, bursty = sorted((cv, also))
    few = int(replicas_for_wait(0.5, 8, low, 4.0, 0.95, smooth))
    assert few <= int(replicas_for_wait(0.5, 8, high, 4.0, 0.95, smooth))
    assert few <= int(replicas_for_wait(0.5, 8, low, 4.0, 0.95, bursty))


def test_a_sweep_is_one_call_and_agrees_with_its_rows() -> None:
    qps = np.array([0.5, 5.0, 50.0, 500.0])
    together = replicas_for_wait(0.2, 16, qps, 8.0, 0.99, 2.3)
    assert together.tolist() == [int(replicas_for_wait(0.2, 16, rate, 8.0, 0.99, 2.3)) for rate in qps]


def test_an_overloaded_fleet_waits_for_ever() -> None:
    assert np.isinf(slot_wait_percentile_s(1, 4, 4.0, 1.0, 0.5))
