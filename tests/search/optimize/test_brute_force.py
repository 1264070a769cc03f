"""The winner is the one that planning every single candidate finds."""

import pytest

from capplan.scenario.schema import Scenario
from capplan.search.optimize.select import winner
from capplan.search.optimize.space import section

from .conftest import by_brute_force, evaluated, spaced, spaced_apart, spaced_in_ratio, spaced_wide

SPACES = 200
APART = 20
WIDE = 30
IN_RATIO = 10
_BATCH = 10


@pytest.mark.parametrize("batch", range(SPACES // _BATCH))
def test_the_winner_is_that_of_brute_force(batch: int) -> None:
    for seed in range(batch * _BATCH, (batch + 1) * _BATCH):
        same_winner(spaced(seed), seed)


def test_a_target_that_is_met_only_by_replicas_that_mostly_stand_idle_is_met() -> None:
    """113 replicas, 1.4 % of each in use, keep an ITL near that of a query alone."""
    same_winner(spaced(7003), 7003)


@pytest.mark.parametrize("seed", range(2000, 2000 + APART))
def test_the_winner_is_that_of_brute_force_where_prefill_may_stand_apart(seed: int) -> None:
    same_winner(spaced_apart(seed), seed)


@pytest.mark.parametrize("batch", range(WIDE // _BATCH))
def test_the_winner_is_that_of_brute_force_with_every_kind_of_axis_target_and_objective(batch: int) -> None:
    for seed in range(3000 + batch * _BATCH, 3000 + (batch + 1) * _BATCH):
        same_winner(spaced_wide(seed), seed)


@pytest.mark.parametrize("seed", range(4000, 4000 + IN_RATIO))
def test_the_winner_is_that_of_brute_force_where_the_pools_keep_a_ratio(seed: int) -> None:
    same_winner(spaced_in_ratio(seed), seed)


def same_winner(scenario: Scenario, seed: int) -> None:
    found = evaluated(scenario)
    brute = by_brute_force(scenario, found)
    held = winner(found, section(scenario).objective)
    if brute is None or held is None:
        assert brute is None and held is None, seed
        return
    assert held.proven, seed
    # Arrays of other lengths differ in the last bit of a logarithm.
    assert held.best.order == pytest.approx(brute.order, rel=1e-12), seed
