"""Bills add up to the cent, grow with every price, and refuse what has no price."""

import json
import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog import files
from capplan.catalog.accelerators import accelerator
from capplan.catalog.figures import MissingFigure
from capplan.catalog.prices import Quote, of_term, purchase
from capplan.cost.bill import bill
from capplan.cost.energy import power_law
from capplan.cost.lines import CostLines, broadcast, cents, column, usd, usd_per
from capplan.cost.ownership import OwnershipTerms, annuity, depreciation_and_financing, own, spare_nodes, stack
from capplan.cost.rent import catalogued_rent
from capplan.cost.terms import _figure, host_usd_per_gpu, network_tiers, network_usd_per_gpu, ownership_terms
from capplan.errors import PriceError, UserError
from capplan.scenario.cost import Cost, Pricing

H100 = accelerator("h100-sxm")
YEAR_S = 365 * 86400.0

ratios = st.floats(0, 1)
amounts = st.floats(0, 1e6)
PRICES = (
    "gpu_price_usd", "host_usd_per_gpu", "network_usd_per_gpu", "electricity_usd_per_j", "colocation_usd_per_w_s",
    "interest", "installation", "maintenance", "spares",
)  # fmt: skip


@st.composite
def bills(draw: st.DrawFn) -> tuple[OwnershipTerms, int, int, float]:
    terms = OwnershipTerms(
        gpu_price_usd=draw(amounts), host_usd_per_gpu=draw(amounts), network_usd_per_gpu=draw(amounts),
        tdp_w=draw(st.floats(50, 2000)), amortization_years=draw(st.floats(0.5, 15)), interest=draw(st.floats(0, 0.4)),
        residual_value=draw(ratios), installation=draw(st.floats(0, 0.4)), maintenance=draw(st.floats(0, 0.4)),
        spares=draw(st.floats(0, 0.4)), pue=draw(st.floats(1, 3)), electricity_usd_per_j=draw(st.floats(0, 1e-6)),
        colocation_usd_per_w_s=draw(st.floats(0, 1e-7)),
    )  # fmt: skip
    nodes = draw(st.integers(0, 5000))
    return terms, nodes * draw(st.sampled_from([1, 4, 8, 72])), nodes, draw(st.floats(0, 2000))


def _total(lines: CostLines, row: int = 0) -> Decimal:
    return sum((line.usd_per_year for line in lines.row(row)), Decimal(0))


@given(bills())
def test_the_lines_shown_add_up_to_the_total_to_the_cent(case: tuple[OwnershipTerms, int, int, float]) -> None:
    lines = own(*case)
    assert _total(lines) == lines.total_usd(0)
    assert all(line.usd_per_year == line.usd_per_year.quantize(Decimal("0.01")) for line in lines.row(0))


@given(bills(), st.sampled_from(PRICES))
def test_doubling_a_price_never_lowers_a_cost(case: tuple[OwnershipTerms, int, int, float], price: str) -> None:
    terms, gpus, nodes, power = case
    dearer = replace(terms, **{price: 2 * getattr(terms, price)})
    before, after = own(terms, gpus, nodes, power), own(dearer, gpus, nodes, power)
    # A dearer price moves no line down by more than the rounding of a cent.
    for old, new in zip(before.columns, after.columns, strict=True):
        assert int(new.cents_per_year) >= int(old.cents_per_year) - 1, old.name
    assert int(after.total_cents) >= int(before.total_cents) - 2


@given(bills(), st.integers(1, 400))
def test_more_nodes_never_cost_less(case: tuple[OwnershipTerms, int, int, float], more: int) -> None:
    terms, _, nodes, power = case
    few, many = own(terms, nodes * 8, nodes, power), own(terms, (nodes + more) * 8, nodes + more, power)
    assert int(many.total_cents) >= int(few.total_cents)


def test_a_thousand_random_rows_add_up_in_one_call() -> None:
    draw = np.random.default_rng(5)
    rows = 1000
    costs = [
        Cost(
            purchase_price_usd=float(draw.uniform(1e3, 6e4)), interest=float(draw.uniform(0, 0.2)),
            residual_value=float(draw.uniform(0, 0.5)), spares=float(draw.uniform(0, 0.2)),
            staff_usd_per_year=float(draw.uniform(0, 1e6)), gpu_hourly_usd_per_s=float(draw.uniform(1, 9)) / 3600,
            pricing=Pricing((("own", 0.4), ("on_demand", 0.35), ("spot", 0.25))),
        )
        for _ in range(rows)
    ]  # fmt: skip
    nodes = draw.integers(1, 900, rows)
    made = bill(costs, nodes * 8, nodes, H100, draw.uniform(100, 700, rows))
    totals = made.columns(10.0, 300.0)["annual_tco_usd"]
    assert [_total(made.lines, row) for row in range(rows)] == totals.tolist()


@pytest.mark.parametrize("pricing", [(("own", 1.0),), (("on_demand", 1.0),), (("own", 0.5), ("spot", 0.5))])
def test_people_and_licences_are_paid_for_once_whoever_owns_the_gpus(pricing: tuple[tuple[str, float], ...]) -> None:
    plain = Cost(pricing=Pricing(pricing), gpu_hourly_usd_per_s=2 / 3600)
    manned = Cost(
        pricing=Pricing(pricing), gpu_hourly_usd_per_s=2 / 3600, staff_usd_per_year=300_000.0,
        software_usd_per_gpu_year=4_500.0,
    )  # fmt: skip
    without, with_people = (bill(cost, 64, 8, H100, 450.0).lines.total_usd(0) for cost in (plain, manned))
    assert with_people - without == 300_000 + 64 * 4_500


def test_a_row_of_a_sweep_is_the_same_as_the_row_alone() -> None:
    costs = [Cost(interest=0.05), Cost(interest=0.08, spares=0.03), Cost(maintenance=0.1)]
    together = bill(costs, [8, 64, 4096], [1, 8, 512], H100, [300.0, 400.0, 500.0])
    for row, (cost, nodes, power) in enumerate(zip(costs, [1, 8, 512], [300.0, 400.0, 500.0], strict=True)):
        alone = bill(cost, nodes * 8, nodes, H100, power)
        assert alone.lines.total_usd(0) == together.lines.total_usd(row)
        one, many = alone.columns(5.0, 9.0), together.columns(5.0, 9.0)
        assert all(many[name] is None if value is None else many[name][row] == value[0] for name, value in one.items())


def _number(value: object) -> float:
    return float(str(value))


def test_the_columns_of_the_contract_follow_from_the_lines() -> None:
    made = bill(Cost(), 64, 8, H100, 450.0).columns(100.0, 500.0)
    row = {name: None if value is None else value[0] for name, value in made.items()}
    total = _number(row["annual_tco_usd"])
    parts = [_number(row[name]) for name in ("capex_usd_per_year", "energy_usd_per_year", "maintenance_usd_per_year")]
    assert sum(parts) == pytest.approx(total, abs=1e-6)
    assert row["rent_usd_per_year"] is None
    grid_w = 64 * 450 * 1.43 * 1.12
    assert _number(row["annual_kwh"]) == pytest.approx(grid_w * 8.76)
    assert _number(row["annual_kg_co2e"]) == pytest.approx(grid_w * 8.76 * 0.369)
    assert _number(row["energy_j_per_query"]) == pytest.approx(grid_w / 100)
    assert _number(row["usd_per_1k_queries"]) == pytest.approx(total / (100 * YEAR_S) * 1e3, abs=1e-6)
    assert _number(row["usd_per_m_output_tokens"]) == pytest.approx(total / (100 * YEAR_S * 500) * 1e6, abs=1e-6)


def test_without_queries_there_is_no_cost_a_query() -> None:
    row = bill(Cost(), 8, 1, H100, 100.0).columns(0.0, 0.0)
    assert row["usd_per_1k_queries"][0] is None and math.isnan(row["energy_j_per_query"][0])


def test_an_annuity_repays_its_principal() -> None:
    rate, years = 0.07, 5
    owed = 1000.0
    for _ in range(years):
        owed = owed * (1 + rate) - 1000.0 * float(annuity(rate, years))
    assert owed == pytest.approx(0, abs=1e-9)
    assert float(annuity(0.0, 4)) == 0.25
    assert float(annuity(1e-9, 4)) == pytest.approx(0.25, rel=1e-7)


@given(st.floats(0, 0.5), st.floats(0.5, 20), ratios)
def test_write_off_and_financing_pay_for_what_is_lost(rate: float, years: float, residual: float) -> None:
    loss, financing = depreciation_and_financing(rate, years, residual)
    assert float(financing) >= 0
    payment = float(loss + financing)
    worth = payment / float(annuity(rate, years)) + residual * (1 + rate) ** -years
    assert worth == pytest.approx(1, rel=1e-9)


def test_straight_line_at_no_interest_has_no_financing() -> None:
    lines = bill(Cost(), 64, 8, H100, 450.0).lines
    assert "financing" not in [line.name for line in lines.row(0)]
    assert lines.row(0)[0].usd_per_year == Decimal("440000.00")  # 64 x 27,500 / 4


def test_spares_are_whole_nodes() -> None:
    assert spare_nodes([0, 1, 33, 34, 100], 0.03).tolist() == [0, 1, 1, 2, 3]


def test_the_network_is_chosen_by_the_size_of_the_fleet() -> None:
    prices = network_usd_per_gpu([8, 512, 513, 1024, 10**6], [1, 64, 65, 128, 125_000])
    assert prices.tolist() == [0, 1882, 4248, 4248, 6612]


def test_hosts_of_racks_are_in_the_price_and_cards_take_cheaper_servers() -> None:
    assert host_usd_per_gpu(accelerator("gb200")).usd == 0
    assert host_usd_per_gpu(H100).usd == 11_250
    assert host_usd_per_gpu(accelerator("l40s")).usd == 3_750


def test_the_scenarios_price_goes_before_the_catalogues() -> None:
    given_price = ownership_terms(Cost(purchase_price_usd=1.0, node_price_usd=16.0, network_price_usd=3.0), H100)
    assert (given_price.gpu_price_usd, given_price.host_usd_per_gpu, given_price.network_usd_per_gpu) == (1.0, 2.0, 3.0)
    assert given_price.source("gpu_price_usd") == "scenario"
    assert purchase("h100-sxm").low_usd <= purchase("h100-sxm").usd <= purchase("h100-sxm").high_usd


def test_a_mix_pays_each_way_for_its_share() -> None:
    mix = Cost(pricing=Pricing((("own", 0.5), ("on_demand", 0.3), ("spot", 0.2))), gpu_hourly_usd_per_s=2 / 3600)
    lines = {line.name: line for line in bill(mix, 80, 10, H100, 400.0).lines.row(0)}
    assert lines["rent_on_demand"].usd_per_year == Decimal("420480.00")  # 24 x 2 x 8760
    assert lines["rent_spot"].usd_per_year == Decimal("280320.00")
    assert lines["gpu_capex"].usd_per_year == Decimal("275000.00")  # 40 x 27,500 / 4
    assert lines["rent_spot"].formula == "16 GPUs x 2 USD/hour x 8760 h"


def test_a_rented_fleet_pays_no_energy_but_still_uses_it() -> None:
    rented = bill(Cost(pricing=Pricing((("on_demand", 1.0),))), 8, 1, H100, 500.0)
    row = {name: None if value is None else value[0] for name, value in rented.columns(1.0, 1.0).items()}
    assert row["energy_usd_per_year"] is None and row["capex_usd_per_year"] is None
    assert row["rent_usd_per_year"] == row["annual_tco_usd"]
    assert _number(row["annual_kwh"]) > 0


def test_the_price_without_a_provider_lies_within_the_band_of_the_providers() -> None:
    found = catalogued_rent("h100-sxm", "on_demand")
    assert found.low_usd_per_s < found.usd_per_s < found.high_usd_per_s
    assert found.basis.startswith("median of")
    assert catalogued_rent("h100-sxm", "on_demand", "aws").usd_per_s * 3600 == pytest.approx(6.88)


@pytest.mark.parametrize(
    ("way", "provider", "region", "said"),
    [
        ("reserved", None, None, "term 'reserved'"),
        ("on_demand", "awz", None, "aws"),
        ("on_demand", "aws", "mars", "us-east-1"),
    ],
)
def test_terms_without_a_price_are_refused_by_name_with_the_nearest(
    way: str, provider: str | None, region: str | None, said: str
) -> None:
    chip = "l40s" if way == "reserved" else "h100-sxm"
    with pytest.raises(PriceError, match=said):
        catalogued_rent(chip, way, provider, region)


def _reserved(years: float | None) -> Quote:
    commitment_s = None if years is None else years * YEAR_S
    return Quote(usd_per_gpu_s=1.0, provider="a", tier="neocloud", term="reserved", commitment_s=commitment_s)


def test_a_reservation_of_another_length_is_refused_with_those_that_have_a_price() -> None:
    assert of_term("chip", [_reserved(1), _reserved(3)], 3 * YEAR_S) == [_reserved(3)]
    assert of_term("chip", [_reserved(None)], 3 * YEAR_S) == [_reserved(None)]
    with pytest.raises(PriceError, match=r"reserved for 2 years \(cost.term with a price: 1 year, 3 years\)"):
        of_term("chip", [_reserved(1), _reserved(3)], 2 * YEAR_S)


def test_a_chip_that_nobody_sells_or_rents_is_refused() -> None:
    with pytest.raises(PriceError, match="no purchase price"):
        purchase("tpu-v6e")
    with pytest.raises(PriceError, match="no rental price"):
        bill(Cost(pricing=Pricing((("on_demand", 1.0),))), 8, 1, accelerator("tpu-v6e"), 0.0)


def test_ten_thousand_rows_are_one_call_and_one_row_is_a_view() -> None:
    rows = np.arange(1, 10_001)
    made = bill(Cost(interest=0.06), rows * 8, rows, H100, 400.0)
    assert made.lines.total_cents.shape == (10_000,)
    assert _total(made.lines, 9_999) == made.lines.total_usd(9_999)


def test_deepseeks_day_costs_half_a_dollar_per_million_output_tokens() -> None:
    # Published 2025-02-28: 226.75 nodes of 8 H800 at 2 USD an hour made 168 billion output tokens in a day.
    rented = Cost(pricing=Pricing((("on_demand", 1.0),)), gpu_hourly_usd_per_s=2 / 3600)
    day = bill(rented, 226.75 * 8, 226.75, H100, 0.0)
    assert int(day.lines.total_cents[0]) / 100 / 365 == pytest.approx(87_072)
    assert usd_per(int(day.lines.total_cents[0]), 168e9 * 365, 1e6) == Decimal("0.518286")


@pytest.mark.parametrize("amount", [-0.01, float("nan")])
def test_an_amount_that_is_no_money_is_refused(amount: float) -> None:
    with pytest.raises(ValueError, match="yearly cost"):
        cents(amount)


@pytest.mark.parametrize("amount", [float("inf"), 1e17])
def test_an_amount_too_large_for_cents_is_the_users_to_mend(amount: float) -> None:
    with pytest.raises(UserError, match="exponents"):
        cents(amount)


def test_columns_of_unlike_shapes_are_stretched() -> None:
    lines = broadcast([
        column("a", "A", "rent", [1.0, 2.0], "{x}", "s", x=[1, 2]), column("b", "B", "energy", 0.5, "", "s")
    ])  # fmt: skip
    assert [lines.total_usd(row) for row in (0, 1)] == [Decimal("1.50"), Decimal("2.50")]
    assert lines.row(1)[0].formula == "2"
    assert usd(5) == Decimal("0.05")
    with pytest.raises(ValueError, match="one of"):
        lines.category_cents("fun")


def test_the_lines_of_a_row_are_those_lines_wherever_they_go() -> None:
    made = bill([Cost(), Cost(pricing=Pricing((("on_demand", 1.0),)))], [8, 8], [1, 1], H100, 400.0).lines
    row, again, other = made.row(0), made.row(0), made.row(1)
    assert row == again and hash(row) == hash(again) and row == tuple(row)
    assert row != other and row != "lines" and row != 3
    sent = pickle.loads(pickle.dumps(row))
    assert sent == row


def test_a_line_of_no_known_category_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="fees: one of"):
        column("fee", "Fee", "fees", 1.0, "", "")


def test_a_bill_needs_one_setting_or_one_for_each_row() -> None:
    with pytest.raises(ValueError, match="2 settings for 3 rows"):
        bill([Cost(), Cost()], [8, 8, 8], [1, 1, 1], H100, 400.0)


@pytest.mark.parametrize(("interest", "years"), [(-0.01, 4), (0.06, 0), (0.06, -1), (float("nan"), 4)])
def test_an_annuity_needs_an_interest_and_a_time(interest: float, years: float) -> None:
    with pytest.raises(ValueError, match="interest from 0 up over a time above 0"):
        annuity([0.06, interest], years)


def test_terms_of_a_sweep_name_a_source_only_where_all_rows_share_it() -> None:
    rows = [OwnershipTerms(25e3, 0, 0, 700, 4, sources=(("gpu_price_usd", said), ("pue", "default")))
            for said in ("vendor", "dealer")]  # fmt: skip
    both = stack([(terms, [row]) for row, terms in enumerate(rows)], 2)
    assert both.gpu_price_usd.tolist() == [25e3, 25e3]
    assert (both.source("gpu_price_usd"), both.source("pue")) == ("by row", "default")


@pytest.fixture
def emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """`emptied(name, key)`: a catalogue of one's own whose prices/datacenter file lacks a key."""

    def without(name: str, key: str) -> None:
        tree = {**files.load_yaml(files.find("prices/datacenter", name))}
        del tree[key]
        folder = tmp_path / "prices" / "datacenter"
        folder.mkdir(parents=True)
        (folder / f"{name}.yaml").write_text(json.dumps(tree))
        monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))

    for cached in (_figure, network_tiers, power_law):
        cached.cache_clear()
    yield without
    for cached in (_figure, network_tiers, power_law):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("name", "key", "asks", "said"),
    [
        ("node", "host", lambda: host_usd_per_gpu(H100), r"host\.mid.*host cost"),
        ("network", "tiers", network_tiers, "tiers.*network cost"),
        ("power", "idle", power_law, "idle.*power of a board"),
    ],
)
def test_a_catalogue_without_a_figure_is_told_what_needs_it(
    emptied: Callable[[str, str], None], name: str, key: str, asks: Callable[[], object], said: str
) -> None:
    emptied(name, key)
    with pytest.raises(MissingFigure, match=said):
        asks()
