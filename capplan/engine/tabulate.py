"""Step times for the simulator, read off the same model that prices a plan."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from capplan.engine.disaggregated import sending_s
from capplan.engine.memory import kv_bytes_per_gpu
from capplan.engine.serving import Replica, Requests, decode_step_s
from capplan.engine.step import step
from capplan.engine.steptimes import Link, StepTimes
from capplan.errors import UserError

# More sequences than any engine runs at once: the simulator keeps a slot for each.
_MOST_SEQUENCES = 65_536


def step_times(
    replica: Replica,
    requests: Requests,
    max_sequences: int | None = None,
    host_link_bytes_per_s: float | None = None,
) -> StepTimes:
    """The replica's steps as straight lines through the model's, fitted at the lengths of these requests.

    Decode: for every batch a line over the context, exact at the prompt and at prompt and output together; an engine
    with windowed or sparse attention bends in between. Prefill: beside half of the sequences, a line over the chunk
    (exact at a mean prompt and at the largest chunk) and one over the context. KV in tokens: what fits of sequences of
    mean length, fractions included.

    requests: means, scalars. max_sequences: fewer than the engine's own limit, None for that. host_link_bytes_per_s: of
    each GPU to its host, for swapping KV; None where it is not known.
    Raises UserError where the weights leave no room for KV.
    """
    job, engine = replica.work, replica.profile
    ranks = int(job.layout.attention_data)
    most = min(engine.max_sequences * ranks, max_sequences or _MOST_SEQUENCES, _MOST_SEQUENCES)
    batch = engine.max_batched_tokens * ranks
    held = float(requests.held_tokens)
    each_bytes = float(kv_bytes_per_gpu(job.architecture, job.layout, job.precision, held))
    capacity = int(max(float(replica.memory.kv_bytes), 0.0) / each_bytes * held * ranks)
    if capacity < held:
        raise UserError("the weights leave no room for the KV cache of one request: no replica can be simulated")
    base, slope = _decode(replica, requests, most)
    fixed, per_token, per_context, alone = _prefill(replica, requests, max(most // 2, 1), batch)
    return StepTimes(
        decode_base_s=(alone, *base),
        decode_slope_s_per_token=(0.0, *slope),
        prefill_fixed_s=fixed,
        prefill_s_per_token=per_token,
        prefill_s_per_token_context=per_context,
        kv_capacity_tokens=capacity,
        max_batched_tokens=max(batch, most + 1),
        swap_s_per_token=each_bytes / held / host_link_bytes_per_s if host_link_bytes_per_s else None,
        request_s=float(engine.overheads.request_s),
        arrival_s=float(engine.overheads.arrival_s),
    )


def reading_times(replica: Replica, requests: Requests) -> StepTimes:
    """The steps of a replica that only reads prompts, by the same lines as `step_times`, with nothing in decode.

    Exact for a mean prompt by itself and for a step that is full of them, as `engine.runs.prefill_alone_s` has them.
    Raises UserError where the weights leave no room for the KV of one prompt.
    """
    prompt = max(float(requests.prompt_tokens), 1.0)
    alone = replace(requests, output_tokens=1.0, context_tokens=prompt, held_tokens=prompt, beams=1.0)
    times = step_times(replica, alone)
    engine = replica.profile

    def chunk_s(chunk: float, length: float) -> float:
        piece = engine.max_batched_tokens
        total_s = step(replica.work, replica.rates, engine.overheads, 0.0, 1.0, chunk, length, piece=piece).total_s
        return float(engine.overheads.prefill) * float(np.asarray(total_s))

    largest = float(times.max_batched_tokens)
    usual = min(float(requests.prefill_tokens) * float(requests.forks), largest / 2)
    per_context = max(chunk_s(usual, 2 * prompt) - chunk_s(usual, prompt), 0.0) / (usual * prompt / 2)
    fixed, per_token = _line(lambda chunk: chunk_s(chunk, prompt) - per_context * chunk * prompt / 2, usual, largest)
    return replace(
        times,
        decode_base_s=(0.0, *times.decode_base_s[1:]),
        prefill_fixed_s=fixed,
        prefill_s_per_token=per_token,
        prefill_s_per_token_context=per_context,
    )


def link(replica: Replica, requests: Requests) -> Link:
    """How the replica sends the caches of prompts: a line through a mean prompt and one twice as long.

    Windowed attention and recurrent state make it start above zero.
    """
    prompt = max(float(requests.prompt_tokens), 1.0)
    once_s, twice_s = (
        float(np.asarray(sending_s(replica, replace(requests, prompt_tokens=tokens))))
        for tokens in (prompt, 2 * prompt)
    )
    return Link(max(2 * once_s - twice_s, 0.0), (twice_s - once_s) / prompt, int(replica.work.layout.attention_data))


def _decode(replica: Replica, requests: Requests, most: int) -> tuple[list[float], list[float]]:
    """Base and slope for 1 .. most sequences."""
    sequences = np.arange(1.0, most + 1)
    short = max(float(requests.prompt_tokens), 1.0)
    long = short + max(float(requests.output_tokens), 1.0)
    at_short, at_long = (
        np.broadcast_to(decode_step_s(replica, sequences, replace(requests, context_tokens=context)), sequences.shape)
        for context in (short, long)
    )
    slope = np.maximum(at_long - at_short, 0.0) / (sequences * (long - short))
    # Where attention hides behind the weights at the prompt's length, the line may meet zero context below zero.
    base = np.maximum(at_short - slope * sequences * short, 0.01 * at_short)
    return base.tolist(), slope.tolist()


def _prefill(replica: Replica, requests: Requests, decoding: int, batch: int) -> tuple[float, float, float, float]:
    """Fixed seconds, seconds a token, seconds a token and token of context, and what a step without decode adds."""
    weight = float(replica.profile.overheads.prefill)
    prompt = max(float(requests.prompt_tokens), 1.0)

    def mixed_s(sequences: float, chunk: float, length: float) -> float:
        return _seconds(replica, sequences, float(requests.context_tokens), chunk, length)

    largest = float(batch)
    usual = min(float(requests.prefill_tokens), largest / 2)
    without_s = mixed_s(decoding, 0.0, prompt)
    near_s, twice_s = mixed_s(decoding, usual, prompt), mixed_s(decoding, usual, 2 * prompt)
    # A prompt of this length is read at half of it on average.
    per_context = weight * max(twice_s - near_s, 0.0) / (usual * prompt / 2)

    def linear_s(chunk: float) -> float:
        return weight * max(mixed_s(decoding, chunk, prompt) - without_s, 0.0) - per_context * chunk * prompt / 2

    fixed, per_token = _line(linear_s, usual, largest)
    chunk_s = fixed + per_token * usual + per_context * usual * prompt / 2
    idle_s = mixed_s(1e-9, 0.0, prompt)
    alone_s = idle_s + weight * max(mixed_s(1e-9, usual, prompt) - idle_s, 0.0)
    return fixed, per_token, per_context, max(alone_s - chunk_s, 0.0)


def _line(chunk_s: Callable[[float], float], usual: float, largest: float) -> tuple[float, float]:
    """Fixed seconds and seconds a token of a chunk, through a usual and the largest one."""
    near_s, far_s = chunk_s(usual), chunk_s(largest)
    per_token = max(far_s - near_s, 0.0) / (largest - usual)
    fixed = near_s - per_token * usual
    if fixed < 0:  # a chunk that rides for free while decode waits for memory: then through the usual chunk alone
        return 0.0, max(near_s, 0.0) / usual
    return fixed, per_token


def _seconds(replica: Replica, sequences: float, context: float, chunk: float, prompt: float) -> float:
    overheads: Any = replica.profile.overheads
    total = step(replica.work, replica.rates, overheads, sequences, context, chunk, prompt).total_s
    return float(np.asarray(total))
