"""Cascade: the cheapest way of thinking first, and on to the next while a check rejects the answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from capplan.errors import UserError
from capplan.reasoning import strategy as strategies
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import EXTRAPOLATED, Accuracy, spread
from capplan.reasoning.cascade import Outcome, Tier, cascade
from capplan.reasoning.demand import Demand, VerifierWork
from capplan.reasoning.lengths import Constant, LengthLaw
from capplan.reasoning.normal import Values
from capplan.reasoning.options import Options, Query
from capplan.reasoning.published import default_laws
from capplan.reasoning.verifying import parameters

_SUMMED = (
    "calls", "requests", "prefill_tokens", "repeated_prefill_tokens", "output_tokens", "sequential_tokens",
    "kv_token_steps", "thinking_tokens", "delay_s", "usd_per_query",
)  # fmt: skip
_WORK = (
    "prefill_tokens", "decode_tokens", "requests", "passes", "sequential_prefill_tokens", "sequential_decode_tokens",
)  # fmt: skip


def demand(options: Options, query: Query) -> Demand:
    """Each stage for the share of the queries that comes to it; failed attempts are paid and waited for.

    The shares follow from the stages' accuracies and the check; without accuracies nothing is known to be kept, so
    every query goes through all stages. The prompt is read again at each stage, from the cache where there is one.
    """
    each = [strategies.demand(stage, query) for stage in _stages(options)]
    reached = _reached(options)
    last, prompt = each[-1], each[0].prompt_tokens
    again = sum(share * prompt for share in reached[1:])
    total: dict[str, Any] = {name: sum(r * np.asarray(getattr(one, name)) for r, one in zip(reached, each, strict=True))
             for name in _SUMMED}  # fmt: skip
    read = [r * np.asarray(one.output_tokens) * one.context_tokens for r, one in zip(reached, each, strict=True)]
    tails = {
        f"sequential_p{share}_tokens": sum(
            np.asarray(getattr(one, f"sequential_p{share}_tokens"))
            for r, one in zip(reached, each, strict=True)
            if r > 1 - share / 100
        )
        for share in (50, 95, 99)
    }
    total["prefill_tokens"] -= again
    total["repeated_prefill_tokens"] += again
    return replace(
        last,
        strategy="cascade",
        samples=_most(each, "samples"),
        context_tokens=sum(read) / np.maximum(total["output_tokens"], 1e-9),
        kv_peak_tokens=_most(each, "kv_peak_tokens"),
        longest_factor=_most(each, "longest_factor"),
        # Nothing is shown before the check of the answer that stands.
        sequential_thinking_tokens=np.maximum(total["sequential_tokens"] - last.answer_tokens, 0.0),
        verifier=_work(reached, each),
        **total,
        **tails,
    )


def thinking(options: Options) -> LengthLaw:
    """None of its own: policies on thinking belong to the stages."""
    return Constant(0.0)


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """Of the answers that stand; what escalates is harder than the average (`cascade.cascade`)."""
    found = options.stage_accuracies
    if not found:
        return None
    concentration, _ = parameters(options, base)
    ends = [(one.low, one.value, one.high) for one in found]

    def standing(c: Values, *right: Values) -> Values:
        return _outcome(options, [float(np.asarray(one)) for one in right], float(np.asarray(c))).accuracy

    # The law need not rise with the concentration: its ends are tried beside those of the accuracies.
    low, value, high = spread(standing, concentration.ends, *ends)
    basis = "; ".join(dict.fromkeys(one.basis for one in found))
    return Accuracy(value, low, high, EXTRAPOLATED, "cascade", f"stages: {basis}; {concentration.basis}")


def _stages(options: Options) -> tuple[Options, ...]:
    if not options.stages:
        raise UserError("reasoning.strategy cascade: stages are needed, the cheapest way of thinking first")
    return options.stages


def _reached(options: Options) -> tuple[float, ...]:
    """Share of the queries that comes to each stage."""
    count = len(_stages(options))
    if options.escalated is not None:
        return tuple(options.escalated**at for at in range(count))
    if not options.stage_accuracies:
        return (1.0,) * count
    concentration, _ = parameters(options, default_laws())
    right = [float(np.asarray(one.value)) for one in options.stage_accuracies]
    return _outcome(options, right, float(np.asarray(concentration.value))).reached


def _outcome(options: Options, right: Sequence[float], concentration: float) -> Outcome:
    tiers = [Tier(one, 1.0, options.keeps_right, options.keeps_wrong) for one in right]
    return cascade(tiers, concentration)


def _most(each: Sequence[Demand], name: str) -> Values:
    return np.asarray(np.maximum.reduce([np.asarray(getattr(one, name), dtype=np.float64) for one in each]))


def _work(reached: Sequence[float], each: Sequence[Demand]) -> VerifierWork | None:
    """What the verifiers of the stages do; they have to be one model."""
    works = [(r, one.verifier) for r, one in zip(reached, each, strict=True) if one.verifier is not None]
    if not works:
        return None
    first = works[0][1]
    if len({work.model for _, work in works}) > 1:
        raise UserError("reasoning.stages: all verifiers of a cascade have to be the same model")
    total: dict[str, Any] = {name: sum(r * np.asarray(getattr(work, name)) for r, work in works) for name in _WORK}
    return replace(first, **total)
