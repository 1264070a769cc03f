"""Prefill and decode on pools of their own: prompts are computed on one, their KV cache is sent to the other."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from capplan.engine.memory import kv_bytes_per_gpu
from capplan.engine.runs import prefill_alone_s
from capplan.engine.serving import Replica, Requests, Steady, bent_share, decode_step_s, most_sequences
from capplan.engine.solve import bisect


@dataclass(frozen=True)
class Pools:
    """Replicas of each kind; counts may be arrays."""

    prefill: Replica
    decode: Replica
    prefill_replicas: Any
    decode_replicas: Any


@dataclass(frozen=True)
class Prefilling:
    """What one prefill replica does with prompts, in a layout or in each of an array of them.

    own_s: a mean prompt by itself. most_per_s: engine requests a second, batched and sent on. transfer_s: a prompt's
    cache on its way. bend: share of own_s that grows with the square of a prompt's length. fits: prompts it can hold.
    arrival_s: the way to the engine. together: mean prompts that are read at once. steps: that one prompt takes, in
    each of which others may join it.
    """

    own_s: Any
    most_per_s: Any
    transfer_s: Any
    bend: Any
    fits: Any
    arrival_s: Any
    together: Any
    steps: Any

    def at(self, requests_per_s: Any) -> Steady:
        """The state of a replica that so many requests a second come to.

        A pass over the weights is paid once for all prompts that are read together, so that each one more adds only
        1 / most_per_s: the same cycle of a step and the prompts in it as where decode goes on beside them.
        """
        each_s = 1.0 / self.most_per_s
        none = np.zeros(np.broadcast_shapes(np.shape(requests_per_s), np.shape(self.own_s)))
        return Steady(
            decoding=requests_per_s * self.own_s,
            decode_s=np.maximum(self.own_s - each_s, 0.0) / self.steps + none,
            mixed_s=self.own_s + none,
            prefill_share=none + 1.0,
            itl_s=none,
            prefill_s=each_s + none,
            own_prefill_s=self.own_s + none,
            arrival_s=self.arrival_s + none,
            queue_s=none,
            ttft_s=self.arrival_s + self.own_s + none,
            requests_per_s=requests_per_s + none,
            bend=self.bend + none,
        )


def prefilling(replica: Replica, requests: Requests) -> Prefilling:
    """What a prefill replica does with the prompts of `requests`; samples that fork share one of them.

    Optimistic where the network is shared: each GPU sends over a card of its own while others compute.
    """
    usual = np.maximum(requests.prompt_tokens, 1e-9)
    weighted = np.maximum(requests.weighted_prompt_tokens, usual)

    def past(length: Any) -> Any:
        return requests.cached_tokens * (length / usual)

    def alone_s(length: Any) -> Any:
        return prefill_alone_s(replica, requests.forks, replace(requests, prompt_tokens=length), past(length))

    batched = batched_per_s(replica, replace(requests, prompt_tokens=weighted), past(weighted))
    own_s = alone_s(weighted)
    sent_s = sending_s(replica, requests)
    sent_per_s = replica.work.layout.attention_data * requests.forks / sent_s
    prompt = replace(requests, output_tokens=1.0, held_tokens=usual, longest_tokens=weighted, beams=1.0)
    return Prefilling(
        own_s=own_s,
        most_per_s=np.minimum(batched, sent_per_s),
        transfer_s=sent_s,
        bend=bent_share(own_s, 0.0, alone_s, usual, weighted),
        fits=most_sequences(replica, prompt),
        arrival_s=replica.profile.overheads.arrival_s,
        together=_together(replica, requests),
        steps=np.maximum(requests.prefill_tokens * requests.forks / replica.profile.max_batched_tokens, 1.0),
    )


def decoding(replica: Replica, sequences: Any, requests: Requests, arrival_s: Any = 0.0) -> Steady:
    """The steady state of a decode replica with `sequences` at any time: no step of it holds a prompt.

    arrival_s: from the end of prefill until the sequence stands in this replica's queue.
    """
    running = np.maximum(sequences, 1e-9)
    decode_s = decode_step_s(replica, running, requests)
    none = np.zeros(np.broadcast_shapes(np.shape(running), np.shape(decode_s), np.shape(arrival_s)))
    return Steady(
        decoding=running,
        decode_s=decode_s,
        mixed_s=decode_s,
        prefill_share=none,
        itl_s=decode_s,
        prefill_s=none,
        own_prefill_s=none,
        arrival_s=arrival_s + none,
        queue_s=none,
        ttft_s=arrival_s + 1.5 * decode_s,
        requests_per_s=running / (np.maximum(requests.output_tokens - 1.0, 1.0) * decode_s),
    )


def batched_per_s(replica: Replica, requests: Requests, past: Any = 0.0) -> Any:
    """Prompts that one prefill replica finishes a second, batched up to the step's token limit.

    past: of each prompt, what a cache held.
    """
    together = _together(replica, requests)
    return together / prefill_alone_s(replica, together, requests, past)


def _together(replica: Replica, requests: Requests) -> Any:
    """Requests that are read at once: as many as a step takes, one prompt on each attention rank at least."""
    limit, ranks = replica.profile.max_batched_tokens, replica.work.layout.attention_data
    return np.maximum(np.floor(limit * ranks / requests.prefill_tokens), ranks * requests.forks)


def prefill_rate_per_s(pools: Pools, requests: Requests) -> Any:
    """Prompts that the prefill pool finishes a second."""
    return pools.prefill_replicas * batched_per_s(pools.prefill, requests)


def sending_s(replica: Replica, requests: Requests) -> Any:
    """Sending one prompt's KV cache, each GPU of the prefill replica over its own network card."""
    work = replica.work
    sent = kv_bytes_per_gpu(work.architecture, work.layout, work.precision, requests.prompt_tokens)
    return sent / replica.rates.inter_node_bytes_per_s


def closed_loop(pools: Pools, clients: Any, fit: Any, requests: Requests) -> Steady:
    """`clients` over the whole deployment; `fit` sequences at most in each decode replica.

    Decode never waits for prefill steps. The slower pool sets the pace: clients wait where they are too many.
    Raises nothing; the result's `decoding` and `requests_per_s` are of the whole deployment.
    """
    most_per_s = prefill_rate_per_s(pools, requests)
    own_s = prefill_alone_s(pools.prefill, 1.0, requests) + sending_s(pools.prefill, requests)
    gaps = np.maximum(requests.output_tokens - 1.0, 1.0)
    arrival_s = pools.decode.profile.overheads.arrival_s

    def at(running: Any) -> tuple[Steady, Any, Any]:
        state = decoding(pools.decode, running, requests)
        rate = pools.decode_replicas * state.requests_per_s
        busy = np.clip(rate / most_per_s, 0.0, 0.98)
        return state, rate, own_s * (1.0 + busy / (2.0 * (1.0 - busy)))

    def surplus(running: Any) -> Any:
        state, rate, ttft_s = at(running)
        return np.maximum(rate * (ttft_s + gaps * state.decode_s) / clients, rate / most_per_s) - 1.0

    running = bisect(surplus, 1e-3, np.maximum(np.minimum(clients / pools.decode_replicas, fit), 2e-3))
    state, rate, ttft_s = at(running)
    in_service = rate * (ttft_s + gaps * state.decode_s)
    queued_s = np.maximum(clients - in_service, 0.0) / rate
    return replace(
        state,
        decoding=running * pools.decode_replicas,
        prefill_s=own_s,
        own_prefill_s=own_s,
        arrival_s=arrival_s,
        queue_s=ttft_s - own_s + queued_s,
        ttft_s=arrival_s + ttft_s + queued_s,
        requests_per_s=rate,
    )
