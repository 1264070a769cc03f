"""A strategy by its name: what it asks of the engine for one query, under its policies, and how often it is right."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from capplan.errors import UserError
from capplan.reasoning.demand import Demand
from capplan.reasoning.effects import Effects, effects
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.options import Options, Query
from capplan.scenario.reasoning import KEYS

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy

_STRATEGIES = "capplan.reasoning.strategies"


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
