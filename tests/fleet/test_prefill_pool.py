"""Waiting for a pool that reads prompts: exact for one that reads one at a time, and beside simulations of more."""

import ciw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.engine.steptimes import textbook_step_times
from capplan.fleet.prefill_pool import Prompts, pool_wait
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy
from capplan.simulate.requests import requests
from capplan.simulate.run import run

TOKENS = 1_000
COUNT = 40_000


@given(st.floats(0.01, 0.95), st.floats(1, 4), st.floats(1, 6))
def test_one_replica_that_reads_one_prompt_at_a_time_is_the_queue_of_pollaczek_and_khinchine(
    busy: float, square: float, more: float
) -> None:
    cube = square**2 * more
    wait = pool_wait(1, busy / 2.0, Prompts(2.0, square=square, cube=cube))
    mean_s = busy * 2.0 * square / 2 / (1 - busy)
    assert float(wait.chance) == pytest.approx(busy)
    assert float(wait.mean_s) == pytest.approx(mean_s)
    # E[W^2] = 2 E[W]^2 + rate E[p^3] / (3 (1 - busy)): Takacs 1962.
    assert float(wait.square_s2) == pytest.approx(2 * mean_s**2 + busy / 2 * 8 * cube / (3 * (1 - busy)))


@given(st.floats(0.05, 0.9), st.integers(1, 60), st.floats(1, 3), st.floats(1, 3))
def test_more_traffic_more_uneven_prompts_and_more_bursts_never_shorten_the_wait(
    busy: float, replicas: int, square: float, bursts: float
) -> None:
    base = float(pool_wait(replicas, busy, Prompts(1.0, 0.2, square, square**3, together=8)).mean_s)
    assert float(pool_wait(replicas, busy * 1.05, Prompts(1.0, 0.2, square, square**3, together=8)).mean_s) >= base
    assert float(pool_wait(replicas, busy, Prompts(1.0, 0.2, square, square**3, bursts, 8)).mean_s) >= base - 1e-12
    # At the same share of busy time, more replicas are less often all busy.
    assert float(pool_wait(replicas + 1, busy, Prompts(1.0, 0.2, square, square**3, together=8)).mean_s) <= base * 1.02


def simulated_s(replicas: int, busy: float, cv: float, together: int, arrival_cv: float) -> float:
    """Mean wait of prompts of 1 s in the mean, `together` of which a step has room for; their own step left out."""
    rng = np.random.default_rng(5)
    shape, sigma = arrival_cv**-2, np.sqrt(np.log1p(cv * cv))
    arrival_s = np.cumsum(rng.gamma(shape, 1 / (replicas * busy * shape), COUNT))
    tokens = np.maximum(1, np.rint(TOKENS * rng.lognormal(-sigma * sigma / 2, sigma, COUNT))).astype(np.int64)
    seats = 1 if together == 1 else 256
    most = 1 << 40 if together == 1 else TOKENS * together
    times = textbook_step_times(1e-9, seats, prefill_s_per_token=1 / TOKENS, max_batched_tokens=most)
    seen = outcome(run(requests(arrival_s, tokens, 1), times, Policy(replicas=replicas)))
    return float((seen.ttft_s - tokens / TOKENS)[COUNT // 10 :].mean())


@pytest.mark.parametrize(
    ("replicas", "busy", "cv", "together", "arrival_cv"),
    [
        (1, 0.4, 0.0, 8, 1.0),
        (1, 0.7, 0.0, 4, 1.0),
        (2, 0.7, 0.0, 1, 1.0),
        (4, 0.8, 0.5, 1, 1.0),
        (4, 0.8, 0.5, 4, 1.0),
        (10, 0.8, 1.0, 4, 1.0),
        (1, 0.5, 0.5, 8, 2.0),
        (10, 0.75, 0.0, 4, 1.0),
        (10, 0.8, 0.5, 4, 2.0),
        (40, 0.85, 0.5, 4, 1.0),
    ],
)
def test_planned_waits_add_to_a_prompt_what_simulated_ones_do_within_a_quarter_of_it(
    replicas: int, busy: float, cv: float, together: int, arrival_cv: float
) -> None:
    square = 1 + cv * cv
    prompts = Prompts(1.0, 0.0, square, square**3, arrival_cv, together)
    planned_s = float(pool_wait(replicas, busy, prompts).mean_s)
    assert 1 + planned_s == pytest.approx(1 + simulated_s(replicas, busy, cv, together, arrival_cv), rel=0.25)


@pytest.mark.parametrize(("replicas", "load"), [(1, 0.7), (3, 0.7), (8, 0.8)])
def test_and_what_another_authors_simulator_of_queues_does(replicas: int, load: float) -> None:
    """By ciw: constant prompts to single servers, each arrival to the one with the fewest present."""
    nodes = list(range(2, replicas + 2))
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(replicas * load)] + [None] * replicas,
        service_distributions=[ciw.dists.Deterministic(0.0)] + [ciw.dists.Deterministic(1.0)] * replicas,
        number_of_servers=[float("inf")] + [1] * replicas,
        routing=ciw.routing.NetworkRouting(
            routers=[ciw.routing.LoadBalancing(destinations=nodes)] + [ciw.routing.Leave()] * replicas
        ),
    )
    ciw.seed(1)
    theirs = ciw.Simulation(network)
    theirs.simulate_until_max_customers(20_000, method="Finish")
    waits = [record.waiting_time for record in theirs.get_all_records() if record.node > 1]
    planned = pool_wait(replicas, load, Prompts(1.0))
    assert 1 + float(planned.mean_s) == pytest.approx(1 + float(np.mean(waits)), rel=0.15)
    assert float(planned.chance) == pytest.approx(float(np.mean(np.array(waits) > 1e-9)), abs=0.15)
