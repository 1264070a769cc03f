"""Whole replicas, whole nodes: laws that every fleet keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.fleet.replicas import fleet, nodes_needed, replicas_needed, smallest_count

rates = st.floats(0.001, 1e5)
caps = st.floats(0.05, 1.0)


@given(rates, rates, rates, caps)
def test_more_traffic_never_needs_fewer_replicas(one: float, other: float, capacity: float, cap: float) -> None:
    low, high = sorted((one, other))
    assert replicas_needed(low, capacity, cap) <= replicas_needed(high, capacity, cap)


@given(rates, rates, caps, caps)
def test_a_lower_utilization_cap_never_needs_fewer_replicas(qps: float, capacity: float, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert replicas_needed(qps, capacity, low) >= replicas_needed(qps, capacity, high)


@given(rates, rates, caps)
def test_the_peak_never_overfills_the_replicas_nor_would_one_fewer_do(qps: float, capacity: float, cap: float) -> None:
    count = int(replicas_needed(qps, capacity, cap))
    assert count * capacity * cap >= qps * (1 - 1e-6)
    assert count == 1 or (count - 1) * capacity * cap < qps


@given(st.integers(1, 10_000), st.integers(1, 64), st.sampled_from([1, 4, 8, 72]))
def test_nodes_hold_all_their_replicas(replicas: int, size: int, node: int) -> None:
    nodes = int(nodes_needed(replicas, size, node))
    assert nodes * node >= replicas * size
    if size <= node:
        assert (nodes - 1) * (node // size) < replicas


def test_redundancy_adds_whole_replicas() -> None:
    assert replicas_needed([0, 10, 100], 10.0, 1.0, redundancy=2).tolist() == [0, 3, 12]


def test_rounding_noise_buys_no_extra_replica() -> None:
    assert int(replicas_needed(0.1 + 0.2, 0.1, 1.0)) == 3


def test_the_fleet_counts_idle_gpus_of_its_nodes() -> None:
    plan = fleet(50, 100, 12.5, gpus_per_replica=3, node_gpus=8, max_utilization=0.8)
    assert (int(plan.replicas), int(plan.nodes), int(plan.gpus)) == (10, 5, 40)
    assert float(plan.utilization) == pytest.approx(50 / 125)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [((1, 0.0, 0.5), "requests_per_s"), ((1, 1, 0.0), "max_util"), ((1, 1, 1.5), "max_util"), ((-1, 1, 1), "qps")],
)
def test_a_fleet_without_capacity_is_refused(arguments: tuple[float, float, float], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        replicas_needed(*arguments)


def test_the_smallest_count_is_exact_for_every_element() -> None:
    need = np.array([1, 2, 3, 64, 65, 1_000_003])
    assert smallest_count(lambda n: n >= need, np.ones(6, int)).tolist() == need.tolist()
    assert int(smallest_count(lambda n: n < 0, 1, limit=1000)) == -1


@pytest.mark.parametrize(("size", "node"), [(0, 8), (8, 0), ([1, 0], 8)])
def test_replicas_and_nodes_have_at_least_one_gpu(size: object, node: int) -> None:
    with pytest.raises(ValueError, match="1 or more are needed"):
        nodes_needed(5, size, node)
