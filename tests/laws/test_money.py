"""Laws of the bill of whole plans: it adds up, grows with every price, scales with all, and keeps to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.plan import Plan, plan, plans
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.search.forecast import forecast

quick = settings(max_examples=15, deadline=None, derandomize=True)
scenario = st.from_type(Scenario)
CENT = Decimal("0.01")
YEAR_S = 365 * 86400
# Amounts as a scenario gives them; together they are every price of an owned fleet.
PRICES = {
    "cost.purchase_price": 20_000.0, "cost.node_price": 60_000.0, "cost.network_price": 1_500.0,
    "cost.electricity": 0.1 / 3.6e6, "cost.staff": 250_000.0, "cost.software": 900.0,
    "cost.colocation": 150 / 1000 / (YEAR_S / 12),
}  # fmt: skip
RATIOS = {"cost.interest": 0.05, "cost.maintenance": 0.05, "cost.installation": 0.03, "cost.spares": 0.04}


def usd(one: Plan) -> Decimal:
    total: Decimal = one.row["annual_tco_usd"]
    return total


def both(one: Scenario, key: str, first: object, second: object) -> list[Plan]:
    return plans([with_values(one, {key: value}) for value in (first, second)])


def priced(one: Scenario, times: float = 1.0) -> Scenario:
    """With every price and ratio of an owned fleet given."""
    return with_values(one, {key: times * amount for key, amount in PRICES.items()} | RATIOS)


def rented(one: Scenario, way: str = "on_demand", dollars: float = 2.5) -> Scenario:
    return with_values(one, {"cost.pricing": way, "cost.gpu_hourly": dollars / 3600})


@quick
@given(scenario)
def test_the_lines_of_a_bill_add_up_to_its_total_in_whole_cents(one: Scenario) -> None:
    for made in plans([one, priced(one), rented(one)]):
        assert sum((line.usd_per_year for line in made.lines), Decimal(0)) == usd(made)
        assert all(line.usd_per_year == line.usd_per_year.quantize(CENT) for line in made.lines)


@quick
@given(scenario, st.sampled_from([*PRICES, *RATIOS]), st.integers(11, 30))
def test_a_higher_price_never_lowers_the_cost(one: Scenario, key: str, tenths: int) -> None:
    base = priced(one)
    usual = PRICES.get(key) or RATIOS[key]
    cheap, dear = both(base, key, usual, usual * tenths / 10)
    assert usd(dear) > usd(cheap) or (key == "cost.spares" and usd(dear) == usd(cheap))  # spares are whole nodes
    assert dear.row["gpus"] == cheap.row["gpus"]  # at a given price the cheapest fleet is the smallest


@quick
@given(scenario, st.sampled_from([2, 4, 8]))
def test_all_prices_times_a_number_are_the_bill_times_it(one: Scenario, times: int) -> None:
    once, many = plan(priced(one)), plan(priced(one, times))
    assert abs(usd(many) - times * usd(once)) <= CENT * (times + 1) * len(once.lines)


@quick
@given(scenario, st.sampled_from(["on_demand", "spot"]), st.integers(1, 2_000), st.integers(2, 9))
def test_rent_is_its_price_times_gpus_and_hours(one: Scenario, way: str, cents: int, times: int) -> None:
    once, many = plans([rented(one, way, cents / 100), rented(one, way, times * cents / 100)])
    assert usd(once) == Decimal(once.row["gpus"]) * Decimal(cents) / 100 * 8760
    assert usd(many) == times * usd(once)


@quick
@given(scenario, st.integers(1, 99))
def test_a_mix_costs_between_its_ways(one: Scenario, percent: int) -> None:
    base = with_values(priced(rented(one)), {"cost.spares": 0.0, "cost.staff": 0.0})
    mix = with_values(base, {"cost.pricing": {"own": percent / 100, "on_demand": 1 - percent / 100}})
    own, both_ways, rent = plans([with_values(base, {"cost.pricing": "own"}), mix, base])
    low, high = sorted((usd(own), usd(rent)))
    assert low - CENT * 20 <= usd(both_ways) <= high + CENT * 20


@quick
@given(scenario, st.integers(2, 10), st.integers(1, 5))
def test_a_longer_write_off_never_costs_more_a_year(one: Scenario, years: int, more: int) -> None:
    short, long = both(one, "cost.amortization", years * YEAR_S, (years + more) * YEAR_S)
    assert usd(long) <= usd(short)


@quick
@given(scenario, st.integers(0, 90), st.integers(0, 10))
def test_a_larger_residual_value_never_costs_more(one: Scenario, percent: int, more: int) -> None:
    less, rest = both(one, "cost.residual_value", percent / 100, (percent + more) / 100)
    assert usd(rest) <= usd(less) + CENT


@quick
@given(scenario)
def test_cost_by_the_query_and_by_the_token_is_the_year_over_what_was_served(one: Scenario) -> None:
    row = plan(one).row
    queries = one.workload.qps * YEAR_S
    half_digit = 0.5e-6
    assert float(row["usd_per_1k_queries"]) == pytest.approx(
        float(row["annual_tco_usd"]) / queries * 1e3, abs=half_digit
    )
    tokens = queries * row["output_tokens"]
    assert float(row["usd_per_m_output_tokens"]) == pytest.approx(
        float(row["annual_tco_usd"]) / tokens * 1e6, abs=half_digit
    )


@quick
@given(scenario, st.integers(105, 200), st.integers(1, 100))
def test_energy_is_in_proportion_to_pue_and_money_follows_it(one: Scenario, pue: int, more: int) -> None:
    good, bad = both(one, "cost.pue", pue / 100, (pue + more) / 100)
    assert bad.row["annual_kwh"] == pytest.approx(good.row["annual_kwh"] * (pue + more) / pue)
    assert usd(bad) >= usd(good)


@quick
@given(scenario, st.integers(2, 9))
def test_emissions_are_in_proportion_to_the_grid_and_cost_nothing(one: Scenario, times: int) -> None:
    clean, dirty = both(one, "cost.carbon_intensity", 50 / 3.6e9, times * 50 / 3.6e9)
    assert dirty.row["annual_kg_co2e"] == pytest.approx(times * clean.row["annual_kg_co2e"])
    assert usd(dirty) == usd(clean)


@quick
@given(scenario)
def test_a_rented_fleet_pays_no_tariff_and_draws_as_much(one: Scenario) -> None:
    cheap, dear = both(rented(one), "cost.electricity", 1e-8, 1e-7)
    assert usd(cheap) == usd(dear) and cheap.row["energy_usd_per_year"] is None
    assert cheap.row["annual_kwh"] == pytest.approx(plan(one).row["annual_kwh"])


@quick
@given(scenario, st.integers(1, 40))
def test_evictions_never_make_spot_cheaper(one: Scenario, hours: int) -> None:
    """Of a query that takes less than an hour; longer ones may be refused, as no work would ever be finished."""
    calm = rented(with_values(one, {"reasoning": {"strategy": "direct"}}), "spot")
    often = {"cost.spot": {"eviction_every": f"{hours} hour", "restart": "5 min"}}
    assert usd(plan(with_values(calm, often))) >= usd(plan(calm))


@quick
@given(scenario, st.integers(0, 500), st.integers(0, 500))
def test_a_larger_minimum_commitment_never_costs_less(one: Scenario, gpus: int, more: int) -> None:
    held = with_values(one, {"cost.pricing": "reserved", "cost.term": float(YEAR_S), "cost.gpu_hourly": 2 / 3600})
    small, large = both(held, "cost.minimum_gpus", gpus, gpus + more)
    assert usd(large) >= usd(small)


@quick
@given(scenario, st.integers(20, 80))
def test_a_reserved_base_under_the_day_never_costs_more_than_reserving_all(one: Scenario, percent: int) -> None:
    held = with_values(one, {"cost.pricing": "reserved", "cost.term": float(YEAR_S), "cost.gpu_hourly": 2 / 3600})
    peak = {"curve": "r1-production", "gpu_hourly": "3 USD/hour"}
    whole, best, some = plans(
        [held, with_values(held, {"cost.peak": peak}), with_values(held, {"cost.peak": peak | {"base": percent / 100}})]
    )
    assert usd(best) <= usd(whole) + CENT and usd(best) <= usd(some) + CENT


@settings(quick, max_examples=8)
@given(scenario, st.integers(0, 8), st.integers(1, 4))
def test_faster_growth_never_makes_the_years_ahead_cheaper(one: Scenario, percent: int, more: int) -> None:
    slow, fast = (
        forecast(with_values(one, {"forecast.years": 2, "forecast.growth_per_month": rate / 100}))
        for rate in (percent, percent + more)
    )
    assert sum(year.total_usd for year in fast.years) >= sum(year.total_usd for year in slow.years)
    for found in (slow, fast):
        assert sum((b.usd for year in found.years for b in year.bought), Decimal(0)) == sum(
            year.purchases_usd for year in found.years
        )
