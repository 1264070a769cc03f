"""Chain of thought: K steps one after another, then the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from capplan.reasoning.demand import Demand
from capplan.reasoning.generation import generations
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.options import Options, Query
from capplan.reasoning.rounds import PROMPT, Drawn, Round, budgeted, one, thoughts

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy


def demand(options: Options, query: Query) -> Demand:
    """K x tokens_per_step (or `thinking_tokens`) of thinking, capped by the budget, then the answer.

    `calls: one` is a single generation whose context grows. `calls: per_step` sends each step as a request of its own,
    whose prompt is everything before it; the last of them also writes the answer.
    """
    whole = generations("chain_of_thought", query, options.thinking_law(), options.thinking_budget_tokens)
    if options.calls == "one":
        return whole
    steps = np.asarray(options.k, dtype=np.float64)
    # Step j reads the prompt and the j - 1 steps before it: all of it was in this query's KV before.
    repeated = (steps - 1) * whole.prompt_tokens + whole.thinking_tokens * (steps - 1) / 2
    return replace(whole, calls=steps, requests=steps, repeated_prefill_tokens=repeated)


def thinking(options: Options) -> LengthLaw:
    """That of all steps together."""
    return options.thinking_law()


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """One request, or one a step, whose prompt is everything before it; the last of them also writes the answer."""
    thought = budgeted(options, drawn.thinking_tokens)
    if options.calls == "one":
        return (one(drawn, thought),)
    steps = int(options.k)
    ends = [thought * at // steps for at in range(steps + 1)]
    made = []
    for at in range(steps):
        pieces = (((PROMPT,), drawn.prompt_tokens), *(((1 + j,), ends[j + 1] - ends[j]) for j in range(at)))
        before = replace(drawn, prompt_tokens=drawn.prompt_tokens + ends[at])
        written = ends[at + 1] - ends[at]
        last = at == steps - 1
        made.append(one(before, written, pieces) if last else thoughts(before, written[:, None], pieces, (1 + at,)))
    return tuple(made)


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """One sample's accuracy at its tokens; a single figure, being for the model's own length, is the same for all K."""
    return base.at(asked.thinking_tokens + asked.answer_tokens, options.thinking_law(), options.thinking_budget_tokens)
