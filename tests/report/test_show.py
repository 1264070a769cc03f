"""Values for people: three digits, one scale a column, nothing in scientific notation that needs none."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.report.metrics import metric
from capplan.report.show import cell, cents, column, number


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_a_number_keeps_three_significant_digits(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=0.5e-2)


@given(st.floats(min_value=1e-6, max_value=1e6), st.floats(min_value=1.02, max_value=10))
def test_a_larger_number_never_reads_smaller(value: float, factor: float) -> None:
    assert float(number(value).replace(",", "")) <= float(number(value * factor).replace(",", ""))


def test_a_column_of_times_has_one_unit_chosen_by_its_largest() -> None:
    assert column(metric("tta_s"), [0.9, 7.2, None]) == ("TTA s", ["0.900", "7.20", "-"])
    assert column(metric("itl_s"), [0.01834, 0.0092]) == ("ITL ms", ["18.3", "9.20"])


def test_money_of_a_year_is_in_whole_dollars_and_a_line_in_cents() -> None:
    assert cell(metric("annual_tco_usd"), Decimal("70271265.37")) == "$70,271,265"
    assert cents(Decimal("70271265.3")) == "70,271,265.30"
    assert cell(metric("usd_per_correct_answer"), 0.000412) == "$0.000412"


def test_what_does_not_apply_is_a_dash_and_never_a_zero() -> None:
    assert cell(metric("accuracy"), None) == "-"
    assert cell(metric("samples"), 0) == "0"


def test_a_ratio_is_a_percentage_and_a_multiplier_has_its_x() -> None:
    assert cell(metric("utilization"), 0.7312) == "73.1 %"
    assert cell(metric("cost_multiplier"), 7.62) == "7.6x"


def test_a_word_in_a_column_of_numbers_is_shown_as_it_is() -> None:
    assert column(metric("k"), ["auto", 4])[1] == ["auto", "4"]
    assert column(metric("ttft_s"), ["auto", 4])[1] == ["auto", "4"]
