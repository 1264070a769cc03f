"""Integer programming against trying every fleet there is."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from capplan.search.optimize.mix import Offer, best_single, cheapest_mix


def offer(seed: int, types: int) -> tuple[np.ndarray, Offer]:
    """Random classes and pools, one pool a GPU type, some of which cannot serve some class."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 4))
    capacity = rng.uniform(1, 20, (classes, types)) * (rng.random((classes, types)) > 0.15)
    stock = np.where(rng.random(types) < 0.5, rng.integers(2, 9, types), np.inf).astype(np.float64)
    rate = rng.uniform(1, 25, classes)
    return rate, Offer(capacity, rng.uniform(1, 10, types), np.ones(types), np.arange(types), stock)


def serves(rate: np.ndarray, given: Offer, replicas: tuple[int, ...]) -> bool:
    """Whether these replicas carry the load: the least overload, by linear programming, is none."""
    classes, pools = given.capacity.shape
    able = given.capacity > 0
    load = np.where(able, rate[:, None] / np.where(able, given.capacity, 1.0), 0.0)
    shares = classes * pools
    served = np.kron(np.eye(classes), np.ones(pools))
    filled = np.zeros((pools, shares))
    for pool in range(pools):
        filled[pool, pool::pools] = load[:, pool]
    bounds = [(0, float(one)) for one in able.ravel()]
    solved = linprog(np.zeros(shares), filled, np.array(replicas) + 1e-9, served, np.ones(classes), bounds)
    return bool(solved.status == 0)


def exhaustive(rate: np.ndarray, given: Offer, most: int) -> float:
    tops = [int(min(limit, most)) for limit in given.stock]
    fleets = sorted(itertools.product(*(range(top + 1) for top in tops)), key=lambda n: float(np.dot(n, given.usd)))
    return next((float(np.dot(n, given.usd)) for n in fleets if serves(rate, given, n)), np.inf)


@pytest.mark.parametrize(("types", "most"), [(2, 40), (3, 12)])
@pytest.mark.parametrize("seed", range(8))
def test_the_mix_is_that_of_exhaustive_search(types: int, most: int, seed: int) -> None:
    rate, given = offer(seed, types)
    if types == 3:
        rate = rate / 3
    found = cheapest_mix(rate, given)
    least = exhaustive(rate, given, most)
    if found is None:
        assert np.isinf(least)
        return
    assert found.replicas.max() <= most, "the exhaustive search must reach as far"
    assert found.usd == pytest.approx(least)
    assert np.allclose(found.share.sum(axis=1), 1)


@pytest.mark.parametrize("seed", range(12))
def test_a_mix_never_costs_more_than_one_type_and_keeps_the_stock(seed: int) -> None:
    rate, given = offer(seed, 3)
    found, single = cheapest_mix(rate, given), best_single(rate, given)
    if single is not None:
        assert found is not None and found.usd <= single[1].usd + 1e-9
    if found is not None:
        assert (found.replicas <= given.stock).all()


def test_long_and_short_requests_go_to_the_chips_that_suit_them() -> None:
    # One chip is cheap and poor at long requests; the other costs four times as much and serves both at 10/s.
    capacity, free = np.array([[10.0, 10.0], [0.5, 10.0]]), np.full(2, np.inf)
    given = Offer(capacity, np.array([1.0, 4.0]), np.ones(2), np.arange(2), free)
    found = cheapest_mix(np.array([40.0, 10.0]), given)
    assert found is not None
    assert found.replicas.tolist() == [4, 1]
    assert found.usd == 8.0
