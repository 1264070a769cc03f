"""Prices grow old by the catalogue's own day or a given one, never by the clock."""

import datetime

import pytest

from capplan.cost.age import Used, day, stale, used, used_api
from capplan.errors import UserError
from capplan.scenario.cost import Api, Cost, Pricing

READ = "2026-11-21"


@pytest.mark.parametrize(
    ("date", "old"),
    [
        ("2026-11-20", False),
        ("2026-08-23", False),
        ("2026-08-22", True),
        ("2026-05", True),
        ("2026", False),
        ("", True),
    ],
)
def test_a_price_is_old_after_ninety_days_from_the_last_day_that_its_date_can_mean(date: str, old: bool) -> None:
    assert bool(Used("cost.gpu_hourly", "rent", date, READ).stale()) is old


def test_a_given_day_goes_before_the_day_of_reading() -> None:
    price = Used("cost.gpu_hourly", "rent", "2026-04-01", READ)
    assert "234 days before 2026-11-21" in price.stale()
    assert price.stale(datetime.date(2026, 6, 1)) == ""


def test_prices_of_the_scenario_have_no_age() -> None:
    assert used(Cost(purchase_price_usd=1.0), "h100-sxm") == ()
    rented = Cost(pricing=Pricing((("on_demand", 1.0),)), gpu_hourly_usd_per_s=1e-3)
    assert used(rented, "h100-sxm") == ()


def test_every_price_behind_a_bill_is_judged_once() -> None:
    mix = Cost(pricing=Pricing((("own", 0.5), ("on_demand", 0.5))), provider="spheron")
    found = used(mix, "h100-sxm")
    assert [price.key for price in found] == ["cost.purchase_price", "cost.gpu_hourly or cost.provider"]
    assert len(stale([*found, *found])) == 1


def test_a_median_is_judged_by_its_dated_quotations_and_names_the_newest() -> None:
    (price,) = used(Cost(pricing=Pricing((("on_demand", 1.0),))), "h100-sxm")
    assert price.date == "2026-04-01" and price.stale(datetime.date(2026, 6, 1)) == ""
    assert "cost.provider: azure, quoted 2026-08-17" in price.stale() and "catalog import" in price.stale()


def test_an_api_price_is_dated_too() -> None:
    (price,) = used_api(Cost(api=Api(model="deepseek-r1")))
    assert price.date == "2026-11" and price.stale() == ""
    assert used_api(Cost()) == ()


def test_a_day_is_written_in_full() -> None:
    assert day("2026-11-21") == datetime.date(2026, 11, 21)
    for wrong in ("2026-11", "21.11.2026", "2026-13-01"):
        with pytest.raises(UserError, match="--as-of"):
            day(wrong)
