"""Replicas that go down: work is lost and done again, on replicas that are up."""

from pathlib import Path

import numpy as np
import pytest

from capplan.engine.steptimes import textbook_step_times
from capplan.scenario import loader
from capplan.simulate.answer import answer
from capplan.simulate.outages import Outage, outages
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy, Routing
from capplan.simulate.question import Question
from capplan.simulate.requests import requests
from capplan.simulate.run import run
from capplan.simulate.summary import pool_summary

DEFAULT = Path(__file__).parents[2] / "scenarios" / "default.yaml"
SECOND_A_STEP = textbook_step_times(1.0, 4)


def test_a_request_on_a_replica_that_fails_begins_anew_elsewhere():
    served = run(requests([0.0, 0.0], 1, 11), SECOND_A_STEP, Policy(replicas=2), outages=[Outage(4.5, 0, 1e6)])
    assert served.replica.tolist() == [1, 1]
    # It had its first token and four more; the other replica takes it in at its next step, at 5 s.
    assert served.totals.lost_tokens == 5
    assert served.done_s.tolist() == [5 + 1 + 10, 10.0]
    assert run(requests([0.0, 0.0], 1, 11), SECOND_A_STEP, Policy(replicas=2)).done_s.tolist() == [10.0, 10.0]


def test_a_lone_replica_serves_again_once_it_is_up():
    served = run(requests([0.0, 7.0], 1, 11), SECOND_A_STEP, outages=[Outage(4.5, 0, 100.0)])
    assert served.done_s.tolist() == [110.0, 110.0]
    seen = outcome(served)
    assert pool_summary(served, seen).little_gap < 1e-12


@pytest.mark.parametrize("seed", range(8))
def test_skipping_ahead_agrees_with_every_step_through_outages(seed):
    rng = np.random.default_rng(seed)
    load = requests(np.cumsum(rng.exponential(0.4, 150)), rng.integers(1, 200, 150), rng.integers(1, 120, 150))
    times = textbook_step_times(
        0.01, 6, step_s_per_sequence=0.001, step_s_per_context_token=1e-6, prefill_s_per_token=1e-4,
        kv_capacity_tokens=1_000, max_batched_tokens=64,
    )  # fmt: skip
    policy = Policy(replicas=3, routing=Routing(rng.choice(list(Routing))))
    down = outages(3, 10.0, 3.0, 0.0, float(load.arrival_s[-1]), seed)
    assert len(down) > 3
    fast, slow = (run(load, times, policy, seed=seed, exact=exact, outages=down) for exact in (False, True))
    for column in ("first_s", "answer_s", "done_s"):
        np.testing.assert_allclose(getattr(fast, column), getattr(slow, column), rtol=1e-9, atol=1e-9)
    assert fast.totals.lost_tokens == slow.totals.lost_tokens > 0
    assert pool_summary(fast, outcome(fast)).little_gap < 1e-9
    calm = run(load, times, policy, seed=seed)
    assert fast.done_s.mean() > calm.done_s.mean()


def test_replicas_are_up_and_down_as_long_as_said():
    down = outages(50, 1_000.0, 100.0, 0.0, 100_000.0, 1)
    assert len(down) == pytest.approx(50 * 100_000 / 1_100, rel=0.05)
    assert [one.at_s for one in down] == sorted(one.at_s for one in down)
    assert not outages(50, float("inf"), 0.0, 0.0, 1e9, 1)


def test_evictions_of_a_scenario_are_seen_in_its_run():
    spot = ["workload.qps=5", "cost.pricing=spot", "cost.spot={eviction_every: 20 min, restart: 2 min}"]
    found = answer(loader.load(DEFAULT, spot), Question(requests=4_000))
    assert any("times a replica went down" in note for note in found.notes)
    assert all(pool.little_gap < 1e-9 for pool in found.pools)
    several = answer(loader.load(DEFAULT, [*spot, "reasoning.strategy=best_of_n"]), Question(requests=100))
    assert any("outages are left out" in note for note in several.notes)
