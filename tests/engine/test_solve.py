"""Roots of rising functions, against roots known in closed form."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.engine.solve import bisect, chords

Solver = Callable[..., Any]


@pytest.mark.parametrize("solver", [bisect, chords])
@given(st.floats(0.1, 100), st.floats(-5.0, 5.0), st.floats(-5.0, 5.0))
def test_the_root_of_a_line_lies_where_it_crosses_nought_or_at_the_end_that_is_nearer(
    solver: Solver, slope: float, root: float, start: float
) -> None:
    found = float(solver(lambda x: slope * (x - root), np.array(start), np.array(start + 3.0)))
    assert found == pytest.approx(min(max(root, start), start + 3.0), abs=1e-6)


@given(st.floats(0.05, 5.0), st.floats(-6.0, -0.1))
def test_chords_find_the_root_of_a_curve_in_a_few_rounds(bend: float, root: float) -> None:
    """exp(bend x) = exp(bend root): nearly flat at one end and steep at the other."""
    wanted = np.exp(bend * root)

    def rising(x: Any) -> Any:
        return np.log(np.exp(bend * x) + x / 10 + 1.0) - np.log(wanted + root / 10 + 1.0)

    assert float(chords(rising, np.array(-6.0), np.array(0.0))) == pytest.approx(root, abs=0.01)
    assert float(chords(rising, np.array(-6.0), np.array(0.0), rounds=25)) == pytest.approx(root, abs=1e-7)


def test_every_round_of_bisection_halves_what_is_not_known() -> None:
    for rounds, wanted in [(1, 0.0), (2, 1.0), (3, 1.0), (4, 1.25), (5, 1.375)]:
        assert float(bisect(lambda x: x * x - 2.0, 0.0, 4.0, rounds=rounds)) == wanted
    assert abs(float(bisect(lambda x: x * x - 2.0, 0.0, 4.0)) - np.sqrt(2.0)) <= 4 / 2**30


@pytest.mark.parametrize("solver", [bisect, chords])
def test_a_function_that_reaches_nought_at_the_end_has_its_root_there(solver: Solver) -> None:
    assert float(solver(lambda x: x**3 - 8.0, np.array(0.0), np.array(2.0))) == 2.0
    assert float(solver(lambda x: x - 9.0, np.array(0.0), np.array(2.0))) == 2.0


@pytest.mark.parametrize("solver", [bisect, chords])
def test_each_element_has_a_root_of_its_own(solver: Solver) -> None:
    roots, high = np.array([[0.5, 2.0, 3.5]]), np.array([[4.0], [1.0]])
    found = solver(lambda x: np.exp(x) - np.exp(roots), 0.0, np.broadcast_to(high, (2, 3)), rounds=40)
    assert found == pytest.approx(np.minimum(roots, high), abs=1e-6)
    ends = solver(lambda x: np.exp(x) - np.exp(roots), 0.0, np.broadcast_to(high, (2, 3)))
    assert ends.shape == (2, 3)


def test_chords_keep_the_best_point_that_they_tried() -> None:
    tried: list[float] = []

    def rising(x: Any) -> Any:
        tried.append(float(x))
        return np.where(x < 0.3, -1.0, x * x)

    found = float(chords(rising, np.array(0.0), np.array(1.0)))
    assert len(tried) == 9  # both ends and seven rounds
    assert abs(float(rising(np.array(found)))) == min(abs(float(rising(np.array(x)))) for x in tried[:9])


def test_an_end_that_stays_put_twice_counts_half() -> None:
    """Illinois: for x^5 false position alone creeps up from below; with halving it jumps across the root."""
    low = 0.0
    for _ in range(12):
        low += (1.0 - low) * (0.01 - low**5) / (1.0 - low**5)
    assert 0.01**0.2 - low > 0.2
    found = float(chords(lambda x: x**5 - 0.01, np.array(0.0), np.array(1.0), rounds=12))
    assert found == pytest.approx(0.01**0.2, abs=1e-4)


def test_a_flat_function_has_no_chord_and_ends_somewhere_between_its_ends() -> None:
    assert 0.0 <= float(chords(lambda x: x * 0.0 + 1.0, np.array(0.0), np.array(1.0))) <= 1.0


def test_where_a_function_is_nought_for_a_while_the_last_such_point_is_its_root() -> None:
    assert float(bisect(lambda x: np.maximum(x - 1.0, 0.0), 0.0, 4.0)) == pytest.approx(1.0, abs=1e-8)
