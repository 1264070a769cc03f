"""Accuracy against tokens: the saturating fit, its interval, and files that carry no curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.errors import UserError
from capplan.reasoning.accuracy import curve_file
from capplan.reasoning.accuracy.curve import Point, fit

RISING = [Point(256, 0.50, 500), Point(1024, 0.62, 500), Point(4096, 0.71, 500), Point(16384, 0.75, 500)]


def test_a_fit_through_points_of_the_law_finds_them_again():
    law = lambda tokens: 0.9 - 2.0 * tokens**-0.4  # noqa: E731
    tokens = np.array([200.0, 800.0, 3200.0, 12800.0, 51200.0])
    found = fit([Point(t, law(t), 100_000) for t in tokens]).at(np.array([400.0, 6400.0]))
    assert found.value == pytest.approx(law(np.array([400.0, 6400.0])), abs=0.004)
    assert found.status == "fitted"


def test_points_lie_within_their_own_interval():
    found = fit(RISING).at(np.array([p.tokens for p in RISING]))
    assert all(low <= p.accuracy <= high for low, p, high in zip(found.low, RISING, found.high, strict=True))


def test_beyond_the_points_the_curve_says_extrapolated_and_its_interval_widens():
    curve = fit(RISING)
    inside, beyond = curve.at(4096.0), curve.at(1e6)
    assert (inside.status, beyond.status) == ("fitted", "extrapolated")
    assert float(beyond.high - beyond.low) > float(inside.high - inside.low)


def test_doubling_tokens_gains_less_and_less():
    value = fit(RISING).at(np.geomspace(256, 16384 * 8, 12)).value
    assert np.all(np.diff(value) > 0)
    assert np.all(np.diff(value, n=2) < 0)


def test_a_falling_curve_claims_no_gain_and_covers_every_point():
    falling = [Point(256, 0.80, 500), Point(1024, 0.75, 500), Point(4096, 0.71, 500)]
    curve = fit(falling)
    found = curve.at(np.array([256.0, 4096.0, 1e6]))
    assert not curve.rising and "do not rise" in found.basis
    assert np.ptp(found.value) == 0
    assert np.all(found.low <= 0.71) and np.all(found.high >= 0.80)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(10, 1e5), st.floats(0, 1), st.integers(5, 5000)),
        min_size=3,
        max_size=8,
        unique_by=lambda row: round(row[0], 3),
    )
)
def test_any_points_give_an_accuracy_between_0_and_1_inside_its_interval(rows):
    found = fit([Point(*row) for row in rows]).at(np.geomspace(1, 1e6, 20))
    assert np.all((found.low >= 0) & (found.low <= found.value) & (found.value <= found.high) & (found.high <= 1))


@pytest.mark.parametrize("points, message", [
    ([Point(100, 0.5)], "at least 3"),
    ([Point(100, 0.5), Point(100, 0.6), Point(100, 0.7), Point(200, 0.7)], "2 different token lengths"),
    ([Point(100, 0.5), Point(200, 1.2), Point(300, 0.7)], "outside 0 .. 100 %"),
    ([Point(0, 0.5), Point(200, 0.6), Point(300, 0.7)], "must be above 0"),
    ([Point(10, 0.5, 0), Point(200, 0.6), Point(300, 0.7)], "must be 1 or more"),
])  # fmt: skip
def test_points_that_carry_no_curve_are_refused_with_the_reason(points, message):
    with pytest.raises(UserError, match=message):
        fit(points)


@pytest.mark.parametrize("text, message", [
    ("", "no column 'tokens'"),
    ("tokens,accuracy\n", "no points"),
    ("tokens,accuracy\n100,50\n200,60\n", "needs at least 3"),
    ("tokens,accuracy\n100,50\n200,160\n300,70\n", r":3: accuracy 160 is outside 0 .. 100 %"),
    ("tokens,accuracy\n100,50\n200,-4\n300,70\n", r":3: accuracy -4 is outside"),
    ("tokens,accuracy\n100,half\n", r":2: accuracy 'half' is not a number"),
    ("tokens,accuracy\n100,nan\n", r":2: accuracy 'nan' is not a finite number"),
    ("tokens,accuracy,n\n100,50,0\n200,60,5\n300,70,5\n", r":2: n 0 must be 1 or more"),
    ("tokens,accuracy\n-5,50\n200,60\n300,70\n", r":2: tokens -5 must be above 0"),
    ("length,accuracy\n100,50\n", "no column 'tokens'"),
])  # fmt: skip
def test_a_file_without_a_curve_says_where_and_why(tmp_path, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as fault:
        curve_file.read(path)
    assert "mine.csv" in str(fault.value)


def test_a_missing_or_binary_curve_file_is_a_users_fault(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        curve_file.read(tmp_path / "absent.csv")
    (tmp_path / "blob.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="not UTF-8"):
        curve_file.read(tmp_path / "blob.csv")


@pytest.mark.parametrize(
    "rows", ["100,50\n400,60\n1600,66\n", "100,0.50\n400,0.60\n1600,0.66\n", "100,50 %\n400,60%\n1600,66 %\n"]
)
def test_percent_and_ratio_files_mean_the_same(tmp_path, rows):
    path = tmp_path / "mine.csv"
    path.write_text("tokens,accuracy\n" + rows)
    assert float(curve_file.read(path).at(400.0).value) == pytest.approx(0.60, abs=0.01)
