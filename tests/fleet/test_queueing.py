"""Erlang, Allen-Cunneen and Hayward against closed forms and published tables."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from capplan.fleet.queueing import erlang_b, erlang_c, peaked_wait


def mean_wait_s(servers: ArrayLike, arrivals_per_s: ArrayLike, service_s: ArrayLike, service_cv: float = 1.0) -> Any:
    """Of Poisson arrivals."""
    return peaked_wait(servers, arrivals_per_s, service_s, 1.0, service_cv, 1.0)[1]


def _erlang_b_by_recursion(servers: int, load: float) -> float:
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


# Traffic tables: the offered load in erlang at which 1 % is blocked (ITU-T Teletraffic Engineering Handbook).
@pytest.mark.parametrize(
    ("servers", "load", "blocked"),
    [(1, 0.0101, 0.01), (5, 1.361, 0.01), (10, 4.461, 0.01), (20, 12.03, 0.01), (50, 37.90, 0.01), (100, 84.06, 0.01)],
)
def test_erlang_b_agrees_with_the_printed_traffic_tables(servers: int, load: float, blocked: float) -> None:
    assert float(erlang_b(servers, load)) == pytest.approx(blocked, rel=2e-3)


@pytest.mark.parametrize("servers", [1, 2, 3, 9, 15, 16, 40, 300, 5_000, 100_000])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999, 1.0, 1.2, 3.0])
def test_erlang_b_agrees_with_its_recursion_up_to_a_hundred_thousand_servers(servers: int, share: float) -> None:
    expected = _erlang_b_by_recursion(servers, servers * share)
    assert float(erlang_b(servers, servers * share)) == pytest.approx(expected, rel=1e-9, abs=1e-300)


# M/M/c: probability of waiting, from Gross & Harris, "Fundamentals of Queueing Theory", by the textbook formula.
@pytest.mark.parametrize(
    ("servers", "load", "waits"), [(2, 1.0, 1 / 3), (3, 2.0, 4 / 9), (4, 2.0, 4 / 23), (5, 4.0, 0.554112554)]
)
def test_erlang_c_agrees_with_worked_examples(servers: int, load: float, waits: float) -> None:
    assert float(erlang_c(servers, load)) == pytest.approx(waits, rel=1e-8)


def test_one_server_with_random_service_is_m_m_1() -> None:
    busy = np.linspace(0.05, 0.99, 20)
    np.testing.assert_allclose(erlang_c(1, busy), busy, rtol=1e-12)
    np.testing.assert_allclose(mean_wait_s(1, busy / 2.0, 2.0), 2.0 * busy / (1 - busy), rtol=1e-11)


@pytest.mark.parametrize("service_cv", [0.0, 0.5, 1.0, 2.5])
def test_one_server_with_poisson_arrivals_is_pollaczek_khinchine(service_cv: float) -> None:
    arrivals, service = 0.4, 2.0
    second_moment = service**2 * (1 + service_cv**2)
    expected = arrivals * second_moment / (2 * (1 - arrivals * service))
    assert float(mean_wait_s(1, arrivals, service, service_cv=service_cv)) == pytest.approx(expected, rel=1e-12)


def test_a_full_queue_waits_for_ever() -> None:
    assert np.all(np.isinf(mean_wait_s([1, 4, 64], [1.0, 4.0, 65.0], 1.0)))
    assert np.all(erlang_c([1, 4], [1.0, 9.0]) == 1.0)


def test_an_empty_queue_never_waits() -> None:
    assert float(mean_wait_s(3, 0.0, 1.0)) == 0.0
    assert float(erlang_b(3, 0.0)) == 0.0


@given(st.integers(1, 2_000), st.floats(0.01, 0.98), st.floats(0.01, 0.98))
def test_more_load_never_shortens_the_wait(servers: int, one: float, other: float) -> None:
    low, high = sorted((one * servers, other * servers))
    assert float(erlang_c(servers, low)) <= float(erlang_c(servers, high)) + 1e-12
    assert float(mean_wait_s(servers, low, 1.0)) <= float(mean_wait_s(servers, high, 1.0)) * (1 + 1e-9) + 1e-15


@given(st.integers(1, 500), st.floats(0.05, 0.95))
def test_two_halves_wait_longer_than_one_whole(servers: int, busy: float) -> None:
    apart = float(mean_wait_s(servers, busy * servers, 1.0))
    pooled = float(mean_wait_s(2 * servers, busy * 2 * servers, 1.0))
    assert pooled <= apart * (1 + 1e-9) + 1e-15


@pytest.mark.parametrize("servers", [0, -1, 2.5])
def test_a_part_of_a_server_is_refused(servers: float) -> None:
    with pytest.raises(ValueError, match="servers"):
        erlang_b(servers, 1.0)


def test_ten_thousand_rows_are_one_call_in_about_a_second() -> None:
    servers = np.arange(1, 10_001)
    wait = mean_wait_s(servers, servers * 0.9, 1.0)
    assert wait.shape == (10_000,)
    assert np.all(np.diff(wait) < 0)


@pytest.mark.parametrize("load", [-0.1, float("inf"), float("nan")])
def test_a_load_that_is_no_amount_is_refused(load: float) -> None:
    with pytest.raises(ValueError, match="load: finite numbers from 0 up"):
        erlang_c(2, [1.0, load])
