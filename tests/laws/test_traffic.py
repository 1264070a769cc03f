"""Laws of whole plans under load: what more traffic, bursts, headroom and spares may and may not do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.plan import Plan, plan, plans
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario

quick = settings(max_examples=15, deadline=None, derandomize=True)
scenario = st.from_type(Scenario)
more = st.integers(11, 50).map(lambda tenths: tenths / 10)


def both(one: Scenario, key: str, first: object, second: object) -> list[Plan]:
    """The plans of a scenario with one key at two values."""
    return plans([with_values(one, {key: value}) for value in (first, second)])


def held(one: Scenario) -> Scenario:
    """The scenario in the layout that its plan chooses."""
    row = plan(one).row
    degrees = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "attention_data_parallel")
    return with_values(one, {f"serving.{name}": row[name] for name in degrees})


@quick
@given(scenario, more)
def test_more_traffic_never_needs_fewer_gpus(one: Scenario, factor: float) -> None:
    few, many = both(one, "workload.qps", one.workload.qps, one.workload.qps * factor)
    assert many.row["gpus"] >= few.row["gpus"]


@quick
@given(scenario, more)
def test_more_traffic_never_costs_less(one: Scenario, factor: float) -> None:
    """In one layout: another one may serve the greater load with less energy on as many GPUs."""
    few, many = both(held(one), "workload.qps", one.workload.qps, one.workload.qps * factor)
    assert many.row["annual_tco_usd"] >= few.row["annual_tco_usd"]


@quick
@given(scenario, more)
def test_a_query_never_costs_more_in_a_fleet_of_many_times_the_traffic(one: Scenario, factor: float) -> None:
    """Ten times and beyond: close by, the next whole node and the next tier of the network stand out."""
    held_one = with_values(held(one), {"cost.network_price": 1000.0})
    few, many = both(held_one, "workload.qps", one.workload.qps, one.workload.qps * 10 * factor)
    nodes = few.row["nodes"]
    assert float(many.row["usd_per_1k_queries"]) <= float(few.row["usd_per_1k_queries"]) * (1 + 1 / nodes) + 1e-6


@quick
@given(scenario, st.integers(100, 300))
def test_a_higher_peak_never_needs_fewer_gpus(one: Scenario, percent: int) -> None:
    low, high = both(one, "workload.peak_to_mean", one.workload.peak_to_mean, one.workload.peak_to_mean * percent / 100)
    assert high.row["gpus"] >= low.row["gpus"]


@quick
@given(scenario, st.integers(2, 8))
def test_only_the_peak_sizes_a_fleet_without_targets(one: Scenario, times: int) -> None:
    level = with_values(one, {"workload.qps": one.workload.qps * times, "workload.peak_to_mean": 1.0})
    spiky = with_values(one, {"workload.peak_to_mean": float(times)})
    a, b = plans([level, spiky])
    assert a.row["replicas"] == b.row["replicas"] and a.row["gpus"] == b.row["gpus"]


@quick
@given(scenario, st.integers(30, 100), st.integers(0, 60))
def test_more_headroom_never_needs_fewer_gpus(one: Scenario, percent: int, less: int) -> None:
    full, roomy = both(one, "workload.target_utilization", percent / 100, max(percent - less, 10) / 100)
    assert roomy.row["gpus"] >= full.row["gpus"]


@quick
@given(scenario, st.integers(0, 5))
def test_spare_replicas_stand_beside_those_that_the_load_needs(one: Scenario, spares: int) -> None:
    none, some = both(held(one), "serving.spare_replicas", 0, spares)
    assert some.row["replicas"] == none.row["replicas"] + spares
    assert some.row["gpus"] >= none.row["gpus"] and some.row["capex_usd_per_year"] >= none.row["capex_usd_per_year"]


@quick
@given(scenario, st.integers(1, 5))
def test_spare_replicas_never_draw_less(one: Scenario, spares: int) -> None:
    """To one percent: in nodes that stand anyway, spares spread the same load over more of the same GPUs."""
    none, some = both(held(one), "serving.spare_replicas", 0, spares)
    assert some.row["annual_kwh"] >= none.row["annual_kwh"] * 0.99


@quick
@given(scenario)
def test_a_fleet_is_never_below_what_its_load_needs(one: Scenario) -> None:
    row, work = plan(one).row, one.workload
    capacity = row["replicas"] * row["requests_per_s_per_replica"]
    assert capacity * work.target_utilization >= work.qps * work.peak_to_mean * (1 - 1e-6)
    assert row["utilization"] == pytest.approx(work.qps / capacity)


@quick
@given(scenario)
def test_a_fleet_is_never_a_replica_larger_than_its_load_needs(one: Scenario) -> None:
    row, work = plan(one).row, one.workload
    fewer = (row["replicas"] - 1) * row["requests_per_s_per_replica"] * work.target_utilization
    assert fewer < work.qps * work.peak_to_mean * (1 + 1e-6)


@quick
@given(scenario)
def test_gpus_are_those_of_whole_nodes_that_hold_all_replicas(one: Scenario) -> None:
    row = plan(one).row
    each = row["tensor_parallel"] * row["pipeline_parallel"] * row["attention_data_parallel"]
    assert row["gpus"] % row["nodes"] == 0
    assert row["gpus"] >= row["replicas"] * each


@quick
@given(scenario, st.integers(1, 99))
def test_one_fleet_never_needs_more_replicas_than_two_that_share_its_traffic(one: Scenario, percent: int) -> None:
    same, part = held(one), one.workload.qps * percent / 100
    whole, first, second = plans(
        [with_values(same, {"workload.qps": qps}) for qps in (one.workload.qps, part, one.workload.qps - part)]
    )
    assert whole.row["replicas"] <= first.row["replicas"] + second.row["replicas"]


@quick
@given(scenario, more)
def test_capacity_does_not_depend_on_the_load(one: Scenario, factor: float) -> None:
    small, large = both(held(one), "workload.qps", one.workload.qps, one.workload.qps * factor)
    for figure in ("requests_per_s_per_replica", "output_tokens_per_s_per_gpu", "concurrency"):
        assert large.row[figure] == pytest.approx(small.row[figure])


@quick
@given(scenario, st.integers(0, 30), st.integers(1, 30))
def test_burstier_traffic_never_waits_less(one: Scenario, tenths: int, extra: int) -> None:
    calm, wild = both(held(one), "workload.burstiness", tenths / 10, (tenths + extra) / 10)
    for figure in ("ttft_s", "tta_s", "tta_p99_s"):
        assert wild.row[figure] >= calm.row[figure] * (1 - 1e-9)


@quick
@given(scenario, st.integers(0, 40), st.sampled_from(["ttft_p95", "tta_p99"]))
def test_burstier_traffic_never_needs_fewer_gpus_for_a_target(one: Scenario, extra: int, target: str) -> None:
    same = held(one)
    alone = plan(with_values(same, {"workload.qps": 1e-9})).row
    seconds = 1.3 * float(alone["ttft_s" if target == "ttft_p95" else "tta_p99_s"])
    tight = with_values(same, {f"targets.{target}": seconds, "workload.burstiness": 1.0})
    calm, wild = plans([tight, with_values(tight, {"workload.burstiness": 1.0 + extra / 10})])
    if calm.feasible and wild.feasible:
        assert wild.row["gpus"] >= calm.row["gpus"]


@quick
@given(scenario, st.integers(2, 20))
def test_a_larger_fleet_waits_no_longer_at_the_same_load_per_replica(one: Scenario, times: int) -> None:
    """Pooling: queues of many servers are shorter.

    Of Poisson arrivals or burstier ones; the evenness of smoother ones is lost when they are dealt out over replicas.
    """
    base = plan(held(one))
    full = base.row["requests_per_s_per_replica"] * 0.8 * 4
    roomy = {"workload.peak_to_mean": 1.0, "workload.target_utilization": 0.8}
    roomy["workload.burstiness"] = max(one.workload.burstiness, 1.0)
    same = with_values(held(one), roomy)
    small, large = both(same, "workload.qps", full, full * times)
    assert large.row["ttft_s"] <= small.row["ttft_s"] * (1 + 1e-6)
