"""Routing over pools: each sized by itself, the fleet their sum, beside every tier serving all."""

import pytest

from capplan.errors import UserError
from capplan.search.route import route
from capplan.search.route_limits import limits

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
    assert list(rows) == ["fast", "deep", "all in fast", "all in deep", "routed", "cascade"]
    assert [plan.scenario.workload.qps for plan in routed.plans] == [70, 30, 100, 100]
    assert rows["all in deep"]["gpus"] > rows["routed"]["gpus"] > rows["all in fast"]["gpus"]


def test_the_notes_compare_with_one_pool_for_all(planned, scenario) -> None:
    notes = [note for note in route(scenario(ROUTING)).notes if note.startswith("Routing costs")]
    cheaper, dearer = sorted(notes, key=lambda note: "% less" not in note)
    assert "% less than all in deep" in cheaper and "times as much as all in fast" in dearer


def test_a_pool_that_cannot_be_makes_the_fleet_one_that_cannot(planned, scenario) -> None:
    long = ROUTING.replace("k: 4", "k: 12")
    rows = by_pool(route(scenario("serving: {tensor_parallel: 1}", long)))
    assert rows["deep"]["feasible"] is False and rows["routed"]["feasible"] is False


def test_a_scenario_without_routing_is_told_what_to_add(planned, scenario) -> None:
    with pytest.raises(UserError, match="tiers"):
        route(scenario())


def test_a_cascade_pays_the_tier_that_failed(planned, scenario) -> None:
    rows = by_pool(route(scenario(ROUTING)))
    assert rows["cascade"]["annual_tco_usd"] == rows["all in fast"]["annual_tco_usd"] + rows["deep"]["annual_tco_usd"]
    assert rows["cascade"]["output_tokens"] == pytest.approx(556 + 0.3 * 1324)
    assert rows["cascade"]["annual_tco_usd"] > rows["routed"]["annual_tco_usd"]


def test_the_tiers_between_see_what_those_before_them_failed(planned, scenario) -> None:
    three = ROUTING.replace("70 %", "50 %").replace(
        "    - {name: deep", "    - {name: mid, share: 20 %, reasoning: {k: 2}}\n    - {name: deep"
    )
    rows = by_pool(route(scenario(three)))
    assert rows["mid in cascade"]["share"] == pytest.approx(0.5)
    assert rows["cascade"]["gpus"] == sum(rows[name]["gpus"] for name in ("all in fast", "mid in cascade", "deep"))


def test_a_split_of_80_to_20_never_saves_more_than_five_times() -> None:
    for ratio in (1.5, 10.0, 1000.0):
        found = limits(lambda x: 1.0 * x, lambda x, dear=ratio: dear * x, 0.8)
        assert found.saving <= found.most_saving == pytest.approx(5.0)


def test_routing_stops_paying_at_the_share_and_accuracy_that_the_costs_say() -> None:
    # A year of the classifier costs as much as a tenth of the dear tier: 1 x + 10 (1 - x) + 1 < 10 from 1/9 on.
    found = limits(lambda x: 1.0 * x, lambda x: 10.0 * x, 0.5, fixed_usd=1.0)
    assert found.least_share == pytest.approx(0.125)
    # Half easy: tried 0.5 whatever the accuracy, so 0.5 + 10 (1 - 0.5 a) + 1 < 10 from a = 0.3 on: guessing pays.
    assert found.least_accuracy is None
    # Cheap at 4 of 10: 4 x 0.5 + 10 (1 - 0.5 a) + 1 < 10 from a = 0.6 on.
    assert limits(lambda x: 4.0 * x, lambda x: 10.0 * x, 0.5, fixed_usd=1.0).least_accuracy == pytest.approx(0.605)


def test_the_notes_say_where_routing_stops_paying(planned, scenario) -> None:
    assert any("from" in note and "on" in note and "saves" in note for note in route(scenario(ROUTING)).notes)
