"""A reserved base under the day's load, evictions, minimum commitments."""

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog.accelerators import accelerator
from capplan.cost.base import above, cheapest_base, hourly_nodes
from capplan.cost.bill import bill, kept_board_w
from capplan.cost.energy import idle_w
from capplan.cost.terms import assumptions, rents
from capplan.cost.varied import varied_bill
from capplan.cost.ways import day, split
from capplan.errors import UserError
from capplan.scenario.cost import Cost, Peak, Pricing

H100 = accelerator("h100-sxm")
ON_DEMAND = Pricing((("on_demand", 1.0),))
YEAR_S = 365 * 86400.0
curves = st.lists(st.floats(0.05, 5), min_size=2, max_size=24)


@given(curves, st.integers(1, 200), st.floats(0.1, 10), st.floats(0.1, 10))
def test_no_other_base_is_cheaper(curve: list[float], nodes: int, low: float, high: float) -> None:
    need = hourly_nodes(nodes, curve)
    best = cheapest_base(need, low, high)

    def cost(base: float) -> float:
        return base * low + float(above(need, base)) * high

    assert all(cost(float(best)) <= cost(other) + 1e-9 for other in range(nodes + 1))


def test_the_base_is_where_the_hours_that_need_it_are_the_quotient_of_the_prices() -> None:
    need = np.arange(1, 25.0)  # hour h needs h nodes
    # A node is worth reserving while more than a third of the hours need it: the 16th is needed in 9 hours of 24.
    assert float(cheapest_base(need, 1.0, 3.0)) == 16


@given(curves, st.integers(1, 200), st.floats(0.1, 5))
def test_a_dearer_peak_never_shrinks_the_base(curve: list[float], nodes: int, dearer: float) -> None:
    need = hourly_nodes(nodes, curve)
    assert cheapest_base(need, 1.0, 1.0 + 2 * dearer) >= cheapest_base(need, 1.0, 1.0 + dearer)


def test_the_busiest_hour_needs_the_whole_fleet() -> None:
    need = hourly_nodes(18, day("r1-production"))
    assert need.max() == 18 and need.min() >= 1 and len(need) == 24


def test_a_base_with_a_peak_costs_no_more_than_reserving_all() -> None:
    def total(peak: Peak | None) -> int:
        cost = Cost(pricing=Pricing((("reserved", 1.0),)), term_s=YEAR_S, gpu_hourly_usd_per_s=1.75 / 3600, peak=peak)
        return int(bill(cost, 80, 10, H100, 300.0).lines.total_cents[0])

    mixed = total(Peak(curve="r1-production", gpu_hourly_usd_per_s=3.0 / 3600))
    assert mixed < total(None)
    assert mixed <= total(Peak(curve="r1-production", gpu_hourly_usd_per_s=3.0 / 3600, base=0.5))


def test_a_base_and_its_peak_are_two_lines_that_add_up() -> None:
    cost = Cost(pricing=Pricing((("reserved", 1.0),)), term_s=YEAR_S, gpu_hourly_usd_per_s=1.0 / 3600,
                peak=Peak(curve="r1-production", gpu_hourly_usd_per_s=2.0 / 3600, base=1.0))  # fmt: skip
    lines = {line.name: line.usd_per_year for line in bill(cost, 80, 10, H100, 300.0).lines.row(0)}
    assert lines == {"rent_reserved": Decimal("700800.00")}  # nothing stands above the whole fleet


def test_a_workload_without_hours_is_refused_with_those_that_have_them() -> None:
    with pytest.raises(UserError, match="r1-production"):
        day("deepseek-production")


def test_gpus_rented_by_the_hour_are_paid_while_they_stand_and_others_always() -> None:
    stand = np.array([[10.0, 4.0, 4.0, 6.0]])  # nodes in four parts of the day: 6 in the mean

    def lines(**shares: float) -> dict[str, Decimal]:
        cost = Cost(pricing=Pricing(tuple(shares.items())), term_s=YEAR_S, gpu_hourly_usd_per_s=1.0 / 3600)
        made = bill(cost, 80, 10, H100, 300.0, stand).lines.row(0)
        return {line.name: line.usd_per_year for line in made}

    assert lines(on_demand=1.0) == {"rent_on_demand": Decimal("420480.00")}  # 48 GPUs x 8760 h
    assert lines(reserved=1.0)["rent_reserved"] == Decimal("700800.00")
    # A base of five nodes; above it 5, 0, 0 and 1, shared by two ways of paying by the hour.
    mixed = lines(reserved=0.5, on_demand=0.25, spot=0.25)
    assert mixed["rent_reserved"] == Decimal("350400.00")
    assert mixed["rent_on_demand"] == mixed["rent_spot"] == Decimal("52560.00")  # 6 GPUs x 8760 h


def test_boards_that_are_given_back_draw_nothing() -> None:
    cost = Cost(pricing=Pricing((("on_demand", 1.0),)), gpu_hourly_usd_per_s=1.0 / 3600)
    all_day, half = (bill(cost, 80, 10, H100, 400.0, np.full((1, 2), nodes)) for nodes in (10.0, 5.0))
    assert float(kept_board_w(400.0, idle_w(H100), 0.5)) == pytest.approx(800 - idle_w(H100))
    assert half.kwh[0] == pytest.approx(all_day.kwh[0] * (800 - idle_w(H100)) / 800)


def test_a_minimum_commitment_is_paid_whatever_is_needed() -> None:
    cost = Cost(pricing=Pricing((("reserved", 1.0),)), term_s=YEAR_S, gpu_hourly_usd_per_s=1.0 / 3600, minimum_gpus=64)
    assert bill(cost, 8, 1, H100, 300.0).lines.total_usd(0) == Decimal("560640.00")  # 64 x 8760 h x 1 USD
    assert bill(cost, 80, 10, H100, 300.0).lines.total_usd(0) == Decimal("700800.00")


@pytest.mark.parametrize("curve", [[], [0.0, 0.0], [1.0, -1.0], [1.0, float("nan")], [[1.0, 2.0]]])
def test_a_day_without_load_is_no_day(curve: list[float]) -> None:
    with pytest.raises(ValueError, match="rates from 0 up"):
        hourly_nodes(10, curve)


def test_a_peak_pays_the_catalogues_rent_unless_it_is_given() -> None:
    cost = Cost(pricing=Pricing((("reserved", 1.0),)), term_s=YEAR_S, peak=Peak(curve="r1-production"))
    (reserved, share), (peak, none) = rents(cost, "h100-sxm")
    assert (reserved.way, share, peak.way, none) == ("reserved", 1.0, "on_demand", 0.0)
    assert peak.usd_per_s == next(r.usd_per_s for r, _ in rents(Cost(pricing=ON_DEMAND), "h100-sxm"))
    spot = cost.having({"peak": Peak(curve="r1-production", pricing="spot", gpu_hourly_usd_per_s=1.0 / 3600)})
    assert [(r.way, r.usd_per_s) for r, _ in rents(spot, "h100-sxm")][1] == ("spot", 1.0 / 3600)


def test_a_peak_whose_rent_varies_varies_the_bill_above_the_base_alone() -> None:
    cost = Cost(pricing=Pricing((("reserved", 1.0),)), term_s=YEAR_S, gpu_hourly_usd_per_s=1.0 / 3600,
                peak=Peak(curve="r1-production", gpu_hourly_usd_per_s=2.0 / 3600, base=0.5))  # fmt: skip
    rents_usd_per_s = np.array([2.0, 4.0]) / 3600
    made = varied_bill(cost, H100, [80.0, 80.0], 10.0, 300.0, values={"cost.peak.gpu_hourly": rents_usd_per_s})
    once, twice = ({line.name: line.usd_per_year for line in made.lines.row(at)} for at in (0, 1))
    assert once == {line.name: line.usd_per_year for line in bill(cost, 80, 10, H100, 300.0).lines.row(0)}
    assert twice["rent_reserved"] == once["rent_reserved"] == Decimal("350400.00")  # 40 GPUs around the clock
    assert twice["rent_on_demand"] == pytest.approx(2 * once["rent_on_demand"])


def test_only_a_scenario_with_a_peak_is_split() -> None:
    with pytest.raises(ValueError, match="no peak above a base"):
        split(Cost(), np.array([10.0]), 1.0, 2.0)


@pytest.mark.parametrize(
    ("key", "values", "written"),
    [
        ("cost.gpu_hourly", (2.0 / 3600, 3.0 / 3600), lambda v: {"gpu_hourly_usd_per_s": v}),
        ("cost.node_price", (10e3, 40e3), lambda v: {"node_price_usd": v}),
        ("cost.amortization", (3 * YEAR_S, 5 * YEAR_S), lambda v: {"amortization_s": v}),
        ("cost.carbon_intensity", (1e-8, 1e-7), lambda v: {"carbon_intensity_kg_per_j": v}),
        ("cost.electricity", (2e-8, 4e-8), lambda v: {"electricity_usd_per_j": v}),
    ],
)
def test_a_key_that_varies_by_row_gives_what_each_scenario_gives(
    key: str, values: tuple[float, float], written: Callable[[float], dict[str, float]]
) -> None:
    mixed = Cost(pricing=Pricing((("own", 0.5), ("on_demand", 0.5))))
    made = varied_bill(mixed, H100, [80.0, 80.0], 10.0, 300.0, values={key: np.array(values)})
    for at, value in enumerate(values):
        alone = bill(mixed.having(written(value)), 80, 10, H100, 300.0)
        assert made.lines.total_usd(at) == alone.lines.total_usd(0)
        assert float(made.kg_co2e[at]) == pytest.approx(float(alone.kg_co2e[0]))


def test_what_is_rented_at_the_catalogues_price_tells_its_band_and_where_it_is_from() -> None:
    cost = Cost(pricing=Pricing((("reserved", 1.0),)), term_s=YEAR_S, peak=Peak(curve="r1-production", pricing="spot"))
    said = [one for one in assumptions(cost, H100, None) if one.key == "cost.gpu_hourly"]
    assert ["for 100% reserved (band" in one.value for one in said] == [True, False]
    assert "for what stands above the base, spot (band" in said[1].value
    keys = [one.key for one in assumptions(cost, H100, None)]
    assert "cost.spot.eviction_every" in keys and any(key.startswith("price band, ") for key in keys)
    given = cost.having({"gpu_hourly_usd_per_s": 2.0 / 3600})
    assert "cost.gpu_hourly" not in [one.key for one in assumptions(given, H100, None)]
