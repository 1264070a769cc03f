"""The steady state of one replica under continuous batching: batch, ITL, TTFT and throughput that belong together.

Each output token of a sequence shares its step with the other sequences' tokens and with `prompt/output` prompt tokens
of the requests that replace those that end. Little's law ties the figures: sequences = rate x time in the replica.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from capplan.catalog.engines import Profile
from capplan.engine.memory import Memory, sequences_that_fit
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
    """What one request asks of the engine, means over requests; scalars or arrays.

    prefill_tokens: of the prompt, those that no cache holds; the last one is always computed.
    context_tokens: what a decoded token attends to. held_tokens: KV that a sequence occupies, averaged over its life.
    beams: sequences that decode for each request, sharing its prompt (beam search).
    """

    prompt_tokens: Any
    output_tokens: Any
    prefill_tokens: Any
    context_tokens: Any
    held_tokens: Any
    beams: Any = 1.0

    @staticmethod
    def of(prompt_tokens: Any, output_tokens: Any, cached: Any = 0.0, beams: Any = 1.0) -> "Requests":
        """Requests of equal length, of whose prompts a part is `cached`.

        >>> Requests.of(1000, 500).context_tokens
        1250.0
        """
        mean = prompt_tokens + output_tokens / 2.0
        computed = np.maximum(prompt_tokens * (1.0 - cached), 1.0)
        held = prompt_tokens + beams * output_tokens / 2.0
        return Requests(prompt_tokens, output_tokens, computed, mean, held, beams)


@dataclass(frozen=True)
class Steady:
    """Per replica, all arrays of one shape.

    decoding: sequences that decode. decode_s: a step without prefill, mixed_s: one with. prefill_share: steps that are
    mixed. itl_s: mean gap between tokens of a sequence, prefill of others included. prefill_s: time that one prompt
    adds to the steps it rides in. own_prefill_s: from a prompt's first chunk to its first token. arrival_s: on the way to
    the engine. queue_s: behind the prompts before it. ttft_s: all of these and the rest of the running step,
    without a queue for a batch slot. requests_per_s.
    """

    decoding: Any
    decode_s: Any
    mixed_s: Any
    prefill_share: Any
    itl_s: Any
    prefill_s: Any
    own_prefill_s: Any
    arrival_s: Any
    queue_s: Any
    ttft_s: Any
    requests_per_s: Any

    @property
    def service_s(self) -> Any:
        """Time of one request in its batch slot."""
        return np.asarray(self.decoding) / self.requests_per_s + self.own_prefill_s


def most_sequences(replica: Replica, requests: Requests) -> Any:
    """Sequences of a replica at once: as many as the KV cache holds, at most what the engine allows; 0 if none fits.

    An engine that reserves more of the output than half holds back the difference from the start.
    """
    job, engine = replica.work, replica.profile
    held = requests.held_tokens + (engine.output_reserved - 0.5) * requests.output_tokens * requests.beams
    by_memory = sequences_that_fit(job.architecture, job.layout, job.precision, replica.memory.kv_bytes, held)
    return np.minimum(by_memory, engine.max_sequences * job.layout.attention_data / requests.beams)


def decode_step_s(replica: Replica, sequences: Any, requests: Requests) -> Any:
    """One step without prefill; with speculation, per token that it yields."""
    one = replica.speculation
    total = step(
        replica.work,
        replica.rates,
        replica.profile.overheads,
        sequences * requests.beams,
        requests.context_tokens,
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
    running, context = decoding * requests.beams, requests.context_tokens
    mixed_s = step(replica.work, replica.rates, overheads, running, context, chunk, requests.prompt_tokens).total_s
    alone_s = step(replica.work, replica.rates, overheads, running, context).total_s
    steps = requests.prefill_tokens / chunk
    prefill_s = overheads.prefill * np.maximum(mixed_s - alone_s, 0.0) * steps + overheads.request_s
    tokens = np.maximum(requests.output_tokens, 1.0)
    itl_s = decode_s + np.maximum(decoding - 1.0, 0.0) * prefill_s / tokens
    full_s = alone_s + overheads.prefill * (mixed_s - alone_s)
    own_s = full_s * np.maximum(steps, 1.0) + overheads.request_s
    busy = np.clip(np.maximum(decoding - 1.0, 0.0) * prefill_s / (tokens * itl_s), 0.0, 0.98)
    # Behind the prompts before it: M/D/1 at prefill's share of the time.
    queue_s = prefill_s * busy / (2.0 * (1.0 - busy))
    decode_time_s = np.maximum(tokens - 1.0, 0.0) * itl_s
    per_s = decoding / np.where(decode_time_s > 0, decode_time_s, own_s)
    return Steady(
        decoding=decoding,
        decode_s=decode_s,
        mixed_s=full_s,
        prefill_share=np.clip(decoding / tokens * np.maximum(steps, 1.0), 0.0, 1.0),
        itl_s=itl_s,
        prefill_s=prefill_s,
        own_prefill_s=own_s,
        arrival_s=np.full_like(own_s, overheads.arrival_s),
        queue_s=queue_s,
        ttft_s=overheads.arrival_s + own_s + 0.5 * decode_s + queue_s,
        requests_per_s=per_s,
    )


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
