"""Separate pools for prefill and decode."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.engine.disaggregated import Pools, closed_loop, prefill_rate_per_s, sending_s
from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Requests, most_sequences

ReplicaOf = Callable[..., Replica]


def pools(replica_of: ReplicaOf, prefill: float = 2.0, decode: float = 2.0) -> Pools:
    return Pools(replica_of(), replica_of(), prefill, decode)


def test_a_cache_is_sent_over_one_card_a_gpu_by_hand(replica_of: ReplicaOf) -> None:
    # 2,000 tokens x 163,840 B (fp8), half on each of two GPUs, at 45 GB/s: 3.64 ms.
    assert float(sending_s(replica_of(), Requests.of(2000.0, 100.0))) == pytest.approx(3.64e-3, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.floats(10, 30_000), st.floats(2, 5_000), st.floats(1, 1_000), st.integers(1, 4), st.integers(1, 4))
def test_every_closed_loop_over_two_pools_obeys_little(
    replica_of: ReplicaOf, prompt: float, output: float, clients: float, prefill: int, decode: int
) -> None:
    both, requests = pools(replica_of, float(prefill), float(decode)), Requests.of(prompt, output)
    fit = np.maximum(most_sequences(both.decode, requests), 1.0)
    state = closed_loop(both, np.array(clients), fit, requests)
    time_s = state.ttft_s - state.arrival_s + (output - 1.0) * state.itl_s
    assert float(state.requests_per_s * time_s) == pytest.approx(clients, rel=0.02)
    assert float(state.requests_per_s) <= float(prefill_rate_per_s(both, requests)) * 1.02


def test_decode_on_its_own_pool_never_waits_for_prompts(replica_of: ReplicaOf) -> None:
    both, requests = pools(replica_of), Requests.of(4000.0, 400.0)
    state = closed_loop(both, np.array(32.0), np.array(100.0), requests)
    assert float(state.itl_s) == float(state.decode_s)


def test_twice_the_pools_serve_twice_the_clients_at_the_same_pace(replica_of: ReplicaOf) -> None:
    requests = Requests.of(4000.0, 400.0)
    one = closed_loop(pools(replica_of, 1.0, 1.0), np.array(32.0), np.array(100.0), requests)
    two = closed_loop(pools(replica_of, 2.0, 2.0), np.array(64.0), np.array(100.0), requests)
    assert float(two.requests_per_s) == pytest.approx(2 * float(one.requests_per_s), rel=1e-3)
    assert float(two.itl_s) == pytest.approx(float(one.itl_s), rel=1e-3)


def test_a_pool_spread_over_attention_ranks_prefills_for_all_of_them(replica_of: ReplicaOf) -> None:
    requests = Requests.of(1000.0, 100.0)
    one = replica_of("deepseek-r1", layout=Layout(8, 2))
    many = replica_of("deepseek-r1", layout=Layout(1, 2, 8, 8))
    both = [Pools(r, r, 1.0, 1.0) for r in (one, many)]
    assert all(np.isfinite(float(prefill_rate_per_s(p, requests))) for p in both)
    doubled = replace(both[0], prefill_replicas=2.0)
    assert float(prefill_rate_per_s(doubled, requests)) == pytest.approx(
        2 * float(prefill_rate_per_s(both[0], requests))
    )
