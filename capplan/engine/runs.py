"""Benchmark runs of finite length: a static batch, everything queued at once, clients that stop at some count."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from capplan.engine.serving import Replica, Requests, decode_step_s, steady
from capplan.engine.step import step

# Euler's constant: the expected maximum of n exponential lengths is mean x (ln n + gamma).
_EULER_GAMMA = 0.5772


@dataclass(frozen=True)
class Run:
    """All arrays of one shape: time to the last token, mean TTFT and mean ITL of the run's requests."""

    seconds: Any
    ttft_s: Any
    itl_s: Any


def prefill_alone_s(replica: Replica, prompts: Any, requests: Requests, past: Any = 0.0) -> Any:
    """`prompts` prompts prefilled at once with nothing in decode, in as many steps as the token limit makes.

    past: of each prompt, what a cache held, which the rest attends to.
    """
    overheads = replica.profile.overheads
    tokens = prompts * requests.prefill_tokens
    piece, layout = replica.profile.max_batched_tokens, replica.work.layout
    # Each prompt is read by one rank, for all samples that fork from it: fewer prompts than ranks leave some idle.
    ranks = np.minimum(np.maximum(prompts / requests.forks, 1.0), layout.attention_data)
    chunk = np.minimum(tokens, piece * ranks)
    length = requests.prompt_tokens
    chunk_s = step(replica.work, replica.rates, overheads, 0.0, 1.0, chunk, length, past=past, piece=piece).total_s
    return overheads.prefill * chunk_s * tokens / chunk + prompts * overheads.request_s


def static_batch(replica: Replica, batch: Any, fit: Any, requests: Requests) -> Run:
    """`batch` requests start together and end together; what exceeds `fit` sequences is served as places come free.

    The last token is decoded output_tokens - 1 steps after the first.
    """
    running = np.minimum(batch, np.maximum(fit, 1.0))
    rounds = batch / running
    first_s = prefill_alone_s(replica, running, requests)
    itl_s = decode_step_s(replica, running, requests)
    decode_s = np.maximum(requests.output_tokens - 1.0, 0.0) * itl_s
    seconds = rounds * (first_s + decode_s)
    return Run(seconds, first_s + (rounds - 1.0) / 2.0 * (first_s + decode_s), itl_s)


def burst(replica: Replica, count: Any, fit: Any, requests: Requests, output_cv: Any = 0.0) -> Run:
    """`count` requests, all queued at t = 0 or kept at `fit` in flight until they run out.

    The queue drains at the steady rate; then the last `fit` sequences finish with nobody to take their places. With
    equal lengths they end together; with exponential ones (cv 1) the j-th last takes mean/j steps while j remain. Where
    each sequence beside it lengthens a step by g, n of them take mean x (H_n x step alone + (n - H_n) x g).
    """
    running = np.minimum(count, np.maximum(fit, 1.0))
    state = steady(replica, running, requests)
    tokens = np.maximum(requests.output_tokens, 1.0)
    alone_s = decode_step_s(replica, 1.0, requests)
    growth_s = np.maximum(state.decode_s - alone_s, 0.0) / np.maximum(running - 1.0, 1.0)
    stretch = np.log(np.maximum(running, 1.0)) + _EULER_GAMMA
    spread = np.clip(output_cv, 0.0, 1.0)
    tail_steps = 1.0 + spread * np.maximum(stretch - 1.0, 0.0)
    drain_s = tokens * (alone_s * tail_steps + growth_s * np.maximum(running - tail_steps, 0.0))
    waves_s = np.maximum(count - running, 0.0) / state.requests_per_s
    start_s = prefill_alone_s(replica, running, requests)
    seconds = start_s + waves_s + drain_s
    queued = np.maximum(count - running, 0.0) / np.maximum(count, 1.0)
    return Run(seconds, start_s / 2.0 + queued * (start_s / 2.0 + (waves_s + drain_s / 2.0) / 2.0), state.itl_s)
