"""A year's cost by query, token, user and further step of thought."""

import pytest

from capplan.plan import plan
from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from capplan.search.per_unit import footprint_of, per_unit, with_next

BASE = loads(
    "{version: 1, workload: {qps: 100, queries_per_user_month: 30}, cost: {region: sweden, electricity: 0.1 USD/kWh}}"
)
QUERIES = 100 * 365 * 86400.0


def test_thinking_and_answers_add_up_to_the_year() -> None:
    row = plan(BASE).row
    found = per_unit(plan(BASE))
    assert found["thinking_usd_per_year"] + found["answer_usd_per_year"] == row["annual_tco_usd"]
    share = float(found["thinking_usd_per_year"]) / float(row["annual_tco_usd"])
    assert share == pytest.approx(2048 / 2348)
    visible = float(row["annual_tco_usd"]) / (QUERIES * 300) * 1e6
    assert float(found["usd_per_m_visible_tokens"]) == pytest.approx(visible, abs=1e-6)


def test_a_user_pays_for_his_queries() -> None:
    expected = float(plan(BASE).row["annual_tco_usd"]) / QUERIES * 30
    assert float(per_unit(plan(BASE))["usd_per_user_month"]) == pytest.approx(expected, abs=1e-6)
    alone = plan(with_values(BASE, {"workload.queries_per_user_month": None}))
    assert per_unit(alone)["usd_per_user_month"] is None


def test_energy_carbon_and_water_of_a_query_follow_from_the_year() -> None:
    made = plan(BASE)
    found = per_unit(made)
    assert found["kwh_per_query"] * QUERIES == pytest.approx(made.row["annual_kwh"])
    assert found["kg_co2e_per_query"] * QUERIES == pytest.approx(made.row["annual_kg_co2e"])
    assert found["water_l_per_query"] * QUERIES == pytest.approx(found["annual_water_l"])
    assert found["kwh_per_query"] * 3.6e6 == pytest.approx(float(made.row["energy_j_per_query"]))


def test_what_the_catalogue_does_not_know_is_said_and_not_made_up() -> None:
    nowhere = footprint_of(plan(with_values(BASE, {"cost.region": None})))
    assert nowhere.water_l is None and {said.key for said in nowhere.absent} == {"water"}
    unknown = footprint_of(plan(with_values(BASE, {"gpu": "h200-sxm"})))
    assert unknown.embodied_kg_co2e is None and {said.key for said in unknown.absent} == {"embodied carbon"}


def test_what_making_the_boards_emitted_is_spread_over_their_years() -> None:
    made = plan(BASE)
    # NVIDIA: 1,312 kg CO2e for an HGX H100 baseboard of eight, written off over four years.
    assert footprint_of(made).embodied_kg_co2e == pytest.approx(1312 / 8 * made.row["gpus"] / 4)


def test_the_next_step_costs_the_difference_of_two_plans() -> None:
    made, more = with_next(BASE)
    found = per_unit(made, more)
    ninth = plan(with_values(BASE, {"reasoning.k": 9}))
    assert found["next_k_usd_per_year"] == ninth.row["annual_tco_usd"] - made.row["annual_tco_usd"]
    assert found["next_k_gpus"] == ninth.row["gpus"] - made.row["gpus"] >= 0


def test_a_strategy_without_steps_has_no_next_one() -> None:
    made, more = with_next(with_values(BASE, {"reasoning.strategy": "direct"}))
    assert more is None and per_unit(made, more)["next_k_usd_per_year"] is None
    assert per_unit(made)["usd_per_m_thinking_tokens"] is None
