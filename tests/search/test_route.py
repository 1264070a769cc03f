"""Routing over pools: each sized by itself, the fleet their sum, beside every tier serving all."""

import pytest

from capplan.errors import UserError
from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.loader import from_dict, loads
from capplan.scenario.schema import Scenario
from capplan.scenario.tiers import tier_scenarios
from capplan.search.route import route
from capplan.search.route_accuracy import right_by_class
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
    assert list(rows) == ["fast", "deep", "all in fast", "all in deep", "deep in cascade", "routed", "cascade"]
    assert [plan.scenario.workload.qps for plan in routed.plans] == pytest.approx([70, 30, 100, 100, 30])
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
    assert (
        rows["cascade"]["annual_tco_usd"]
        == rows["all in fast"]["annual_tco_usd"] + rows["deep in cascade"]["annual_tco_usd"]
    )
    assert rows["cascade"]["output_tokens"] == pytest.approx(556 + 0.3 * 1324)
    assert rows["cascade"]["annual_tco_usd"] > rows["routed"]["annual_tco_usd"]


def test_the_tiers_between_see_what_those_before_them_failed(planned, scenario) -> None:
    three = ROUTING.replace("70 %", "50 %").replace(
        "    - {name: deep", "    - {name: mid, share: 20 %, reasoning: {k: 2}}\n    - {name: deep"
    )
    rows = by_pool(route(scenario(three)))
    assert rows["mid in cascade"]["share"] == pytest.approx(0.5)
    assert rows["cascade"]["gpus"] == sum(
        rows[name]["gpus"] for name in ("all in fast", "mid in cascade", "deep in cascade")
    )


def test_a_split_of_80_to_20_never_saves_more_than_five_times() -> None:
    for ratio in (1.5, 10.0, 1000.0):
        found = limits([lambda x: 1.0 * x, lambda x, dear=ratio: dear * x], [0.8, 0.2], [0, 1])
        assert found.saving <= found.most_saving == pytest.approx(5.0)


def test_routing_stops_paying_at_the_share_and_accuracy_that_the_costs_say() -> None:
    # A year of the classifier costs as much as a tenth of the dear tier: 1 x + 10 (1 - x) + 1 < 10 from 1/9 on.
    found = limits([lambda x: 1.0 * x, lambda x: 10.0 * x], [0.5, 0.5], [0, 1], fixed_usd=1.0)
    assert found.least_share == pytest.approx(0.125)
    # Half easy: tried 0.5 whatever the accuracy, so 0.5 + 10 (1 - 0.5 a) + 1 < 10 from a = 0.3 on: guessing pays.
    assert found.least_accuracy == 0
    # Cheap at 4 of 10: 4 x 0.5 + 10 (1 - 0.5 a) + 1 < 10 from a = 0.6 on.
    dearer = limits([lambda x: 4.0 * x, lambda x: 10.0 * x], [0.5, 0.5], [0, 1], fixed_usd=1.0)
    assert dearer.least_accuracy == pytest.approx(0.605)
    never = limits([lambda x: 9.0 * x, lambda x: 10.0 * x], [0.5, 0.5], [0, 1], fixed_usd=1.0)
    assert never.least_accuracy is None


def test_of_three_tiers_the_dearest_is_what_is_saved_and_failures_of_all_cheaper_ones_are_paid() -> None:
    costs = [lambda x: 10.0 * x, lambda x: 1.0 * x, lambda x: 4.0 * x]  # in the order of the file, dearest first
    found = limits(costs, [0.2, 0.5, 0.3], [1, 2, 0])
    assert found.saving == pytest.approx(10 / (0.5 + 1.2 + 2)) and found.most_saving == pytest.approx(5.0)
    # At an accuracy of a: asked b a + (1 - b) w each, and again 0.3 w and 2 x 0.2 w, w = (1 - a) / 2; 10 at a = ...
    dear = limits(costs, [0.2, 0.5, 0.3], [1, 2, 0], fixed_usd=4.0)
    assert 1 / 3 < dear.least_accuracy < 1


def test_the_notes_say_where_routing_stops_paying(planned, scenario) -> None:
    assert any("from" in note and "on" in note and "saves" in note for note in route(scenario(ROUTING)).notes)


CACHED = ROUTING.replace("routing:", "routing:\n  cache: {hit_rate: 40 %, stale: 5 %, latency: 20 ms, cost: 0.01 USD}")
SORTED = ROUTING.replace("{latency: 8 ms}", "{latency: 8 ms, accuracy: 90 %, cost: 0.02 USD}")
YEAR_S = 365 * 86400


def test_a_cache_in_front_takes_its_hits_off_every_pool_and_is_paid_for_every_query(planned, scenario) -> None:
    plain, cached = by_pool(route(scenario(ROUTING))), by_pool(route(scenario(CACHED)))
    assert cached["cache"]["share"] == pytest.approx(0.4) and cached["fast"]["share"] == pytest.approx(0.42)
    assert float(cached["cache"]["annual_tco_usd"]) == pytest.approx(100 * YEAR_S * 0.01 / 1000, abs=0.01)
    for name in ("routed", "cascade", "all in deep"):
        assert cached[name]["gpus"] < plain[name]["gpus"]
        assert cached[name]["tta_s"] == pytest.approx(0.02 + 0.6 * plain[name]["tta_s"], rel=0.01)
        assert cached[name]["output_tokens"] == pytest.approx(0.6 * plain[name]["output_tokens"])
        queries = 100 * YEAR_S / 1000
        assert float(cached[name]["usd_per_1k_queries"]) == pytest.approx(
            float(cached[name]["annual_tco_usd"]) / queries, rel=1e-4
        )
    pools = cached["fast"]["annual_tco_usd"] + cached["deep"]["annual_tco_usd"] + cached["cache"]["annual_tco_usd"]
    assert cached["routed"]["annual_tco_usd"] == pools


def test_a_classifier_that_errs_moves_queries_and_is_paid(planned, scenario) -> None:
    rows = by_pool(route(scenario(SORTED)))
    assert rows["fast"]["share"] == pytest.approx(0.7 * 0.9 + 0.3 * 0.1)
    paid = float(rows["routed"]["annual_tco_usd"] - rows["fast"]["annual_tco_usd"] - rows["deep"]["annual_tco_usd"])
    assert paid == pytest.approx(100 * YEAR_S * 0.02 / 1000, abs=0.01)


def test_a_row_of_the_confusion_matrix_says_more_than_an_accuracy(planned, scenario) -> None:
    given = SORTED.replace("share: 70 %", "share: 70 %, sent_to: {fast: 99 %, deep: 1 %}")
    rows = by_pool(route(scenario(given)))
    assert rows["deep"]["share"] == pytest.approx(0.7 * 0.01 + 0.3 * 0.9)
    with pytest.raises(ScenarioFaults, match="there is no tier 'depe'"):
        scenario(given.replace("deep: 1 %", "depe: 1 %"))
    with pytest.raises(ScenarioFaults, match="they must make 100 %"):
        scenario(given.replace("deep: 1 %", "deep: 2 %"))


def real(more: str = "") -> Scenario:
    return loads(
        """
version: 1
model: llama-3.3-70b
gpu: h100-sxm
workload: {qps: 50, prompt_tokens: r1-production, answer_tokens: 300}
reasoning: {strategy: chain_of_thought, thinking_tokens: 1000}
"""
        + more
    )


BY_LENGTH = """
routing:
  by: prompt_tokens
  tiers:
    - {name: short, up_to: 2k}
    - {name: long, gpu: h200-sxm}
"""


def test_pools_by_length_share_the_tokens_of_the_whole_and_sort_their_lengths() -> None:
    whole = real(BY_LENGTH)
    (_, few, short), (_, many, long) = tier_scenarios(whole)
    # 10 % of the prompts of the trace are longer than 2,092 tokens.
    assert few == pytest.approx(0.9, abs=0.005) and few + many == pytest.approx(1)
    means = [part.workload.prompt_tokens.mean_tokens for part in (short, long)]
    assert means[0] < 320 and means[1] > 5000
    assert few * means[0] + many * means[1] == pytest.approx(whole.workload.prompt_tokens.mean_tokens, rel=0.01)
    assert short.workload.prompt_tokens.maximum_tokens <= 2000 < long.workload.prompt_tokens.quantile_tokens[0]
    rows = by_pool(route(whole))
    assert list(rows) == ["short", "long", "all in short", "all in long", "routed"]
    assert rows["long"]["gpu"] == "h200-sxm" and rows["short"]["ttft_s"] < rows["long"]["ttft_s"]


def test_lengths_that_are_mistaken_reach_the_wrong_pool() -> None:
    erring = real(BY_LENGTH.replace("by: prompt_tokens", "by: prompt_tokens\n  classifier: {accuracy: 90 %}"))
    (_, few, short), _ = tier_scenarios(erring)
    assert few == pytest.approx(0.9 * 0.9 + 0.1 * 0.1, abs=0.005)
    assert short.workload.prompt_tokens.maximum_tokens > 20_000
    assert (
        short.workload.prompt_tokens.mean_tokens
        > tier_scenarios(real(BY_LENGTH))[0][2].workload.prompt_tokens.mean_tokens
    )


def test_tiers_by_length_say_their_ends_and_those_by_difficulty_their_shares() -> None:
    with pytest.raises(ScenarioFaults, match="has no longest length"):
        real(BY_LENGTH.replace(", up_to: 2k", ""))
    with pytest.raises(ScenarioFaults, match="follows from the law"):
        real(BY_LENGTH.replace("up_to: 2k", "up_to: 2k, share: 50 %"))
    with pytest.raises(ScenarioFaults, match="has no share"):
        real(BY_LENGTH.replace("by: prompt_tokens", "by: difficulty"))
    with pytest.raises(ScenarioFaults, match="no query comes to 'long'"):
        real(BY_LENGTH.replace("2k", "900k"))
    with pytest.raises(ScenarioFaults, match="no law of thinking_tokens"):
        loads(BY_LENGTH.replace("prompt_tokens", "thinking_tokens") + "\nversion: 1\nworkload: {qps: 1}")


def test_what_was_resolved_reads_back_to_the_same_pools() -> None:
    for whole in (
        real(BY_LENGTH),
        real(CACHED),
        real(SORTED.replace("share: 70 %", "share: 70 %, sent_to: {fast: 99 %, deep: 1 %}")),
    ):
        assert from_dict(whole.resolved()) == whole


ACCURATE = """
quality: {single_sample_accuracy: 90 %}
routing:
  classifier: {accuracy: 85 %}
  escalation: {keeps_right: 95 %, keeps_wrong: 20 %, latency: 1 s, cost: 0.1 USD}
  tiers:
    - {name: fast, share: 70 %, model: llama-3.1-8b, quality: {single_sample_accuracy: 60 %}}
    - {name: deep, share: 30 %}
"""


def test_misrouting_costs_right_answers_and_a_cascade_is_as_right_as_its_check() -> None:
    routed = route(real(ACCURATE))
    rows = by_pool(routed)
    fast, deep = rows["all in fast"]["accuracy"], rows["all in deep"]["accuracy"]
    assert fast == pytest.approx(0.6) and deep == pytest.approx(0.9)
    # Easy queries go to the fast tier, which is right about more of them than of all; hard ones to the deep one.
    assert rows["fast"]["accuracy"] > fast and rows["deep"]["accuracy"] < deep
    assert fast < rows["routed"]["accuracy"] < deep
    assert any(note.startswith("15.0% of the queries go to another tier") for note in routed.notes)
    perfect = by_pool(route(real(ACCURATE.replace("85 %", "100 %"))))
    assert perfect["routed"]["accuracy"] > rows["routed"]["accuracy"]
    # By hand: the check sends on 5 % of the 60 % right and 80 % of the 40 % wrong.
    assert rows["deep in cascade"]["share"] == pytest.approx(0.6 * 0.05 + 0.4 * 0.8, abs=1e-6)
    stricter = by_pool(route(real(ACCURATE.replace("keeps_wrong: 20 %", "keeps_wrong: 5 %"))))
    assert stricter["cascade"]["accuracy"] > rows["cascade"]["accuracy"]
    assert stricter["cascade"]["annual_tco_usd"] >= rows["cascade"]["annual_tco_usd"]


def test_classes_of_difficulty_add_up_to_the_accuracy_of_the_tier() -> None:
    shares = [0.5, 0.3, 0.2]
    right = right_by_class([0.4, 0.7, 0.95], shares)
    assert (right.T @ shares).tolist() == pytest.approx([0.4, 0.7, 0.95], abs=2e-3)
    assert (right[:-1] >= right[1:]).all()


def test_a_single_pool_behind_a_cache_is_a_route_too() -> None:
    alone = real("routing: {cache: {hit_rate: 30 %}, tiers: [{name: all, share: 100 %}]}")
    rows = by_pool(route(alone))
    assert list(rows) == ["all", "all in all", "cache", "routed"]
    assert rows["routed"]["gpus"] == rows["all"]["gpus"]
