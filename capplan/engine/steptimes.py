"""How long a step of one replica takes: all that the simulator knows about model, accelerator and engine.

The same performance model that prices a plan fills a `StepTimes`; the simulator reads nothing else,
so a plan and its simulation can differ only by queueing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from capplan.errors import UserError


@dataclass(frozen=True)
class StepTimes:
    """Step times and limits of one replica under continuous batching.

    A step in which n sequences decode and some prompt chunks ride along takes
    `decode_base_s[n] + decode_slope_s_per_token[n] * context`, context being the tokens of all n sequences
    together, and for the chunks `prefill_fixed_s` once, `prefill_s_per_token` a token and
    `prefill_s_per_token_context` a token and token of context it attends to. Linear in the context, so that the
    time of m equal steps is a quadratic in m and needs no stepping. Several attention ranks share the context only if
    there are prompts for each: what one of them attends to counts as often as there are ranks, at least.
    Optimistic where attention and GEMM overlap less than the engine says, pessimistic where a mixed step reads the
    weights only once.

    decode_base_s, decode_slope_s_per_token: shape (max_sequences + 1,), index n; n = 0 is a step of prefill alone.
    request_s: what a request adds to the step that completes its prompt, whatever its length.
    arrival_s: from sending a request to its place in the queue, which holds nobody else up.
    max_batched_tokens: of a step; max_prompt_tokens: of one prompt in it, which one attention rank reads.
    kv_capacity_tokens: KV cache of the replica. swap_s_per_token: moving one token of KV to or from the host;
    None where that is not known.
    Raises UserError where the limits contradict each other.
    """

    decode_base_s: tuple[float, ...]
    decode_slope_s_per_token: tuple[float, ...]
    prefill_fixed_s: float
    prefill_s_per_token: float
    prefill_s_per_token_context: float
    kv_capacity_tokens: int
    kv_block_tokens: int = 16
    max_batched_tokens: int = 8192
    max_prompt_tokens: int = 1 << 40
    swap_s_per_token: float | None = None
    request_s: float = 0.0
    arrival_s: float = 0.0

    def __post_init__(self) -> None:
        faults = _faults(self)
        if faults:
            raise UserError("step times: " + "; ".join(faults))

    @property
    def max_sequences(self) -> int:
        """Sequences that may run at once."""
        return len(self.decode_base_s) - 1

    @property
    def ranks(self) -> int:
        """Attention ranks, each of which reads a prompt of its own."""
        return max(self.max_batched_tokens // self.max_prompt_tokens, 1)

    @property
    def kv_blocks(self) -> int:
        """Whole KV blocks in the cache."""
        return self.kv_capacity_tokens // self.kv_block_tokens


@dataclass(frozen=True)
class Link:
    """How a replica that only reads prompts sends their KV cache on: `fixed_s` and `s_per_token` for each prompt.

    lanes: prompts that are on their way at once, each over network cards of its own; further ones wait for a lane.

    >>> Link(0.0, 2e-6).time_s(1000)
    0.002
    """

    fixed_s: float = 0.0
    s_per_token: float = 0.0
    lanes: int = 1

    def time_s(self, tokens: Any) -> Any:
        """The way of so many tokens; a number or an array."""
        return self.fixed_s + self.s_per_token * tokens


def textbook_step_times(
    step_s: float,
    max_sequences: int,
    *,
    step_s_per_sequence: float = 0.0,
    step_s_per_context_token: float = 0.0,
    prefill_s_per_token: float = 0.0,
    prefill_s_per_token_context: float = 0.0,
    kv_capacity_tokens: int = 1 << 60,
    kv_block_tokens: int = 16,
    max_batched_tokens: int = 1 << 40,
    swap_s_per_token: float = 0.0,
) -> StepTimes:
    """A replica whose every step takes step_s plus a share per sequence and per token of context.

    With step_s alone and free prefill it is a queue with max_sequences servers; with step_s_per_sequence alone it
    is processor sharing: the closed forms that the simulator is held against.

    >>> times = textbook_step_times(0.01, 4, step_s_per_sequence=0.001)
    >>> [round(step_s, 3) for step_s in times.decode_base_s]
    [0.0, 0.011, 0.012, 0.013, 0.014]
    """
    base = [0.0] + [step_s + step_s_per_sequence * n for n in range(1, max_sequences + 1)]
    return StepTimes(
        decode_base_s=tuple(base),
        decode_slope_s_per_token=(step_s_per_context_token,) * (max_sequences + 1),
        prefill_fixed_s=0.0,
        prefill_s_per_token=prefill_s_per_token,
        prefill_s_per_token_context=prefill_s_per_token_context,
        kv_capacity_tokens=kv_capacity_tokens,
        kv_block_tokens=kv_block_tokens,
        max_batched_tokens=max_batched_tokens,
        swap_s_per_token=swap_s_per_token,
    )


def compressed(times: StepTimes, keep: float) -> StepTimes:
    """The replica with only a share `keep` of each sequence's KV entries held and read, 0 < keep <= 1.

    As in H2O (Zhang et al. 2023, arXiv 2306.14048) and SnapKV (Li et al. 2024, arXiv 2404.14469): the cache holds
    1/keep times the tokens and decode reads keep times the bytes. The eviction's own work is not counted.
    """
    if not 0 < keep <= 1:
        raise UserError(f"KV compression keeps {keep}: give the share of entries kept, above 0 and at most 1")
    return replace(
        times,
        kv_capacity_tokens=int(times.kv_capacity_tokens / keep),
        decode_slope_s_per_token=tuple(keep * slope for slope in times.decode_slope_s_per_token),
        swap_s_per_token=None if times.swap_s_per_token is None else keep * times.swap_s_per_token,
    )


def _faults(times: StepTimes) -> list[str]:
    faults = []
    if len(times.decode_base_s) < 2 or len(times.decode_slope_s_per_token) != len(times.decode_base_s):
        return ["decode_base_s and decode_slope_s_per_token need one entry for each of 0 .. max_sequences (at least 1)"]
    if not _sound(times.decode_base_s) or min(times.decode_base_s[1:]) <= 0:
        faults.append("decode_base_s must be finite, and above 0 from one sequence on")
    if not _sound(times.decode_slope_s_per_token):
        faults.append("decode_slope_s_per_token must be finite and not negative")
    prefill = (times.prefill_fixed_s, times.prefill_s_per_token, times.prefill_s_per_token_context)
    if not _sound((*prefill, times.swap_s_per_token or 0.0, times.request_s, times.arrival_s)):
        faults.append("prefill, swap, request and arrival times must be finite and not negative")
    if times.kv_block_tokens < 1 or times.kv_capacity_tokens < times.kv_block_tokens:
        faults.append(f"the KV cache of {times.kv_capacity_tokens:,} tokens holds no block of {times.kv_block_tokens}")
    if times.max_prompt_tokens < 1:
        faults.append(f"max_prompt_tokens {times.max_prompt_tokens:,} must be at least 1")
    if times.max_batched_tokens <= times.max_sequences:
        faults.append(
            f"max_batched_tokens {times.max_batched_tokens:,} must exceed max_sequences {times.max_sequences:,}, "
            "or a full batch leaves no room for prompts"
        )
    return faults


def _sound(values: Sequence[float]) -> bool:
    return all(math.isfinite(value) and value >= 0 for value in values)
