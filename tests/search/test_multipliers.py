"""Multipliers against the first row, and the sentence that says why they differ."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.search.multipliers import multiplied, sentence

POSITIVE = st.floats(min_value=1e-3, max_value=1e9)


def row(tokens: float, gpus: float, usd: float, concurrency: float = 100.0) -> dict[str, object]:
    money = Decimal(str(round(usd, 2)))
    return {"output_tokens": tokens, "gpus": gpus, "annual_tco_usd": money, "concurrency": concurrency}


@given(st.lists(st.tuples(POSITIVE, POSITIVE, POSITIVE), min_size=1, max_size=5))
def test_the_first_row_is_one_in_every_multiplier(values: list[tuple[float, float, float]]) -> None:
    rows = [row(tokens, gpus, max(usd, 0.01)) for tokens, gpus, usd in values]
    first = multiplied(rows, [2.0] * len(rows))[0]
    names = ("latency_multiplier", "token_multiplier", "fleet_multiplier", "cost_multiplier")
    assert [first[name] for name in names] == pytest.approx([1, 1, 1, 1])


def test_latency_is_that_of_a_single_user_and_the_rest_that_of_the_fleet() -> None:
    rows = multiplied([row(500, 8, 1e6), row(2000, 40, 4.8e6)], [5.0, 18.0])
    assert rows[1]["latency_multiplier"] == pytest.approx(3.6)
    assert rows[1]["token_multiplier"] == 4 and rows[1]["fleet_multiplier"] == 5
    assert rows[1]["cost_multiplier"] == pytest.approx(4.8)


def test_what_does_not_apply_has_no_multiplier() -> None:
    missing = {"output_tokens": 5, "gpus": None, "annual_tco_usd": None}
    second = multiplied([row(500, 8, 1e6), missing], [5.0, None])[1]
    assert second["fleet_multiplier"] is None and second["latency_multiplier"] is None
    assert multiplied([missing, row(1, 1, 1)], [1, 1])[1]["fleet_multiplier"] is None


def told(latency: float, tokens: float, fleet: float, cost: float, concurrency: float = 50.0) -> str:
    rows = [row(100, 10, 100), row(100 * tokens, 10 * fleet, 100 * cost, concurrency)]
    rows = [{**each, "k": k} for each, k in zip(rows, (1, 16), strict=True)]
    return sentence(multiplied(rows, [1.0, latency]), ["k"])


def test_the_sentence_gives_the_reason_for_each_difference() -> None:
    text = told(latency=7.2, tokens=8, fleet=9.5, cost=9.5)
    assert text.startswith("K = 16: tokens x 8.0, latency at concurrency 1 x 7.2, fleet x 9.5, cost x 9.5: ")
    assert "TTFT is paid once" in text and "concurrency per replica falls from 100 to 50" in text
    assert text.count(".") == text.count(". ") + 5  # four figures with a point, one full stop: a single sentence


def test_the_sentence_does_not_name_a_fall_of_concurrency_that_is_none() -> None:
    assert "concurrency per replica falls" not in told(latency=8, tokens=8, fleet=9, cost=9, concurrency=100)


def test_a_longer_cache_and_a_smaller_fleet_are_told_as_such() -> None:
    text = told(latency=9, tokens=8, fleet=6, cost=5)
    assert "a KV cache that has grown" in text and "the prompt is read once" in text
    assert "although concurrency per replica falls from 100 to 50" in text


def test_the_part_of_the_bill_that_moved_explains_a_cost_that_parts_from_the_fleet() -> None:
    bill = [
        {"k": 1, "energy_usd_per_year": 20, "capex_usd_per_year": 80},
        {"k": 2, "energy_usd_per_year": 24, "capex_usd_per_year": 160},
    ]
    rows = [row(100, 10, 100) | bill[0], row(200, 20, 184) | bill[1]]
    text = sentence(multiplied(rows, [1.0, 2.0]), ["k"])
    assert "cost grows less than the fleet because energy" in text and "costs less per GPU" in text


def test_where_the_largest_row_grows_alike_another_tells_more() -> None:
    rows = [row(100, 10, 100) | {"k": 1}, row(200, 15, 150) | {"k": 2}, row(800, 80, 800) | {"k": 8}]
    alone = [1.0, 2.0, 8.0]
    assert sentence(multiplied(rows, alone), ["k"]).startswith("K = 2: tokens x 2.0")


def test_nothing_is_explained_where_all_grow_alike_or_nothing_is_compared() -> None:
    assert told(8, 8, 8, 8).endswith("cost x 8.0.")
    assert sentence(multiplied([row(1, 1, 1)], [1]), ["k"]) == ""


def test_rows_are_measured_against_the_first_that_can_be() -> None:
    rows = [
        row(100, 10, 100) | {"feasible": False},
        row(200, 20, 200) | {"feasible": True},
        row(400, 50, 500) | {"feasible": True},
    ]
    made = multiplied(rows, [1.0, 2.0, 3.8])
    assert [each["fleet_multiplier"] for each in made] == [0.5, 1, 2.5]
    assert sentence([{**each, "k": 2} for each in made], ["k"]).startswith("K = 2: tokens x 2.0")
