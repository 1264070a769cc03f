"""Plans whose fleets follow the day, replace what fails and do again what is evicted."""

from decimal import Decimal

import pytest

from capplan.plan import Plan, plan
from capplan.plan.varied import Fleet, varied
from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario

BASE = """
version: 1
model: llama-3.3-70b
gpu: h100-sxm
serving: {tensor_parallel: 2}
workload: {qps: 40, day: r1-production, burstiness: 2.3, prompt_tokens: 2048, answer_tokens: 300}
reasoning: {strategy: chain_of_thought, thinking_tokens: r1-production}
cost: {pricing: on_demand, gpu_hourly: 2 USD/hour}
"""
SCALED = {"serving.autoscaling": {"start_up": "5 min"}}
SPOT = {"cost.pricing": "spot", "cost.spot": {"eviction_every": "6 hour", "restart": "5 min"}}


def scenario(**keys: object) -> Scenario:
    return with_values(loads(BASE), {name.replace("__", "."): value for name, value in keys.items()})


def planned(*changes: dict[str, object]) -> Plan:
    values: dict[str, object] = {}
    for change in changes:
        values |= change
    return plan(with_values(loads(BASE), values))


def usd(one: Plan) -> Decimal:
    total: Decimal = one.row["annual_tco_usd"]
    return total


def test_the_busiest_part_of_the_day_sizes_the_fleet_as_its_peak_would() -> None:
    by_day = planned()
    by_peak = plan(loads(BASE.replace("day: r1-production", "peak_to_mean: 2.19403")))
    assert by_day.row["replicas"] == by_peak.row["replicas"]
    assert by_day.waits["tta_p95_s"] == pytest.approx(by_peak.waits["tta_p95_s"], rel=1e-3)


def test_an_autoscaled_fleet_serves_the_same_peak_and_is_paid_for_the_hours_that_it_stands() -> None:
    kept, scaled = planned(), planned(SCALED)
    assert scaled.row["replicas"] == kept.row["replicas"] and scaled.waits["tta_p99_s"] == kept.waits["tta_p99_s"]
    # The mean load is 1 / 2.194 of the peak; smaller fleets and starting replicas take some of that back.
    assert 1 / 2.194 < usd(scaled) / usd(kept) < 0.55
    assert scaled.row["mean_replicas"] / kept.row["replicas"] == pytest.approx(float(usd(scaled) / usd(kept)), abs=0.05)
    assert scaled.row["annual_kwh"] < kept.row["annual_kwh"]


def test_slower_starts_and_more_that_stays_cost_more_and_bought_gpus_are_paid_anyway() -> None:
    quick, slow = planned(SCALED), planned({"serving.autoscaling": {"start_up": "50 min"}})
    floor = planned({"serving.autoscaling": {"start_up": "5 min", "least_replicas": 40}})
    assert usd(quick) < usd(slow) and usd(quick) < usd(floor)
    own = {"cost.gpu_hourly": None, "cost.pricing": "own"}
    assert planned(own, SCALED).row["capex_usd_per_year"] == planned(own).row["capex_usd_per_year"]
    assert planned(own, SCALED).row["energy_usd_per_year"] < planned(own).row["energy_usd_per_year"]


def test_targets_hold_in_every_part_of_the_day() -> None:
    # A fleet for a quiet hour by load alone is small, and its queue uneven: a tight target keeps more of it.
    tight = {"targets.ttft_p95": "0.9 s"}
    free, held = planned(SCALED), planned(SCALED, tight)
    assert held.feasible and held.row["mean_replicas"] >= free.row["mean_replicas"]


def test_failures_ask_for_spares_and_rarer_ones_for_fewer() -> None:
    often, seldom = (
        planned({"serving.failures": {"every": every, "repair": "8 hour"}}) for every in ("2000 hour", "50000 hour")
    )
    calm = planned()
    assert often.row["spare_replicas"] > seldom.row["spare_replicas"] >= 1
    for one in (often, seldom):
        assert one.row["replicas"] - one.row["spare_replicas"] == calm.row["replicas"]
        assert one.waits["tta_p99_s"] == calm.waits["tta_p99_s"]
    more = planned({"serving.failures": {"every": "2000 hour", "repair": "8 hour"}, "serving.spare_replicas": 9})
    assert more.row["spare_replicas"] == max(9, often.row["spare_replicas"])


def test_evictions_raise_the_work_and_longer_thoughts_lose_more() -> None:
    calm, spot = planned({"cost.pricing": "spot"}), planned(SPOT)
    assert "redone_tokens" not in calm.row and spot.row["redone_tokens"] > 0
    assert spot.row["replicas"] > calm.row["replicas"] and usd(spot) >= usd(calm)
    longer = planned(SPOT, {"reasoning.thinking_tokens": 8000})
    shorter = planned(SPOT, {"reasoning.thinking_tokens": 800})
    assert longer.row["redone_tokens"] / longer.row["output_tokens"] > 3 * (
        shorter.row["redone_tokens"] / shorter.row["output_tokens"]
    )


def test_the_work_done_again_is_that_of_the_mean_age_where_evictions_are_rare() -> None:
    rare = planned({"reasoning.thinking_tokens": 2000}, SPOT)
    # All answers alike, of T seconds: half of T is lost at each eviction, rate x T / 2 of the work.
    life_s = float(rare.row["tta_s"]) - float(rare.row["ttft_s"])
    share = rare.row["redone_tokens"] / rare.row["output_tokens"]
    assert share == pytest.approx(life_s / 2 / (6 * 3600), rel=0.05)


def test_part_of_a_fleet_at_spot_prices_loses_part_of_the_work() -> None:
    mixed = planned(SPOT, {"cost.pricing": {"spot": 0.25, "on_demand": 0.75}})
    assert mixed.row["redone_tokens"] == pytest.approx(planned(SPOT).row["redone_tokens"] / 4, rel=0.02)


def test_where_most_of_the_work_is_lost_the_plan_cannot_be_and_the_cure_is_another_price() -> None:
    lost = planned({"cost.pricing": "spot", "cost.spot": {"eviction_every": "1 min", "restart": "5 min"}})
    assert not lost.feasible and lost.excuses[0].constraint == "evictions"
    assert plan(with_values(lost.scenario, dict(lost.excuses[0].changes))).feasible


@pytest.mark.parametrize("changes", [SCALED, SPOT, {**SCALED, **SPOT, "serving.spare_replicas": 2}], ids=str)
def test_one_pass_over_many_worlds_bills_such_fleets_as_single_plans_do(changes: dict[str, object]) -> None:
    one = planned(changes)
    many = varied(one.scenario, {"workload.qps": [40.0, 40.0]})
    assert many.usd_per_year[1] == pytest.approx(float(usd(one)), abs=0.02)
    assert many.columns["annual_kwh"][0] == pytest.approx(one.row["annual_kwh"])
    held = varied(one.scenario, {"workload.qps": [40.0]}, fleet=Fleet.of(one.row))
    assert held.columns["replicas"][0] == one.row["replicas"]
    assert held.usd_per_year[0] == pytest.approx(float(usd(one)), rel=0.03)


def test_what_contradicts_itself_is_told() -> None:
    with pytest.raises(ScenarioFaults, match="no day to follow"):
        loads(
            BASE.replace("day: r1-production, ", "").replace("{tensor_parallel: 2}", "{autoscaling: {start_up: 1 min}}")
        )
    with pytest.raises(ScenarioFaults, match="keep one of the two"):
        scenario(workload__peak_to_mean=3.0)
    with pytest.raises(ScenarioFaults, match="those whose hours are known"):
        scenario(workload__day="no-such-traffic")
    with pytest.raises(ScenarioFaults, match="base: 60 %"):
        peak = {"curve": "r1-production", "pricing": "spot"}
        scenario(cost={"pricing": "reserved", "term": "1 year", "peak": peak, "spot": {"eviction_every": "1 hour"}})


def test_a_day_of_ones_own_reads_back_as_it_was_written() -> None:
    own = loads(BASE.replace("r1-production, burst", "[1, 2.5, 0, 4], burst"))
    assert own.workload.day is not None and own.workload.day.peak_to_mean == pytest.approx(4 / 1.875)
    assert own.resolved()["workload"]["day"] == [1, 2.5, 0, 4]
    assert loads(BASE).resolved()["workload"]["day"] == "r1-production"


def test_power_is_held_against_the_busiest_hour() -> None:
    free = planned(SCALED)
    mean_kw = free.row["annual_kwh"] / 8760
    refused = planned(SCALED, {"targets.power": f"{1.5 * mean_kw:.3f} kW"})
    assert not refused.feasible and refused.excuses[0].constraint == "power"
    assert refused.excuses[0].needed >= planned().row["annual_kwh"] / 8760 * 1e3
    kept = plan(with_values(refused.scenario, dict(refused.excuses[0].changes)))
    assert kept.feasible
