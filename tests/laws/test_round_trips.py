"""Laws of saying the same thing twice: units, reports read back, orders, arrays, names."""

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.plan import Plan, plan, plans
from capplan.plan.varied import varied
from capplan.report.answer import Reported
from capplan.report.formats import render
from capplan.report.report import report
from capplan.scenario.loader import from_dict
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.search.risk import risk

quick = settings(max_examples=15, deadline=None, derandomize=True)
scenario = st.from_type(Scenario)
# Two ways to write the same amount: key, then the texts.
SPELLINGS = [
    ("cost.gpu_hourly", "2.40 USD/hour", "57.6 USD/day"),
    ("cost.purchase_price", "25000 USD", "25 kUSD"),
    ("cost.electricity", "0.12 USD/kWh", "120 USD/MWh"),
    ("cost.carbon_intensity", "369 g/kWh", "0.369 kg/kWh"),
    ("cost.amortization", "4 year", "48 month"),
    ("cost.interest", "6 %", "0.06"),
    ("workload.qps", "100", "6000 / min"),
    ("workload.prompt_tokens", "2k", "2000"),
    ("targets.tta_p99", "60 s", "1 min"),
    ("targets.itl_p95", "50 ms", "0.05 s"),
    ("targets.power", "1 MW", "1000 kW"),
    ("serving.memory_utilization", "90 %", "0.9"),
]


def same(one: Plan, other: Plan) -> bool:
    return dict(one.row) == dict(other.row) and bill(one) == bill(other) and one.feasible == other.feasible


def bill(one: Plan) -> dict[str, Decimal]:
    return {line.name: line.usd_per_year for line in one.lines}


@quick
@given(scenario)
def test_a_plan_read_back_from_its_report_is_the_same_plan(one: Scenario) -> None:
    made = plan(one)
    written = json.loads(render(Reported(report("tco", [made])), "json"))
    again = plan(from_dict(written["scenario"]))
    assert same(made, again)
    (row,) = written["rows"]
    for name, value in again.row.items():
        told = row[name]
        assert told == (pytest.approx(float(value), rel=1e-9) if isinstance(value, float | Decimal) else value), name


@quick
@given(scenario)
def test_a_scenario_resolved_is_the_same_question(one: Scenario) -> None:
    assert from_dict(one.resolved()) == one


@quick
@given(scenario, st.sampled_from(SPELLINGS))
def test_the_same_amount_in_another_unit_is_the_same_plan(one: Scenario, spelling: tuple[str, str, str]) -> None:
    key, first, second = spelling
    if key == "cost.gpu_hourly":
        one = with_values(one, {"cost.pricing": "spot"})
    a, b = (plan(with_values(one, {key: text})) for text in (first, second))
    assert a.row["annual_tco_usd"] == b.row["annual_tco_usd"] and a.row["gpus"] == b.row["gpus"]
    assert a.row["tta_p99_s"] == pytest.approx(b.row["tta_p99_s"], rel=1e-12)


@quick
@given(scenario)
def test_a_plan_made_twice_is_the_same_to_the_last_bit(one: Scenario) -> None:
    assert same(plan(one), plan(one))


@quick
@given(st.lists(scenario, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_plans_do_not_depend_on_the_order_or_the_company_in_which_they_are_made(some: list[Scenario], mixed) -> None:
    order = list(range(len(some)))
    mixed.shuffle(order)
    together = plans([some[i] for i in order])
    for place, i in enumerate(order):
        alone = plan(some[i])
        assert together[place].row["gpus"] == alone.row["gpus"]
        assert together[place].row["annual_tco_usd"] == alone.row["annual_tco_usd"]
        assert together[place].row["tta_s"] == pytest.approx(alone.row["tta_s"], rel=1e-9)


@quick
@given(scenario, st.integers(1, 60), st.integers(1, 30))
def test_a_row_of_an_array_is_the_plan_of_its_scenario(one: Scenario, times: int, years: int) -> None:
    values = {
        "workload.qps": one.workload.qps * np.array([1.0, times / 10]),
        "cost.amortization": np.array([4.0, years]) * 365 * 86400,
    }
    made = varied(one, values)
    for row in range(2):
        alone = plan(with_values(one, {key: float(value[row]) for key, value in values.items()}))
        assert made.lines.total_usd(row) == alone.row["annual_tco_usd"]
        assert made.columns["tta_p99_s"][row] == pytest.approx(alone.row["tta_p99_s"], rel=1e-9)


@quick
@given(scenario)
def test_names_descriptions_and_what_is_asked_of_quality_change_no_fleet(one: Scenario) -> None:
    other = with_values(one, {"name": "another", "description": "words", "quality.single_sample_accuracy": 0.7})
    a, b = plan(one), plan(other)
    assert bill(a) == bill(b) and a.row["gpus"] == b.row["gpus"]


@settings(quick, max_examples=6)
@given(scenario)
def test_worlds_without_uncertainty_are_all_the_plan(one: Scenario) -> None:
    price = one.cost.purchase_price_usd
    found = risk(one.having({"ranges": {"cost.purchase_price": (price, price, price)}}), 100, bands=False)
    assert np.ptp(found.usd) == 0
    assert found.usd[0] == pytest.approx(float(plan(one).row["annual_tco_usd"]))
