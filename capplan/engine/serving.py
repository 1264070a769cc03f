"""The steady state of one replica under continuous batching: batch, ITL, TTFT and throughput that belong together.

Each output token of a sequence shares its step with the other sequences' tokens and with `prompt/output` prompt tokens
of the requests that replace those that end. Little's law ties the figures: sequences = rate x time in the replica.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from capplan.catalog.engines import Profile
from capplan.engine.memory import Memory, sequences_that_fit
from capplan.engine.rates import Rates
from capplan.engine.solve import bisect, chords
from capplan.engine.speculation import Speculation
from capplan.engine.step import step
from capplan.engine.work import Work
from capplan.records import dataclass

# A client decodes for at least this part of its time, e^-16; requests with fewer tokens after the first decode nothing.
_LEAST_SHARE_LOG = -16.0
_LEAST_GAPS = 0.01


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
    beams: sequences that decode for each request, sharing its prompt (beam search). forks: requests that arrive at once
    and share one prompt, which is prefilled once: `prefill_tokens` is each one's part of it. longest_tokens: of one
    sequence at its end, in the tail of the lengths. weighted_prompt_tokens: E[L^2] / E[L], the length of prompt that a
    prompt token belongs to in the mean, which attention pays for; 0 where all prompts are of one length.
    """

    prompt_tokens: Any
    output_tokens: Any
    prefill_tokens: Any
    context_tokens: Any
    held_tokens: Any
    beams: Any = 1.0
    forks: Any = 1.0
    longest_tokens: Any = 0.0
    weighted_prompt_tokens: Any = 0.0

    @property
    def cached_tokens(self) -> Any:
        """Of the prompt, what a cache holds."""
        return np.maximum(self.prompt_tokens - self.prefill_tokens * self.forks, 0.0)

    @staticmethod
    def of(prompt_tokens: Any, output_tokens: Any, cached: Any = 0.0, beams: Any = 1.0) -> "Requests":
        """Requests of equal length, of whose prompts a part is `cached`.

        >>> Requests.of(1000, 500).context_tokens
        1250.0
        """
        mean = prompt_tokens + output_tokens / 2.0
        computed = np.maximum(prompt_tokens * (1.0 - cached), 1.0)
        held = prompt_tokens + beams * output_tokens / 2.0
        longest = prompt_tokens + beams * output_tokens
        return Requests(prompt_tokens, output_tokens, computed, mean, held, beams, longest_tokens=longest)


@dataclass(frozen=True)
class Steady:
    """Per replica, all arrays of one shape.

    decoding: sequences that decode. decode_s: a step without prefill, mixed_s: one with. prefill_share: steps that are
    mixed. itl_s: mean gap between tokens of a sequence, prefill of others included. prefill_s: time that one prompt
    adds to the steps it rides in. own_prefill_s: from a prompt's first chunk to its first token. arrival_s: on the way
    to the engine. queue_s: behind the prompts before it. ttft_s: all of these and the rest of the running step,
    without a queue for a batch slot. requests_per_s. bend: share of prefill_s that grows with the square of a prompt's
    length. slope: d log decode_s / d log decoding, 0 where a state was not read off a curve.
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
    bend: Any = 0.0
    slope: Any = 0.0

    @property
    def service_s(self) -> Any:
        """Time of one request in its batch slot."""
        return np.asarray(self.decoding) / self.requests_per_s + self.own_prefill_s


def most_sequences(replica: Replica, requests: Requests) -> Any:
    """Sequences of a replica at once: as many as the KV cache holds, at most what the engine allows; 0 if none fits.

    An engine that reserves more of the output than half holds back the difference from the start. Where the longest
    sequence does not fit alone, it could never end, and none fits.
    """
    job, engine = replica.work, replica.profile
    held = requests.held_tokens + (engine.output_reserved - 0.5) * requests.output_tokens * requests.beams
    drafted = replica.speculation.kv_bytes_per_gpu(held) if replica.speculation else 0.0
    by_memory = sequences_that_fit(job.architecture, job.layout, job.precision, replica.memory.kv_bytes, held, drafted)
    longest = np.maximum(held, requests.longest_tokens)
    alone = sequences_that_fit(job.architecture, job.layout, job.precision, replica.memory.kv_bytes, longest, drafted)
    by_memory = np.where(alone >= 1.0, by_memory, 0.0)
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
    if one is None:
        return total
    drafting_s = one.draft_s(replica.work, replica.rates, sequences * requests.beams, requests.context_tokens)
    return (total + drafting_s) / one.tokens_per_step


def prefill_chunk_tokens(replica: Replica, decoding: Any, requests: Requests) -> Any:
    """Prompt tokens in a step that has any: one prompt, or all that arrive during a step, within the step's limit.

    The limit holds for each attention-data-parallel rank, and one prompt fills one rank at most.
    """
    arrivals = decoding / np.maximum(requests.output_tokens - 1.0, 1.0)
    most, layout = replica.profile.max_batched_tokens, replica.work.layout
    one = np.minimum(requests.prefill_tokens * requests.forks, most)
    return np.clip(requests.prefill_tokens * arrivals, one, most * layout.attention_data)


def steady(replica: Replica, decoding: Any, requests: Requests, others: Any = None) -> Steady:
    """The steady state with `decoding` sequences in decode at any time; arrays broadcast.

    others: of them, those that a sequence sees beside itself: as many where arrivals do not depend on the state, fewer
    where a fixed number of clients takes turns.
    """
    overheads = replica.profile.overheads
    decoding = np.maximum(decoding, 1e-9)
    gaps = np.maximum(requests.output_tokens - 1.0, 0.0)
    decodes = gaps > _LEAST_GAPS
    # Without a second token nothing decodes: the sequences are prompts, in prefill or waiting for it.
    writing = np.where(decodes, decoding, 0.0)
    decode_s = decode_step_s(replica, writing, requests)
    chunk = prefill_chunk_tokens(replica, decoding, requests)
    running, context = writing * requests.beams, requests.context_tokens
    usual, cached = np.maximum(requests.prompt_tokens, 1e-9), requests.cached_tokens
    weighted = np.maximum(requests.weighted_prompt_tokens, usual)

    def with_prompts_s(length: Any) -> Any:
        past = cached * (length / usual)
        work, rates, piece = replica.work, replica.rates, replica.profile.max_batched_tokens
        return step(work, rates, overheads, running, context, chunk, length, past=past, piece=piece).total_s

    mixed_s = with_prompts_s(weighted)
    alone_s = decode_s
    if replica.speculation:
        alone_s = step(replica.work, replica.rates, overheads, running, context).total_s
    steps = requests.prefill_tokens / chunk
    bend = bent_share(mixed_s, alone_s, with_prompts_s, usual, weighted)
    prefill_s = overheads.prefill * np.maximum(mixed_s - alone_s, 0.0) * steps + overheads.request_s
    beside = decoding if others is None else others
    # Between two tokens of a sequence, the others that ended were replaced: each brings its prompt.
    itl_s = decode_s + beside * prefill_s / np.where(decodes, gaps, 1.0)
    full_s = alone_s + overheads.prefill * (mixed_s - alone_s)
    own_s = full_s * np.maximum(steps * requests.forks, 1.0) + overheads.request_s
    # Prompts alone follow one another, as many in a step as its limit takes.
    prefilled_per_s = np.minimum(decoding / own_s, 1.0 / (full_s * steps + overheads.request_s))
    per_s = np.where(decodes, decoding / np.where(decodes, gaps * itl_s, 1.0), prefilled_per_s)
    busy = np.clip(per_s * prefill_s * beside / decoding, 0.0, 0.98)
    # Behind the prompts before it: M/D/1 at prefill's share of the time.
    queue_s = requests.forks * prefill_s * busy / (2.0 * (1.0 - busy))
    return Steady(
        decoding=decoding,
        decode_s=decode_s,
        mixed_s=full_s,
        prefill_share=np.clip(decoding / np.where(decodes, gaps, 1.0) * steps, 0.0, 1.0),
        itl_s=itl_s,
        prefill_s=prefill_s,
        own_prefill_s=own_s,
        arrival_s=np.full_like(own_s, overheads.arrival_s),
        queue_s=queue_s,
        ttft_s=overheads.arrival_s + own_s + 0.5 * decode_s + queue_s,
        requests_per_s=per_s,
        bend=bend,
    )


def bent_share(mixed_s: Any, alone_s: Any, with_prompts_s: Callable[[Any], Any], usual: Any, weighted: Any) -> Any:
    """Share of a prompt's time that grows with its square: the line through two lengths, carried back to length 0."""
    if not np.any(weighted > usual):
        return 0.0
    growth_s = (mixed_s - with_prompts_s(usual)) * weighted / np.maximum(weighted - usual, 1e-9)
    share = np.clip(growth_s / np.maximum(mixed_s - alone_s, 1e-12), 0.0, 1.0)
    return np.where(weighted > usual, share, 0.0)


def closed_loop(replica: Replica, clients: Any, requests: Requests) -> Steady:
    """`clients` sequences always in flight, each in prefill or in decode.

    Little's law, clients = rate x (TTFT + decode time), says how many decode; solved in their logarithm, since TTFT may
    take nearly all of the time. Clients that the engine cannot even prefill for wait in its queue.
    """
    count = np.asarray(clients, np.float64)
    gaps = np.maximum(requests.output_tokens - 1.0, 0.0)
    seen = np.maximum(count - 1.0, 0.0) / np.maximum(count, 1e-9)

    def at(share_log: Any) -> Steady:
        decoding = count * np.exp(share_log)
        return steady(replica, decoding, requests, decoding * seen)

    def surplus(share_log: Any) -> Any:
        state = at(share_log)
        # In logarithms it is nearly a straight line.
        return np.log(state.requests_per_s * (state.ttft_s + gaps * state.itl_s) / count)

    shape = np.broadcast_shapes(count.shape, np.shape(gaps), np.shape(replica.work.layout.gpus))
    state = at(chords(surplus, np.full(shape, _LEAST_SHARE_LOG), np.zeros(shape)))
    inside = state.requests_per_s * (state.ttft_s + gaps * state.itl_s)
    queued_s = np.maximum(count - inside, 0.0) / state.requests_per_s
    return replace(state, queue_s=state.queue_s + queued_s, ttft_s=state.ttft_s + queued_s)


def at_limit(replica: Replica, ttft_s: Any, tpot_s: Any, most: Any, requests: Requests) -> Steady:
    """The state with the most sequences that keeps the mean TTFT and the mean gap between tokens within these limits.

    inf is no limit; where even one sequence is over, the state of one.
    """

    def over(decoding: Any) -> Any:
        state = steady(replica, decoding, requests)
        return np.maximum(state.ttft_s / ttft_s, state.itl_s / tpot_s) - 1.0

    floor = np.minimum(1.0, np.asarray(most, np.float64))
    return steady(replica, bisect(over, floor, most, rounds=24), requests)


def open_loop(replica: Replica, rate_per_s: Any, most: Any, requests: Requests) -> Steady:
    """`rate_per_s` requests arrive at the replica whatever it does; it is saturated where `most` sequences are too few.

    The state with as many sequences in decode as make the rate; beyond saturation the rate is the capacity.
    """
    rate = np.asarray(rate_per_s, np.float64)
    floor = np.maximum(np.asarray(most, np.float64) * 1e-4, 1e-3)
    decoding = bisect(lambda b: steady(replica, b, requests).requests_per_s - rate, floor, most, rounds=24)
    state = steady(replica, decoding, requests)
    return replace(state, requests_per_s=np.minimum(state.requests_per_s, rate))
