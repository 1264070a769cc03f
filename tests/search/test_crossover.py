"""Where one model with reasoning exceeds another: the smallest K, exactly."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capplan.search.crossover import MOST_K, crossover


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(k_versus=st.integers(1, 3000))
def test_the_crossing_is_the_smallest_k_that_exceeds(planned, scenario, k_versus: int) -> None:
    asked = scenario("serving: {tensor_parallel: 2}")
    found = crossover(asked, "llama-3.1-8b", "llama-3.3-70b", k_versus)
    assert found.first_k["latency"] == k_versus + 1  # the planner by hand knows no difference between models


def test_a_crossing_beyond_what_is_searched_is_none(planned, scenario) -> None:
    asked = scenario("serving: {tensor_parallel: 2}")
    assert crossover(asked, "llama-3.1-8b", "llama-3.3-70b", MOST_K).first_k["latency"] is None


def test_plans_below_and_at_the_crossing_are_shown_with_the_first(planned, scenario) -> None:
    asked = scenario("serving: {tensor_parallel: 2}")
    found = crossover(asked, "llama-3.1-8b", "llama-3.3-70b", 20)
    shown = [plan.row["k"] for plan in found.plans]
    assert shown == sorted(shown) and {1, 20, 21} <= set(shown)
    assert found.versus.row["k"] == 20


def test_a_crossing_costs_few_plans(planned, scenario) -> None:
    crossover(scenario("serving: {tensor_parallel: 2}"), "llama-3.1-8b", "llama-3.3-70b", 1000)
    assert sum(planned) < 60
