"""How long prompts take in a replica that decodes beside them, and in one that only reads them, by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from capplan.engine.serving import Replica, Requests, prefill_chunk_tokens, steady
from capplan.engine.step import step

ReplicaOf = Callable[..., Replica]


def mixed_s(replica: Replica, decoding: float, requests: Requests, chunk: float) -> tuple[float, float]:
    """(a step without prompts, one with so many of their tokens), the engine's weight on prefill counted."""
    job, rates, costs = replica.work, replica.rates, replica.profile.overheads
    context, length = requests.context_tokens, requests.prompt_tokens
    alone = step(job, rates, costs, decoding, context).total_s
    piece = replica.profile.max_batched_tokens
    both = step(job, rates, costs, decoding, context, chunk, length, past=requests.cached_tokens, piece=piece).total_s
    return float(alone), float(alone + costs.prefill * (both - alone))


@pytest.mark.parametrize(
    ("prompt", "cached", "chunk"), [(2000.0, 0.0, 2000.0), (2000.0, 0.5, 1000.0), (2e4, 0.0, 8192)]
)
def test_a_prompt_rides_in_as_many_steps_as_it_fills(
    replica_of: ReplicaOf, prompt: float, cached: float, chunk: float
) -> None:
    replica, requests = replica_of(), Requests.of(prompt, 301.0, cached=cached)
    costs, state = replica.profile.overheads, steady(replica, 8.0, requests)
    alone_s, full_s = mixed_s(replica, 8.0, requests, chunk)
    steps = requests.prefill_tokens / chunk
    added_s = (full_s - alone_s) * steps + costs.request_s
    itl_s = alone_s + 8 * added_s / 300
    busy = added_s * 8 / (300 * itl_s)
    wanted = {
        "decode_s": alone_s, "mixed_s": full_s, "prefill_s": added_s, "itl_s": itl_s,
        "own_prefill_s": full_s * steps + costs.request_s, "requests_per_s": 8 / (300 * itl_s),
        "prefill_share": 8 / 300 * steps, "queue_s": added_s * busy / (2 * (1 - busy)), "arrival_s": costs.arrival_s,
    }  # fmt: skip
    wanted["ttft_s"] = costs.arrival_s + wanted["own_prefill_s"] + alone_s / 2 + wanted["queue_s"]
    for name, value in wanted.items():
        assert float(getattr(state, name)) == pytest.approx(value), name
    assert float(state.service_s) == pytest.approx(300 * itl_s + wanted["own_prefill_s"])


def test_of_samples_that_fork_each_waits_for_the_whole_prompt_and_the_replica_reads_it_once(
    replica_of: ReplicaOf,
) -> None:
    replica = replica_of()
    forked = replace(Requests.of(20_000.0, 301.0), prefill_tokens=5000.0, forks=4.0)
    costs, state = replica.profile.overheads, steady(replica, 8.0, forked)
    alone_s, full_s = mixed_s(replica, 8.0, forked, 8192.0)
    assert float(state.own_prefill_s) == pytest.approx(full_s * 20_000 / 8192 + costs.request_s)
    assert float(state.prefill_s) == pytest.approx((full_s - alone_s) * 5000 / 8192 + costs.request_s)
    busy = float(state.requests_per_s * state.prefill_s)
    assert float(state.queue_s) == pytest.approx(4 * float(state.prefill_s) * busy / (2 * (1 - busy)))


@pytest.mark.parametrize("output", [0.0, 1.0])
def test_prompts_alone_follow_one_another_as_fast_as_they_are_there_or_as_steps_hold_them(
    replica_of: ReplicaOf, output: float
) -> None:
    replica, requests = replica_of(), Requests.of(2000.0, output)
    costs = replica.profile.overheads
    one, many = steady(replica, 1.0, requests), steady(replica, 64.0, requests)
    _, lone_s = mixed_s(replica, 0.0, requests, 2000.0)
    assert float(one.requests_per_s) == pytest.approx(1 / (lone_s + costs.request_s))
    _, full_s = mixed_s(replica, 0.0, requests, 8192.0)
    assert float(many.own_prefill_s) == pytest.approx(full_s + costs.request_s)
    assert float(many.requests_per_s) == pytest.approx(1 / (full_s * 2000 / 8192 + costs.request_s))
    assert float(many.decode_s) == float(one.decode_s)  # nothing decodes, however many wait
    assert float(one.prefill_share) == float(many.prefill_share) == 1.0


def test_a_prompt_pool_busier_than_it_can_be_waits_as_at_98_percent(replica_of: ReplicaOf) -> None:
    many = steady(replica_of(), 64.0, Requests.of(2000.0, 1.0))
    assert float(many.queue_s) <= float(many.prefill_s) * 0.98 / (2 * 0.02) * (1 + 1e-9)
    states = steady(replica_of(), np.array([0.0, 1e-9]), Requests.of(2000.0, 301.0))
    assert float(states.requests_per_s[0]) == float(states.requests_per_s[1]) > 0


def test_prompts_that_come_while_a_step_runs_are_read_in_the_next_one(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    assert float(prefill_chunk_tokens(replica, 40.0, Requests.of(100.0, 2.0))) == 100 * 40  # all of them end at once
    assert float(prefill_chunk_tokens(replica, 40.0, Requests.of(100.0, 5.0))) == 100 * 10
    assert float(prefill_chunk_tokens(replica, 40.0, Requests.of(100.0, 401.0))) == 100  # one at least
    assert float(prefill_chunk_tokens(replica, 400.0, Requests.of(100.0, 2.0))) == replica.profile.max_batched_tokens


def test_a_second_token_is_decoded(replica_of: ReplicaOf) -> None:
    state = steady(replica_of(), 8.0, Requests.of(2000.0, 2.0))
    assert float(state.requests_per_s) == pytest.approx(8 / float(state.itl_s))
    assert float(state.decode_s) > float(steady(replica_of(), 8.0, Requests.of(2000.0, 1.0)).decode_s)
