"""What one query asks of the engine, whatever the strategy: the only thing that the engine sees of reasoning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from capplan.reasoning.normal import Values
from capplan.records import dataclass


@dataclass(frozen=True)
class VerifierWork:
    """What judging the samples of one query costs on another model than the one that wrote them.

    model: catalogue name; None only while a strategy is being worked out, see `demand`.
    own_pool: True where the verifier has accelerators of its own, False where it shares the generator's.
    prefill_tokens, decode_tokens: per query, over all samples; scoring reads at prefill rate and hardly writes.
    requests: verification requests per query. passes: those that follow one another on the critical path.
    sequential_prefill_tokens, sequential_decode_tokens: of the tokens, those on the critical path.
    """

    model: str | None
    own_pool: bool
    prefill_tokens: Values
    decode_tokens: Values
    requests: Values
    passes: Values
    sequential_prefill_tokens: Values
    sequential_decode_tokens: Values


@dataclass(frozen=True)
class Demand:
    """Tokens, sequences and KV of one query; means over queries where a law of lengths is behind. Broadcasts.

    prompt_tokens: the user's prompt, which a workload's prefix cache may hold in part.
    thinking_tokens: one sample's thinking, under its cap. answer_tokens: the visible answer.
    samples: sequences that decode side by side and share the prompt. calls: engine requests one after another on the
        critical path. requests: engine requests per query in all.
    prefill_tokens: prompt tokens to read per query with the prompt counted once (samples fork after it), whatever
        earlier requests of the same query left in the cache excluded.
    repeated_prefill_tokens: prompt tokens of later requests that earlier ones of the same query have already read or
        written: free where the engine caches prefixes, else prefilled again.
    output_tokens: all tokens decoded per query, over all samples and calls.
    sequential_tokens: tokens decoded on the critical path, the longest of N samples included; divide by the
        streaming rate for time. sequential_thinking_tokens: those before the first token of the answer.
    context_tokens: mean context that a decoded token attends to (KV read).
    kv_token_steps: KV tokens held, summed over decode steps, the shared prompt once; x ITL it is the
        KV token-seconds of one query. kv_tokens_per_sequence: the same per running sequence.
    kv_peak_tokens: KV tokens held by one query when all its samples are complete.
    longest_factor: E[max of N] / mean of the length of one sample.
    sequential_p50_tokens, _p95_, _p99_: percentiles over queries of sequential_tokens.
    delay_s: before a query comes to the engine. usd_per_query: paid for a query beside the fleet.
    """

    strategy: str
    prompt_tokens: Values
    thinking_tokens: Values
    answer_tokens: Values
    samples: Values
    calls: Values
    requests: Values
    prefill_tokens: Values
    repeated_prefill_tokens: Values
    output_tokens: Values
    sequential_tokens: Values
    sequential_thinking_tokens: Values
    context_tokens: Values
    kv_token_steps: Values
    kv_peak_tokens: Values
    longest_factor: Values
    sequential_p50_tokens: Values
    sequential_p95_tokens: Values
    sequential_p99_tokens: Values
    verifier: VerifierWork | None = None
    delay_s: Values = 0.0
    usd_per_query: Values = 0.0

    @property
    def kv_tokens_per_sequence(self) -> Values:
        """KV tokens held per running sequence, time-averaged: what divides the KV pool into sequences.

        One sample: prompt + half of the output. With N samples the prompt is shared, so less.
        """
        return self.kv_token_steps / np.maximum(self.output_tokens, 1e-9)

    @property
    def request_output_tokens(self) -> Values:
        """Tokens decoded per engine request."""
        return self.output_tokens / self.requests

    @property
    def request_prefill_tokens(self) -> Values:
        """Tokens prefilled per engine request where nothing that was seen before is cached."""
        return (self.prefill_tokens + self.repeated_prefill_tokens) / self.requests


def stack(demands: Sequence[Demand]) -> Demand:
    """Many scalar demands as one of arrays, shape (len(demands),); verifiers are left to the singles."""
    names = [field.name for field in fields(Demand) if field.name not in ("strategy", "verifier")]
    columns = {name: np.array([getattr(one, name) for one in demands], dtype=np.float64) for name in names}
    return replace(
        demands[0],
        strategy="mixed" if len({d.strategy for d in demands}) > 1 else demands[0].strategy,
        verifier=None,
        **columns,
    )
