"""The region of a scenario brings its tariff, carbon and PUE, and never a quiet default in their stead."""

import pytest

from capplan.catalog.accelerators import accelerator
from capplan.catalog.figures import MissingFigure
from capplan.catalog.files import UnknownName
from capplan.cost.bill import bill
from capplan.cost.place import place
from capplan.scenario.cost import Cost, Pricing

RENTED = Pricing((("on_demand", 1.0),))


def test_a_state_brings_its_tariff_and_the_countrys_carbon() -> None:
    here = place(Cost(region="usa-iowa"))
    assert here.electricity_usd_per_j * 3.6e6 == pytest.approx(0.0604)
    assert here.carbon_kg_per_j * 3.6e9 == pytest.approx(369.5)
    assert here.pue == 1.12
    assert "EIA" in here.source("electricity") and here.source("pue").startswith("default")


def test_what_the_scenario_gives_goes_before_the_site() -> None:
    given = Cost(region="usa-iowa").having({"electricity_usd_per_j": 0.2 / 3.6e6, "pue": 1.3})
    here = place(given)
    assert here.electricity_usd_per_j * 3.6e6 == pytest.approx(0.2)
    assert here.pue == 1.3
    assert here.source("pue") == "scenario"


def test_a_site_without_a_tariff_is_refused_for_an_owned_fleet_alone() -> None:
    with pytest.raises(MissingFigure, match="electricity"):
        place(Cost(region="nrel-esif"))
    assert place(Cost(region="nrel-esif", pricing=RENTED)).pue == 1.06


def test_an_unknown_region_is_refused_for_an_owned_fleet_and_left_open_for_a_rented_one() -> None:
    with pytest.raises(UnknownName, match="atlantis"):
        place(Cost(region="atlantis"))
    assert place(Cost(region="atlantis", provider="nebius", pricing=RENTED)).source("carbon").startswith("default")


def test_a_cleaner_region_emits_less_for_the_same_energy() -> None:
    h100 = accelerator("h100-sxm")
    here = bill(
        [Cost(), Cost(region="sweden").having({"electricity_usd_per_j": 0.1 / 3.6e6})], [8, 8], [1, 1], h100, 400.0
    )
    assert here.kwh[0] == here.kwh[1]
    assert here.kg_co2e[1] < 0.2 * here.kg_co2e[0]


def test_every_figure_that_was_left_open_is_an_assumption() -> None:
    keys = {said.key for said in place(Cost()).assumptions()}
    assert keys == {"cost.pue", "cost.electricity", "cost.carbon_intensity"}
    assert place(Cost().having({"pue": 1.2})).assumptions()[0].key == "cost.electricity"
