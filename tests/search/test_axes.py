"""What `--over` and `--k` may say, and the grid that they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.errors import UserError
from capplan.search.axes import MOST_POINTS, axes, parse_over, points, split_values

WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_values_come_back_as_they_were_joined(values: list[str]) -> None:
    assert split_values(", ".join(values)) == values


@given(st.dictionaries(WORDS, st.lists(st.integers(), min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_grid_has_every_combination_once_with_the_last_axis_fastest(over: dict[str, list[int]]) -> None:
    grid = list(points(axes(over)))
    count = 1
    for values in over.values():
        count *= len(values)
    assert len(grid) == count and all(list(point) == list(over) for point in grid)
    last = list(over)[-1]
    assert [point[last] for point in grid[: len(over[last])]] == over[last]


@pytest.mark.parametrize("text", ["reasoning.k", "=1,2", "reasoning.k=", "reasoning.k= ", ""])
def test_an_axis_without_path_or_values_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match="PATH=V1,V2"):
        parse_over(text)


@pytest.mark.parametrize("text", ["1,,2", ",1", "1,"])
def test_a_missing_value_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="missing between the commas"):
        split_values(text)


def test_commas_in_brackets_and_quotes_do_not_part_values() -> None:
    assert split_values("{quantiles: {p50: 1, p99: 9}}, [a, b], 'c,d'") == [
        "{quantiles: {p50: 1, p99: 9}}",
        "[a, b]",
        "'c,d'",
    ]


def test_a_grid_too_large_to_be_meant_is_refused_before_it_is_planned() -> None:
    with pytest.raises(UserError, match="points"):
        axes({"a": range(1000), "b": range(MOST_POINTS // 1000 + 1)})
