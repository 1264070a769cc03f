"""Integer programming against trying every fleet there is."""

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.optimize import linprog

from capplan.scenario.loader import loads
from capplan.scenario.optimize import Stock
from capplan.scenario.overrides import with_values
from capplan.scenario.part import copied
from capplan.search.optimize.mix import Offer, best_single, cheapest_mix
from capplan.search.optimize.mixed import Mixed, mixed
from capplan.search.optimize.space import section


def offer(seed: int, types: int) -> tuple[np.ndarray, Offer]:
    """Random classes and pools, one pool a GPU type, some of which cannot serve some class."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 4))
    capacity = rng.uniform(1, 20, (classes, types)) * (rng.random((classes, types)) > 0.15)
    stock = np.where(rng.random(types) < 0.5, rng.integers(2, 9, types), np.inf).astype(np.float64)
    rate = rng.uniform(1, 25, classes)
    return rate, Offer(capacity, rng.uniform(1, 10, types), np.ones(types), np.arange(types), stock)


def at_most(given: Offer, replicas: tuple[int, ...]) -> bool:
    return bool(np.dot(replicas, given.gpus) <= given.most_gpus)


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
    return next((float(np.dot(n, given.usd)) for n in fleets if at_most(given, n) and serves(rate, given, n)), np.inf)


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


@pytest.mark.parametrize("seed", range(8))
def test_a_limit_on_all_gpus_together_is_kept_at_the_least_cost(seed: int) -> None:
    rate, given = offer(seed, 2)
    free = cheapest_mix(rate, given)
    if free is None or free.replicas.sum() < 2:
        return
    tight = replace(given, gpus=np.array([1.0, 2.0]), most_gpus=float(free.replicas.sum()))
    found, least = cheapest_mix(rate, tight), exhaustive(rate, tight, 40)
    assert (found is None) == np.isinf(least)
    if found is not None:
        assert found.usd == pytest.approx(least)
        assert found.replicas @ tight.gpus <= tight.most_gpus


MIX = """{version: 1, name: mixed, model: llama-3.1-8b,
  workload: {qps: 60, peak_to_mean: 1.5, prompt_tokens: {lognormal: {mean: 2000, cv: 1.5}},
             answer_tokens: {lognormal: {mean: 300, cv: 1}}},
  reasoning: {strategy: direct}, targets: {itl_p95: 40 ms},
  optimize: {gpus: [h100-sxm, l40s, a100-sxm-80gb], engines: [vllm], weights: [fp8], kv_cache: [fp8],
             tensor_parallel: [1], pipeline_parallel: [1], pricing: [on_demand], classes: [50 %, 100 %]}}"""


@cache
def mix_of(**limits: object) -> Mixed:
    return mixed(with_values(loads(MIX), {f"{key.replace('__', '.')}": value for key, value in limits.items()}))


def gpus(found: Mixed, part: str = "mix") -> dict[str, int]:
    return {str(row["gpu"]): int(str(row["gpus"])) for row in found.rows if row["part"] == part}


def stock(**count: int) -> Mixed:
    held = tuple(Stock(gpu=name.replace("_", "-"), gpus=number) for name, number in count.items())
    wanted = loads(MIX)
    return mixed(copied(wanted, {"optimize": section(wanted).having({"stock": held})}))


def test_types_of_which_there_are_few_are_used_up_before_dearer_ones_are_taken() -> None:
    """A pool is judged by a fleet a thousand times as large; the stock must not be held against that one."""
    free = mix_of()
    assert free.mix is not None and gpus(free) == {"h100-sxm": 8}
    few, fewer = stock(h100_sxm=5, l40s=4), stock(h100_sxm=3, l40s=4)
    assert gpus(few)["h100-sxm"] == 5 and gpus(fewer)["h100-sxm"] == 3
    assert few.mix is not None and fewer.mix is not None
    assert free.mix.usd < few.mix.usd < fewer.mix.usd
    assert sum(gpus(few, "one type").values()) > sum(gpus(few).values())
    assert any("the mix saves" in note for note in few.notes)


def test_a_stock_that_does_not_do_is_told_with_what_would() -> None:
    short = stock(h100_sxm=1, l40s=1, a100_sxm_80gb=1)
    assert short.mix is None and not short.rows
    assert any("takes 8 h100-sxm" in note for note in short.notes)


def test_limits_on_the_whole_fleet_hold_for_a_mix_too() -> None:
    assert mix_of(optimize__max_gpus=7).mix is None
    assert gpus(mix_of(optimize__max_gpus=8)) == {"h100-sxm": 8}
    usd = float(str(mix_of().rows[0]["annual_tco_usd"]))
    dear, cheap = mix_of(targets__annual_tco=usd * 0.9), mix_of(targets__annual_tco=usd * 1.1)
    assert dear.rows[0]["feasible"] is False and any("misses annual_tco by 11.1%" in note for note in dear.notes)
    assert cheap.rows[0]["feasible"] is True
