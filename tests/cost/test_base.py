"""A reserved base under the day's load, evictions, minimum commitments."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog.accelerators import accelerator
from capplan.cost.base import above, cheapest_base, eviction_factor, hourly_nodes
from capplan.cost.bill import bill
from capplan.cost.ways import day
from capplan.errors import UserError
from capplan.scenario.cost import Cost, Peak, Pricing, Spot

H100 = accelerator("h100-sxm")
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


def test_evictions_lose_the_restart_and_the_work_in_flight() -> None:
    assert float(eviction_factor(7200, 600, 120)) == pytest.approx(1 / 0.9)
    with pytest.raises(UserError, match="as long as passes between two"):
        eviction_factor(600, 500, 200)


@given(st.floats(100, 1e6), st.floats(0, 40), st.floats(0, 20), st.floats(0, 20))
def test_longer_chains_lose_more(every: float, restart: float, short: float, more: float) -> None:
    assert eviction_factor(every, restart, short + more) >= eviction_factor(every, restart, short) >= 1


def test_spot_bills_grow_by_the_evictions() -> None:
    def total(spot: Spot) -> float:
        cost = Cost(pricing=Pricing((("spot", 1.0),)), gpu_hourly_usd_per_s=0.8 / 3600, spot=spot)
        return float(bill(cost, 80, 10, H100, 300.0, lost_s=60.0).lines.total_usd(0))

    assert total(Spot(eviction_every_s=3600.0, restart_s=300.0)) == pytest.approx(total(Spot()) / 0.9)


def test_a_minimum_commitment_is_paid_whatever_is_needed() -> None:
    cost = Cost(pricing=Pricing((("reserved", 1.0),)), term_s=YEAR_S, gpu_hourly_usd_per_s=1.0 / 3600, minimum_gpus=64)
    assert bill(cost, 8, 1, H100, 300.0).lines.total_usd(0) == Decimal("560640.00")  # 64 x 8760 h x 1 USD
    assert bill(cost, 80, 10, H100, 300.0).lines.total_usd(0) == Decimal("700800.00")
