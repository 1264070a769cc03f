"""Step times for the simulator, read off the same model that prices a plan."""

from collections.abc import Callable
from dataclasses import replace

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
    capacity = int(float(replica.memory.kv_bytes) / each_bytes * held * ranks)
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
        max_prompt_tokens=engine.max_batched_tokens,
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
    times = step_times(replica, replace(requests, held_tokens=prompt))
    weight = float(replica.profile.overheads.prefill)
    fixed, per_token, per_context = _chunks(
        lambda chunk, length: weight * _seconds(replica, 0.0, 1.0, chunk, length),
        _usual(replica, float(requests.prefill_tokens) * float(requests.forks)),
        float(times.max_batched_tokens),
        prompt,
        times.ranks,
    )
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
    return (at_short - slope * sequences * short).tolist(), slope.tolist()


def _prefill(replica: Replica, requests: Requests, decoding: int, batch: int) -> tuple[float, float, float, float]:
    """Fixed seconds, seconds a token, seconds a token and token of context, and what a step without decode adds."""
    weight = float(replica.profile.overheads.prefill)
    prompt = max(float(requests.prompt_tokens), 1.0)
    usual = _usual(replica, float(requests.prefill_tokens) * float(requests.forks))

    def mixed_s(sequences: float, chunk: float, length: float) -> float:
        return _seconds(replica, sequences, float(requests.context_tokens), chunk, length)

    without_s = mixed_s(decoding, 0.0, prompt)
    ranks = int(replica.work.layout.attention_data)
    fixed, per_token, per_context = _chunks(
        lambda chunk, length: weight * (mixed_s(decoding, chunk, length) - without_s),
        usual,
        float(batch),
        prompt,
        ranks,
    )
    chunk_s = fixed + per_token * usual + per_context * ranks * usual * prompt / 2
    idle_s = mixed_s(1e-9, 0.0, prompt)
    alone_s = idle_s + weight * (mixed_s(1e-9, usual, prompt) - idle_s)
    return fixed, per_token, per_context, max(alone_s - chunk_s, 0.0)


def _chunks(
    chunk_s: Callable[[float, float], float], usual: float, largest: float, prompt: float, ranks: int
) -> tuple[float, float, float]:
    """Fixed seconds of a chunk, seconds a token, and seconds a token and token of context.

    chunk_s: of a chunk of so many tokens, of prompts of such a length. Exact for mean prompts in a usual and in the
    largest chunk, and for prompts twice as long in the largest, in which all attention ranks have their share; a usual
    chunk is of one prompt, which one of the ranks reads.
    """
    # A prompt is read at half of its length on average.
    per_context = max(chunk_s(largest, 2 * prompt) - chunk_s(largest, prompt), 0.0) / (largest * prompt / 2)
    near_s = chunk_s(usual, prompt) - per_context * ranks * usual * prompt / 2
    far_s = chunk_s(largest, prompt) - per_context * largest * prompt / 2
    per_token = max(far_s - near_s, 0.0) / (largest - usual)
    fixed = near_s - per_token * usual
    if fixed < 0:  # a chunk that rides for free while decode waits for memory: then through the usual chunk alone
        return 0.0, max(near_s, 0.0) / usual, per_context
    return fixed, per_token, per_context


def _usual(replica: Replica, prompt_tokens: float) -> float:
    """Tokens of a prompt in a step: its rank's limit is that of one prompt, and half of it leaves the line two ends."""
    limit, ranks = replica.profile.max_batched_tokens, int(replica.work.layout.attention_data)
    return min(prompt_tokens, limit, limit * ranks / 2)


def _seconds(replica: Replica, sequences: float, context: float, chunk: float, prompt: float) -> float:
    engine = replica.profile
    form = (replica.work, replica.rates, engine.overheads)
    return float(np.asarray(step(*form, sequences, context, chunk, prompt, piece=engine.max_batched_tokens).total_s))
