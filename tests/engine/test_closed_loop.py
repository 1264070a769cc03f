"""A fixed number of clients that take turns: what each of them sees of the others."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Requests, Steady, closed_loop, steady

ReplicaOf = Callable[..., Replica]
REQUESTS = Requests.of(2000.0, 301.0)


def parts_of_ttft(state: Steady) -> float:
    return float(state.arrival_s + state.own_prefill_s + 0.5 * state.decode_s + state.queue_s)


def test_a_lone_client_meets_nobody(replica_of: ReplicaOf) -> None:
    state = closed_loop(replica_of(), 1.0, REQUESTS)
    assert float(state.itl_s) == pytest.approx(float(state.decode_s))
    assert float(state.queue_s) == pytest.approx(0.0, abs=1e-4)
    assert float(state.requests_per_s * (state.ttft_s + 300 * state.itl_s)) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("clients", [2.0, 8.0, 64.0])
def test_a_client_sees_the_others_as_if_it_were_not_there(replica_of: ReplicaOf, clients: float) -> None:
    """The arrival theorem of closed queues (Reiser & Lavenberg 1980): what one meets is the loop with one client less.

    Of what decodes, its own share is taken out."""
    replica = replica_of()
    state = closed_loop(replica, clients, REQUESTS)
    others = float(state.decoding) * (clients - 1) / clients
    assert float(state.itl_s) == pytest.approx(float(state.decode_s + others * state.prefill_s / 300), rel=1e-9)
    alike = steady(replica, state.decoding, REQUESTS, others)
    assert float(state.requests_per_s) == pytest.approx(float(alike.requests_per_s), rel=1e-9)
    # Nobody waits but for the prompts before: all clients are in service.
    assert float(state.queue_s) == pytest.approx(float(alike.queue_s), abs=float(state.ttft_s) / 50)
    assert float(state.ttft_s) == pytest.approx(parts_of_ttft(state))


def test_clients_beyond_what_prefill_keeps_up_with_wait_in_its_queue(replica_of: ReplicaOf) -> None:
    replica, short = replica_of(), Requests.of(20_000.0, 1.0)
    some, more = (closed_loop(replica, clients, short) for clients in (1_000.0, 2_000.0))
    assert float(more.requests_per_s) == pytest.approx(float(some.requests_per_s), rel=1e-3)
    assert float(more.queue_s - some.queue_s) == pytest.approx(1_000 / float(more.requests_per_s), rel=2e-3)
    for state in (some, more):
        assert float(state.ttft_s) == pytest.approx(parts_of_ttft(state))


@pytest.mark.parametrize("prompt", [20.0, 200.0, 2_000.0])
def test_more_clients_that_only_have_a_prompt_read_never_lower_the_throughput(
    replica_of: ReplicaOf, prompt: float
) -> None:
    """Nothing decodes beside the prompts, so that none of those that wait makes a step longer."""
    replica = replica_of("llama-3.1-8b", layout=Layout(1))
    served = [float(closed_loop(replica, n, Requests.of(prompt, 1.0)).requests_per_s) for n in (1, 4, 16, 64, 256, 1e3)]
    assert all(more >= some * (1 - 1e-6) for some, more in pairwise(served))
