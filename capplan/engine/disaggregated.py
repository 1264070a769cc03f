"""Prefill and decode on pools of their own: prompts are computed on one, their KV cache is sent to the other."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from capplan.engine.memory import kv_bytes_per_gpu
from capplan.engine.runs import prefill_alone_s
from capplan.engine.serving import Replica, Requests, Steady, steady
from capplan.engine.solve import bisect


@dataclass(frozen=True)
class Pools:
    """Replicas of each kind; counts may be arrays."""

    prefill: Replica
    decode: Replica
    prefill_replicas: Any
    decode_replicas: Any


def prefill_rate_per_s(pools: Pools, requests: Requests) -> Any:
    """Prompts that the prefill pool finishes a second, batched up to the step's token limit."""
    limit = pools.prefill.profile.max_batched_tokens * pools.prefill.work.layout.attention_data
    together = np.maximum(np.floor(limit / requests.prefill_tokens), 1.0)
    return pools.prefill_replicas * together / prefill_alone_s(pools.prefill, together, requests)


def transfer_s(pools: Pools, requests: Requests) -> Any:
    """Sending one prompt's KV cache, each GPU of the prefill replica over its own network card."""
    work = pools.prefill.work
    sent = kv_bytes_per_gpu(work.architecture, work.layout, work.precision, requests.prompt_tokens)
    return sent / pools.prefill.rates.inter_node_bytes_per_s


def closed_loop(pools: Pools, clients: Any, fit: Any, requests: Requests) -> Steady:
    """`clients` over the whole deployment; `fit` sequences at most in each decode replica.

    Decode never waits for prefill steps. The slower pool sets the pace: clients wait where they are too many.
    Raises nothing; the result's `decoding` and `requests_per_s` are of the whole deployment.
    """
    arrived = replace(requests, prefill_tokens=1.0)
    most_per_s = prefill_rate_per_s(pools, requests)
    own_s = prefill_alone_s(pools.prefill, 1.0, requests) + transfer_s(pools, requests)
    gaps = np.maximum(requests.output_tokens - 1.0, 1.0)

    def at(decoding: Any) -> tuple[Steady, Any, Any]:
        state = steady(pools.decode, decoding, arrived)
        rate = pools.decode_replicas * decoding / (gaps * state.decode_s)
        busy = np.clip(rate / most_per_s, 0.0, 0.98)
        return state, rate, own_s * (1.0 + busy / (2.0 * (1.0 - busy)))

    def surplus(decoding: Any) -> Any:
        state, rate, ttft_s = at(decoding)
        return np.maximum(rate * (ttft_s + gaps * state.decode_s) / clients, rate / most_per_s) - 1.0

    decoding = bisect(surplus, 1e-3, np.maximum(np.minimum(clients / pools.decode_replicas, fit), 2e-3))
    state, rate, ttft_s = at(decoding)
    in_service = rate * (ttft_s + gaps * state.decode_s)
    queued_s = np.maximum(clients - in_service, 0.0) / rate
    return replace(
        state,
        decoding=decoding * pools.decode_replicas,
        mixed_s=state.decode_s,
        prefill_share=np.zeros_like(rate),
        itl_s=state.decode_s,
        prefill_s=own_s,
        own_prefill_s=own_s,
        queue_s=ttft_s - own_s + queued_s,
        ttft_s=state.arrival_s + ttft_s + queued_s,
        requests_per_s=rate,
    )
