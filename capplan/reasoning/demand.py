"""What one query asks of the engine, whatever the strategy: the only thing that the engine sees of reasoning."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from capplan.errors import UserError
from capplan.reasoning.effects import Effects, effects
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Values
from capplan.reasoning.options import Options, Query
from capplan.records import dataclass
from capplan.scenario.reasoning import KEYS

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy


_STRATEGIES = "capplan.reasoning.strategies"


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


def demand(options: Options, query: Query) -> Demand:
    """What one query under `options.strategy` asks of the engine.

    A model that judges its own samples does so as further requests of the same query, which are then part of the
    demand; `verifier` is left for another model. Raises UserError for a strategy without a module in
    capplan/reasoning/strategies.
    """
    ask: Callable[[Options, Query], Demand] = strategy_module(options.strategy).demand
    shaped, effects = under_policies(options)
    return effects.on_demand(_judging_itself(ask(shaped, query)))


def under_policies(options: Options) -> tuple[Options, Effects]:
    """The options with the thinking that their policies leave, and what else these do."""
    if options.policies is None:
        return options, Effects()
    module = strategy_module(options.strategy)
    own: LengthLaw = getattr(module, "thinking", Options.thinking_law)(options)
    found = effects(options.policies, own, options.samples if "samples" in KEYS.get(options.strategy, ()) else 1.0)
    law = found.law(own)
    return (options if law is own else replace(options, thinking=law)), found


def _judging_itself(asked: Demand) -> Demand:
    """The demand with the judging that its own model does; what a judge reads stands in another prompt, so anew."""
    work = asked.verifier
    if work is None or work.model is not None:
        return asked
    waited = work.sequential_decode_tokens
    read = work.prefill_tokens / np.maximum(work.requests, 1e-9) + work.decode_tokens / np.maximum(2 * work.requests, 1)
    decoded = asked.output_tokens + work.decode_tokens
    return replace(
        asked,
        verifier=None,
        calls=asked.calls + work.passes,
        requests=asked.requests + work.requests,
        prefill_tokens=asked.prefill_tokens + work.prefill_tokens,
        output_tokens=decoded,
        sequential_tokens=asked.sequential_tokens + waited,
        sequential_thinking_tokens=asked.sequential_thinking_tokens + waited,
        context_tokens=(asked.context_tokens * asked.output_tokens + read * work.decode_tokens) / decoded,
        kv_token_steps=asked.kv_token_steps + read * work.decode_tokens,
        sequential_p50_tokens=asked.sequential_p50_tokens + waited,
        sequential_p95_tokens=asked.sequential_p95_tokens + waited,
        sequential_p99_tokens=asked.sequential_p99_tokens + waited,
    )


def accuracy(options: Options, query: Query, base: Base) -> Accuracy | None:
    """How often the strategy's answer is right; None where that is not known of the model (`base.reason` says why)."""
    law: Callable[[Options, Demand, Base], Accuracy | None] = strategy_module(options.strategy).accuracy
    bare, effects = unhindered(options)
    return effects.on_accuracy(law(bare, demand(bare, query), effects.on_base(base)))


def unhindered(options: Options) -> tuple[Options, Effects]:
    """The options without policies, and those: what a sample is worth is known of thinking as long as it would be.

    A cap on thinking that says as much in fewer tokens is worth a longer one.
    """
    _, effects = under_policies(options)
    if not effects.each:
        return options, effects
    budget = np.asarray(options.thinking_budget_tokens) * effects.worth
    return replace(options, policies=None, thinking_budget_tokens=budget), effects


def strategy_module(name: str) -> ModuleType:
    """The module of a strategy, found by its file name.

    Raises UserError when there is none.
    """
    try:
        return importlib.import_module(f"{_STRATEGIES}.{name}")
    except ModuleNotFoundError as missing:
        if missing.name != f"{_STRATEGIES}.{name}":
            raise
        raise UserError(f"unknown strategy '{name}': choose one of {', '.join(strategy_names())}") from None


def strategy_names() -> list[str]:
    """Names of all strategies, in alphabetical order."""
    package = importlib.import_module(_STRATEGIES)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


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
