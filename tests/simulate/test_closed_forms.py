"""Queues with known answers, set up as step times: the simulator must find the answers within its own interval."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from capplan.engine.steptimes import textbook_step_times
from capplan.simulate.estimate import Estimate, mean
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy, Routing
from capplan.simulate.requests import requests
from capplan.simulate.run import run

# A token takes 1 / 20,000 of the mean service time: arrivals wait for the step boundary no longer than that.
MEAN_TOKENS = 20_000
STEP_S = 1 / MEAN_TOKENS
COUNT = 40_000
WARM_UP = 4_000
SEED = 1


@dataclass(frozen=True)
class Queue:
    """A queue of `servers` at this load; service times by law, mean 1 s. cv2: their squared variation."""

    law: str
    servers: int
    load: float
    discipline: str = "fcfs"

    @property
    def cv2(self) -> float:
        return {"exponential": 1.0, "constant": 0.0, "lognormal": math.e - 1, "two": 3.0, "uniform": 1 / 3}[self.law]

    def sample(self, rng: np.random.Generator) -> np.ndarray:
        count = COUNT
        if self.law == "exponential":
            return rng.exponential(1.0, count)
        if self.law == "constant":
            return np.ones(count)
        if self.law == "lognormal":
            return rng.lognormal(-0.5, 1.0, count)
        if self.law == "uniform":
            return rng.uniform(0.0, 2.0, count)
        # Two points with mean 1 and variance 3: 5 with probability 3/19, else 1/4.
        return np.where(rng.random(count) < 3 / 19, 5.0, 0.25)

    def mean_wait_s(self) -> float:
        """Erlang C for M/M/c, Pollaczek-Khinchine for M/G/1."""
        if self.servers == 1:
            return self.load * (1 + self.cv2) / 2 / (1 - self.load)
        offered = self.servers * self.load
        blocked = 1.0
        for server in range(1, self.servers + 1):
            blocked = offered * blocked / (server + offered * blocked)
        queued = blocked / (1 - self.load * (1 - blocked))
        return queued / (self.servers - offered)


QUEUES = [
    *(Queue("exponential", 1, load) for load in (0.3, 0.5, 0.6, 0.7, 0.8)),
    *(Queue("exponential", servers, load) for servers, load in ((2, 0.6), (2, 0.8), (5, 0.7), (5, 0.85), (10, 0.8))),
    *(Queue("exponential", servers, load) for servers, load in ((3, 0.5), (4, 0.9), (8, 0.6), (20, 0.85), (50, 0.9))),
    *(Queue("constant", 1, load) for load in (0.3, 0.5, 0.7, 0.8)),
    *(Queue("uniform", 1, load) for load in (0.3, 0.5, 0.7, 0.8)),
    *(Queue("two", 1, load) for load in (0.3, 0.5, 0.7)),
    *(Queue("lognormal", 1, load) for load in (0.3, 0.5, 0.6)),
]
SHARED = [Queue(law, 1, load, "shared") for law in ("exponential", "constant", "two") for load in (0.5, 0.7)]


def _measured(queue: Queue) -> tuple[Estimate, Estimate, float]:
    """Mean wait and mean time in the system as the simulator sees them, and the mean service drawn."""
    rng = np.random.default_rng([SEED, QUEUES.index(queue) if queue in QUEUES else 100 + SHARED.index(queue)])
    arrival_s = np.cumsum(rng.exponential(1 / (queue.servers * queue.load), COUNT))
    # The first token comes with the prompt, which takes no time: one token more than the service is long.
    tokens = 1 + np.rint(queue.sample(rng) * MEAN_TOKENS).astype(np.int64)
    if queue.discipline == "shared":
        times = textbook_step_times(1e-15, 1_000, step_s_per_sequence=STEP_S)
    else:
        times = textbook_step_times(STEP_S, queue.servers)
    served = run(requests(arrival_s, 1, tokens), times, Policy(watermark=0.0))
    seen = outcome(served)
    return mean(seen.wait_s[WARM_UP:]), mean(seen.tta_s[WARM_UP:]), float((tokens - 1).mean() * STEP_S)


@pytest.fixture(scope="module")
def findings() -> dict[Queue, tuple[Estimate, Estimate, float]]:
    return {queue: _measured(queue) for queue in QUEUES + SHARED}


def _half_widths_off(found: Estimate, truth: float) -> float:
    assert found.high is not None and found.low is not None
    return abs(found.value - truth) / ((found.high - found.low) / 2)


def test_mean_waits_follow_erlang_and_pollaczek_khinchine_within_the_interval_in_at_least_20_settings(findings):
    off = {str(queue): _half_widths_off(findings[queue][0], queue.mean_wait_s()) for queue in QUEUES}
    inside = [queue for queue, widths in off.items() if widths <= 1]
    assert len(inside) >= 20
    # A 95 % interval misses one in twenty: more than four misses in these 29 have a chance of 1 %.
    assert len(QUEUES) - len(inside) <= 4, off


@pytest.mark.parametrize("queue", QUEUES, ids=str)
def test_no_mean_wait_is_further_off_than_chance_allows(findings, queue):
    # Twice the 95 % half width: one in 16,000 for a normal error, so that no setting here fails by chance.
    assert _half_widths_off(findings[queue][0], queue.mean_wait_s()) < 2


@pytest.mark.parametrize("queue", SHARED, ids=str)
def test_processor_sharing_is_insensitive_to_the_law_of_service(findings, queue):
    _, time_s, _ = findings[queue]
    assert _half_widths_off(time_s, 1 / (1 - queue.load)) < 2


def test_percentiles_of_the_time_in_an_mm1_queue_are_those_of_the_exponential_law():
    from capplan.simulate.estimate import percentile

    rng = np.random.default_rng(SEED)
    arrival_s = np.cumsum(rng.exponential(2.0, COUNT))
    tokens = 1 + np.rint(rng.exponential(1.0, COUNT) * MEAN_TOKENS).astype(np.int64)
    seen = outcome(run(requests(arrival_s, 1, tokens), textbook_step_times(STEP_S, 1)))
    for share in (0.5, 0.9, 0.95, 0.99):
        assert _half_widths_off(percentile(seen.tta_s[WARM_UP:], share), -math.log(1 - share) / 0.5) < 2


def test_the_shortest_queue_of_several_replicas_beats_turns_and_loses_to_one_common_queue():
    rng = np.random.default_rng(SEED)
    arrival_s = np.cumsum(rng.exponential(1 / 3.2, COUNT))
    tokens = 1 + np.rint(rng.exponential(1.0, COUNT) * MEAN_TOKENS).astype(np.int64)
    load = requests(arrival_s, 1, tokens)

    def waits_s(servers: int, policy: Policy) -> float:
        return float(outcome(run(load, textbook_step_times(STEP_S, servers), policy)).wait_s[WARM_UP:].mean())

    common = waits_s(4, Policy())
    shortest = waits_s(1, Policy(replicas=4, routing=Routing.LEAST_OUTSTANDING))
    turns = waits_s(1, Policy(replicas=4, routing=Routing.ROUND_ROBIN))
    assert common < shortest < turns
