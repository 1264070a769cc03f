"""Years ahead: what is bought adds up, growth buys nodes in its month, and money later is worth less."""

from decimal import Decimal

import pytest

from capplan.errors import UserError
from capplan.plan import plan
from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.search.forecast import forecast

BASE = "{version: 1, workload: {qps: 20}, forecast: {years: 3, growth_per_month: 5 %}}"


def case(**values: object) -> Scenario:
    return with_values(loads(BASE), {key.replace("__", "."): value for key, value in values.items()})


def test_nodes_are_bought_in_the_month_in_which_the_load_needs_them() -> None:
    base = case()
    found = forecast(base)
    fleet = 0
    for bought in (one for year in found.years for one in year.bought):
        fleet += bought.nodes
        assert bought.fleet_nodes == fleet
        held = {"serving.tensor_parallel": found.plan.row["tensor_parallel"]}
        qps = 20 * 1.05 ** (bought.month - 1)
        assert plan(with_values(base, held | {"workload.qps": qps})).row["nodes"] == fleet
    assert fleet == found.years[-1].nodes


def test_without_growth_everything_is_bought_in_the_first_month() -> None:
    found = forecast(case(forecast__growth_per_month=0.0))
    assert [one.month for year in found.years for one in year.bought] == [1]
    assert found.years[1].purchases_usd == 0 and found.years[1].running_usd == found.years[2].running_usd


def test_the_purchases_of_a_year_add_up_to_the_cent() -> None:
    for year in forecast(case(cost__installation=0.033, cost__spares=0.05)).years:
        assert sum((one.usd for one in year.bought), Decimal(0)) == year.purchases_usd
        assert year.total_usd == year.purchases_usd + year.rent_usd + year.running_usd


def test_a_bought_fleet_costs_what_its_write_off_over_the_horizon_says() -> None:
    base = case(forecast__growth_per_month=0.0, cost__amortization=3 * 365 * 86400.0)
    found, row = forecast(base), plan(base).row
    assert float(found.years[0].purchases_usd) == pytest.approx(3 * float(row["capex_usd_per_year"]), abs=0.1)
    assert found.residual_usd == 0
    assert float(found.npv_usd) == pytest.approx(3 * float(row["annual_tco_usd"]), abs=1)


def test_rent_is_paid_for_the_fleet_of_each_month() -> None:
    base = case(cost__pricing="on_demand", cost__gpu_hourly=2 / 3600, forecast__growth_per_month=0.0)
    found = forecast(base)
    expected = float(plan(base).row["annual_tco_usd"])
    assert [float(year.rent_usd) for year in found.years] == pytest.approx([expected] * 3, abs=0.1)
    assert not any(year.bought for year in found.years) and found.residual_usd == 0


def test_falling_prices_never_raise_the_cost_and_later_money_is_worth_less() -> None:
    assert forecast(case(forecast__price_decline=0.2)).npv_usd < forecast(case()).npv_usd
    # A bought fleet pays first and is worth something last, so only a rented one surely gains by discounting.
    plain, later = (forecast(case(cost__pricing="spot", forecast__discount_rate=rate)).npv_usd for rate in (0.0, 0.08))
    assert later < plain


def test_the_net_present_cost_is_that_of_the_textbook_sum() -> None:
    """Two years at 10 %: the purchase now, running costs at the start of each month, the residual at the end."""
    base = case(forecast__growth_per_month=0.0, forecast__years=2, forecast__discount_rate=0.1,
                cost__amortization=4 * 365 * 86400.0, cost__residual_value=0.2)  # fmt: skip
    found = forecast(base)
    bought, monthly = float(found.years[0].purchases_usd), float(found.years[0].running_usd) / 12
    factor = 1.1 ** (-1 / 12)
    annuity_due = (1 - factor**24) / (1 - factor)  # 1 + factor + ... + factor^23
    left = bought * (1 - 0.8 * 2 / 4)  # half of the way from the price to 20 % of it
    assert float(found.residual_usd) == pytest.approx(left, abs=0.01)
    assert float(found.npv_usd) == pytest.approx(bought + monthly * annuity_due - left / 1.1**2, abs=0.1)


def test_traffic_that_grows_out_of_all_proportion_is_refused() -> None:
    with pytest.raises(UserError, match="growth_per_month"):
        forecast(case(forecast__growth_per_month=10.0, forecast__years=30))


def test_money_of_the_first_month_is_not_discounted() -> None:
    first = forecast(case(forecast__growth_per_month=0.0, forecast__discount_rate=0.5)).years[0]
    assert float(first.present_usd) == pytest.approx(
        float(first.purchases_usd) + sum(float(first.running_usd) / 12 * 1.5 ** (-m / 12) for m in range(12)), abs=0.1
    )
