"""Averaged substitution: shares add up, go back with the other sign, and agree with the definition."""

from itertools import permutations
from math import factorial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.search.causes import MOST_EXACT, asked_sets, changed, in_cents, shares, substituted

NAMES = ["K", "traffic", "model", "GPU", "price"]
AMOUNTS = st.integers(0, 10**9)


def worlds(draw: list[int], causes: list[str]) -> dict[frozenset[str], float]:
    return {one: float(draw[at % len(draw)]) for at, one in enumerate(asked_sets(causes))}


@given(st.lists(AMOUNTS, min_size=32, max_size=32))
def test_shares_are_the_mean_over_all_orders(draw: list[int]) -> None:
    causes = NAMES[:4]
    worth = worlds(draw, causes)
    by_hand = dict.fromkeys(causes, 0.0)
    for order in permutations(causes):
        for at, cause in enumerate(order):
            before, after = frozenset(order[:at]), frozenset(order[: at + 1])
            by_hand[cause] += (worth[after] - worth[before]) / factorial(4)
    assert shares(causes, worth.get) == pytest.approx(by_hand, abs=1e-3)


@given(st.lists(AMOUNTS, min_size=32, max_size=32), st.sets(st.integers(1, 30)))
def test_going_back_gives_the_same_shares_with_the_other_sign(draw: list[int], impossible: set[int]) -> None:
    worth: dict[frozenset[str], float | None] = dict(worlds(draw, NAMES))
    for at, one in enumerate(list(worth)):
        if at in impossible:
            worth[one] = None
    whole = frozenset(NAMES)
    there, back = shares(NAMES, worth.get), shares(NAMES, lambda taken: worth[whole - taken])
    assert there == pytest.approx({name: -part for name, part in back.items()}, abs=1e-3)
    assert sum(there.values()) == pytest.approx(worth[whole] - worth[frozenset()], abs=1e-2)  # type: ignore[operator]


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_many_causes_are_drawn_and_still_add_up_and_mirror(seed: int) -> None:
    causes = [f"c{at}" for at in range(MOST_EXACT + 5)]
    worth = {one: float(hash((seed, tuple(sorted(one)))) % 10**6) for one in asked_sets(causes)}
    whole = frozenset(causes)
    found = shares(causes, worth.get)
    assert sum(found.values()) == pytest.approx(worth[whole] - worth[frozenset()], abs=1e-3)
    back = shares(causes, lambda taken: worth[whole - taken])
    assert found == pytest.approx({name: -part for name, part in back.items()}, abs=1e-3)


def test_orders_through_a_plan_that_cannot_be_do_not_count() -> None:
    # The larger model does not fit the old GPU: the GPU has to come first.
    worth = {frozenset(): 10.0, frozenset({"model"}): None, frozenset({"GPU"}): 14.0, frozenset({"model", "GPU"}): 15.0}
    assert shares(["model", "GPU"], worth.get) == {"model": 1.0, "GPU": 4.0}


def test_a_change_without_any_possible_order_is_shared_evenly() -> None:
    worth = {frozenset(): 10.0, frozenset({"model"}): None, frozenset({"GPU"}): None, frozenset({"model", "GPU"}): 16.0}
    assert shares(["model", "GPU"], worth.get) == {"model": 3.0, "GPU": 3.0}


@given(st.dictionaries(st.sampled_from(NAMES), st.floats(-1e9, 1e9), min_size=1))
def test_cents_add_up_whatever_the_shares_and_mirror(parts: dict[str, float]) -> None:
    total = round(sum(parts.values()) * 100)
    cents = in_cents(parts, total)
    assert sum(cents.values()) == total
    assert in_cents({name: -part for name, part in parts.items()}, -total) == {n: -c for n, c in cents.items()}


BASE = {"name": "a", "gpu": "h100-sxm", "reasoning": {"strategy": "direct"}, "workload": {"qps": 1, "burstiness": 2}}
HEAD = {
    "name": "b", "gpu": "h100-sxm", "reasoning": {"strategy": "chain_of_thought", "k": 4}, "workload": {"qps": 2},
    "cost": {"purchase_price": "1 USD", "pue": 1.2},
}  # fmt: skip


def test_keys_fall_into_causes_and_names_are_none() -> None:
    assert changed(BASE, HEAD) == {
        "strategy": [("reasoning", "strategy"), ("reasoning", "k")],
        "traffic": [("workload", "qps"), ("workload", "burstiness")],
        "price": [("cost", "purchase_price")],
        "cost.pue": [("cost", "pue")],
    }


def test_taking_over_every_cause_makes_the_other_scenario() -> None:
    paths = [path for cause in changed(BASE, HEAD).values() for path in cause]
    assert {**substituted(BASE, HEAD, paths), "name": "b"} == HEAD
    assert {**substituted(HEAD, BASE, paths), "name": "a"} == BASE
