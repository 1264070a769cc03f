"""Routing over pools: each sized by itself, the fleet their sum, beside every tier serving all."""

import pytest

from capplan.errors import UserError
from capplan.search.route import route

ROUTING = """
routing:
  classifier: {latency: 8 ms}
  tiers:
    - {name: fast, share: 70 %, model: llama-3.1-8b, reasoning: {k: 1}}
    - {name: deep, share: 30 %, reasoning: {k: 4}}
"""


def by_pool(routed) -> dict[object, object]:
    return {row["pool"]: row for row in routed.rows}


def test_the_fleet_is_the_sum_of_its_pools_to_the_cent(planned, scenario) -> None:
    rows = by_pool(route(scenario(ROUTING)))
    for column in ("gpus", "nodes", "replicas", "annual_tco_usd"):
        assert rows["routed"][column] == rows["fast"][column] + rows["deep"][column]


def test_tokens_and_times_of_the_fleet_are_means_over_queries(planned, scenario) -> None:
    rows = by_pool(route(scenario(ROUTING)))
    assert rows["routed"]["output_tokens"] == pytest.approx(0.7 * 556 + 0.3 * 1324)


def test_the_classifier_delays_routed_queries_and_no_others(planned, scenario) -> None:
    rows = by_pool(route(scenario(ROUTING)))
    assert rows["fast"]["tta_s"] == pytest.approx(0.5 + 5.56 + 0.008)
    assert rows["all in fast"]["tta_s"] == pytest.approx(0.5 + 5.56)


def test_each_tier_is_also_planned_for_all_queries(planned, scenario) -> None:
    routed = route(scenario(ROUTING))
    rows = by_pool(routed)
    assert list(rows) == ["fast", "deep", "all in fast", "all in deep", "routed"]
    assert [plan.scenario.workload.qps for plan in routed.plans] == [70, 30, 100, 100]
    assert rows["all in deep"]["gpus"] > rows["routed"]["gpus"] > rows["all in fast"]["gpus"]


def test_the_notes_compare_with_one_pool_for_all(planned, scenario) -> None:
    cheaper, dearer = sorted(route(scenario(ROUTING)).notes, key=lambda note: "% less" not in note)
    assert "% less than all in deep" in cheaper and "times as much as all in fast" in dearer


def test_a_pool_that_cannot_be_makes_the_fleet_one_that_cannot(planned, scenario) -> None:
    long = ROUTING.replace("k: 4", "k: 12")
    rows = by_pool(route(scenario("serving: {tensor_parallel: 1}", long)))
    assert rows["deep"]["feasible"] is False and rows["routed"]["feasible"] is False


def test_a_scenario_without_routing_is_told_what_to_add(planned, scenario) -> None:
    with pytest.raises(UserError, match="tiers"):
        route(scenario())
