"""Water and the carbon of the hardware: told where there is a figure, and said to be absent where there is none."""

from dataclasses import replace

import pytest

from capplan.catalog.accelerators import accelerator
from capplan.cost.footprint import footprint
from capplan.scenario.cost import Cost

H100 = accelerator("h100-sxm")
YEAR_S = 365 * 86400.0


def test_water_is_that_of_making_the_electricity_where_the_region_is() -> None:
    made = footprint(Cost(region="australia"), H100, 8, 1000.0)
    assert made.water_l == pytest.approx(4729.3)  # 4.7293 L/kWh
    assert "water" not in {said.key for said in made.absent}


def test_a_region_of_a_provider_is_looked_up_as_such_before_it_is_a_place() -> None:
    cloud = footprint(Cost(region="ap-southeast-2", provider="aws"), H100, 8, 1000.0)
    assert cloud.water_l == pytest.approx(4729.3)  # Sydney
    assert footprint(Cost(region="australia", provider="aws"), H100, 8, 1000.0).water_l == cloud.water_l


@pytest.mark.parametrize("cost", [Cost(), Cost(region="atlantis"), Cost(region="atlantis", provider="aws")])
def test_without_a_figure_water_is_not_told_and_the_report_says_for_where(cost: Cost) -> None:
    made = footprint(cost, H100, 8, 1000.0)
    assert made.water_l is None
    (said,) = (one for one in made.absent if one.key == "water")
    assert (cost.region or "no cost.region is given") in said.source


def test_the_carbon_of_making_boards_is_spread_over_their_years() -> None:
    assert H100.embodied_kg is not None
    made = footprint(Cost(amortization_s=4 * YEAR_S), H100, 80, 1000.0)
    assert made.embodied_kg_co2e == pytest.approx(80 * H100.embodied_kg / 4)
    unknown = footprint(Cost(), replace(H100, embodied_kg=None), 80, 1000.0)
    assert unknown.embodied_kg_co2e is None
    assert "no embodied_carbon of h100-sxm" in next(one.source for one in unknown.absent if one.key != "water")
