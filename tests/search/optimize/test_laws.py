"""What must hold of any winner, whatever the numbers."""

import numpy as np
import pytest

from capplan.scenario.overrides import with_values
from capplan.scenario.part import copied
from capplan.search.optimize.frontier import undominated
from capplan.search.optimize.limits import limits_of, loosened
from capplan.search.optimize.select import considered, pruned, winner
from capplan.search.optimize.space import section

from .conftest import evaluated, spaced

CASES = range(1000, 1016)


def value(scenario: object) -> float:
    """The winner's yearly cost, infinite without one."""
    held = winner(evaluated(scenario), "cost")  # type: ignore[arg-type]
    return held.best.value if held else np.inf


@pytest.mark.parametrize("seed", CASES)
def test_raising_a_target_never_makes_the_winner_cheaper(seed: int) -> None:
    scenario = spaced(seed)
    for name in limits_of(scenario)[:1]:
        costs = [value(loosened(scenario, [name], factor)) for factor in (0.7, 1.0, 1.5)]
        assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize("seed", CASES)
def test_another_gpu_type_never_makes_the_winner_dearer(seed: int) -> None:
    scenario = spaced(seed)
    wanted = section(scenario)
    fewer = value(scenario)
    for extra in ("mi325x", "h200-sxm"):
        if extra not in wanted.gpus:
            more = copied(scenario, {"optimize": wanted.having({"gpus": (*wanted.gpus, extra)})})
            assert value(more) <= fewer


@pytest.mark.parametrize("seed", CASES)
def test_more_traffic_never_makes_the_winner_cheaper(seed: int) -> None:
    scenario = spaced(seed)
    held = copied(scenario, {"targets": type(scenario.targets)()})
    assert value(with_values(held, {"workload.qps": 2 * held.workload.qps})) >= value(held)


def test_every_candidate_is_feasible_or_counted_once_as_pruned() -> None:
    found = evaluated(spaced(1003))
    kept = sum(int(one.feasible.sum()) for one in found)
    assert kept + sum(pruned(found).values()) == considered(found)


def test_nothing_on_the_frontier_is_beaten_and_everything_else_is() -> None:
    rng = np.random.default_rng(7)
    table = np.exp(rng.normal(size=(400, 3)))
    kept = undominated(table, step=1e-9)
    others = np.setdiff1d(np.arange(len(table)), kept)
    beats = lambda a, b: bool((a <= b).all() and (a < b).any())  # noqa: E731
    assert not any(beats(table[i], table[j]) for i in kept for j in kept)
    assert all(any(beats(table[i], table[j]) for i in kept) for j in others)


def test_a_stock_limit_is_kept_and_its_lack_is_counted() -> None:
    scenario = copied(spaced(1003), {"targets": type(spaced(1003).targets)()})
    free = winner(evaluated(scenario), "cost")
    assert free is not None
    most = int(free.best.plan.row["gpus"]) - 1
    tight = copied(scenario, {"optimize": section(scenario).having({"max_gpus": most})})
    found = evaluated(tight)
    held = winner(found, "cost")
    assert pruned(found)["max_gpus"] > 0
    assert held is None or held.best.plan.row["gpus"] <= most
