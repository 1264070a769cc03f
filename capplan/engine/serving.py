"""The steady state of one replica under continuous batching: batch, ITL, TTFT and throughput that belong together.

Each output token of a sequence shares its step with the other sequences' tokens and with `prompt/output` prompt tokens
of the requests that replace those that end. Little's law ties the figures: sequences = rate x time in the replica.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from capplan.catalog.engines import Profile
from capplan.engine.memory import Memory
from capplan.engine.rates import Rates
from capplan.engine.solve import bisect
from capplan.engine.speculation import Speculation
from capplan.engine.step import step
from capplan.engine.work import Work


@dataclass(frozen=True)
class Replica:
    """One replica of a model, or an array of candidate layouts: what it does, on what, in which engine."""

    work: Work
    rates: Rates
    profile: Profile
    memory: Memory
    speculation: Speculation | None = None


@dataclass(frozen=True)
class Requests:
    """What a request asks for, means over requests: `prompt_tokens` in the prompt, of which `cached` are in the prefix
    cache, and `output_tokens` decoded one after another. Scalars or arrays."""

    prompt_tokens: Any
    output_tokens: Any
    cached: Any = 0.0

    @property
    def mean_context(self) -> Any:
        """Tokens that a decoding sequence holds, averaged over its life."""
        return self.prompt_tokens + self.output_tokens / 2.0

    @property
    def prefill_tokens(self) -> Any:
        """Prompt tokens that have to be computed; the last one always is."""
        return np.maximum(self.prompt_tokens * (1.0 - self.cached), 1.0)


@dataclass(frozen=True)
class Steady:
    """Per replica, all arrays of one shape.

    decoding: sequences that decode. decode_s: a step without prefill. itl_s: mean gap between tokens of a sequence,
    prefill of others included. prefill_s: time that one prompt adds to the steps it rides in. own_prefill_s: how long
    a prompt takes from its first chunk to its first token. ttft_s: no queue for a batch slot. requests_per_s.
    """

    decoding: Any
    decode_s: Any
    itl_s: Any
    prefill_s: Any
    own_prefill_s: Any
    ttft_s: Any
    requests_per_s: Any

    @property
    def service_s(self) -> Any:
        """Time of one request in its batch slot."""
        return np.asarray(self.decoding) / self.requests_per_s + self.ttft_s


def decode_step_s(replica: Replica, sequences: Any, requests: Requests) -> Any:
    """One step without prefill; with speculation, per token that it yields."""
    one = replica.speculation
    total = step(
        replica.work,
        replica.rates,
        replica.profile.overheads,
        sequences,
        requests.mean_context,
        verify=one.draft_tokens + 1.0 if one else 1.0,
    ).total_s
    return (total + one.draft_s(replica.work, replica.rates, sequences)) / one.tokens_per_step if one else total


def prefill_chunk_tokens(replica: Replica, decoding: Any, requests: Requests) -> Any:
    """Prompt tokens in a step that has any: one prompt, or all that arrive during a step, up to the step's limit."""
    arrivals = np.maximum(decoding / np.maximum(requests.output_tokens, 1.0), 1.0)
    limit = replica.profile.max_batched_tokens * replica.work.layout.attention_data
    return np.minimum(requests.prefill_tokens * arrivals, limit)


def steady(replica: Replica, decoding: Any, requests: Requests) -> Steady:
    """The steady state with `decoding` sequences in decode at any time; arrays broadcast."""
    overheads = replica.profile.overheads
    decoding = np.maximum(decoding, 1e-9)
    decode_s = decode_step_s(replica, decoding, requests)
    chunk = prefill_chunk_tokens(replica, decoding, requests)
    mixed_s = step(
        replica.work, replica.rates, overheads, decoding, requests.mean_context, chunk, requests.prompt_tokens
    ).total_s
    alone_s = step(replica.work, replica.rates, overheads, decoding, requests.mean_context).total_s
    steps = requests.prefill_tokens / chunk
    prefill_s = overheads.prefill * np.maximum(mixed_s - alone_s, 0.0) * steps + overheads.request_s
    tokens = np.maximum(requests.output_tokens, 1.0)
    itl_s = decode_s + np.maximum(decoding - 1.0, 0.0) * prefill_s / tokens
    own_s = (alone_s + overheads.prefill * (mixed_s - alone_s)) * np.maximum(steps, 1.0) + overheads.request_s
    busy = np.clip(np.maximum(decoding - 1.0, 0.0) * prefill_s / (tokens * itl_s), 0.0, 0.98)
    # A new prompt waits for the running step, then for the prompts before it: M/D/1 at the share that prefill takes.
    wait_s = 0.5 * decode_s + prefill_s * busy / (2.0 * (1.0 - busy))
    decode_time_s = np.maximum(tokens - 1.0, 0.0) * itl_s
    per_s = decoding / np.where(decode_time_s > 0, decode_time_s, own_s)
    return Steady(decoding, decode_s, itl_s, prefill_s, own_s, own_s + wait_s, per_s)


def closed_loop(replica: Replica, clients: Any, requests: Requests) -> Steady:
    """`clients` sequences always in flight, each in prefill or in decode.

    Fixed point of Little's law: clients = rate x (TTFT + decode time); a few rounds, since TTFT is the small part.
    """
    share: Any = 1.0
    state = steady(replica, clients, requests)
    for _ in range(6):
        decode_time_s = np.maximum(requests.output_tokens - 1.0, 0.0) * state.itl_s
        share = 0.5 * share + 0.5 * decode_time_s / (decode_time_s + state.ttft_s)
        state = steady(replica, clients * share, requests)
    return state


def open_loop(replica: Replica, rate_per_s: Any, most: Any, requests: Requests) -> Steady:
    """`rate_per_s` requests arrive at the replica whatever it does; it is saturated where `most` sequences are too few.

    The state with as many sequences in decode as make the rate; beyond saturation the rate is the capacity.
    """
    rate = np.asarray(rate_per_s, np.float64)
    floor = np.maximum(np.asarray(most, np.float64) * 1e-4, 1e-3)
    decoding = bisect(lambda b: steady(replica, b, requests).requests_per_s - rate, floor, most, rounds=24)
    state = steady(replica, decoding, requests)
    return replace(state, requests_per_s=np.minimum(state.requests_per_s, rate))
