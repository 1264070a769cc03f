"""Long thinking by budget: one generation that thinks as long as the model wants, up to `thinking_budget`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capplan.reasoning.demand import Demand
from capplan.reasoning.generation import generations
from capplan.reasoning.lengths import Constant, LengthLaw
from capplan.reasoning.options import Options, Query
from capplan.reasoning.rounds import Drawn, Round, budgeted, one

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy


def demand(options: Options, query: Query) -> Demand:
    """The model's own law of thinking cut at the budget; without a law it thinks to the budget (budget forcing)."""
    return generations("long_thinking", query, thinking(options), options.thinking_budget_tokens)


def thinking(options: Options) -> LengthLaw:
    """The model's own law; without one it thinks to the budget."""
    if options.thinking is None and np.all(np.isfinite(options.thinking_budget_tokens)):
        return Constant(options.thinking_budget_tokens)
    return options.thinking_law()


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """One request."""
    return (one(drawn, budgeted(options, drawn.thinking_tokens)),)


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """One sample's accuracy at its tokens, less what the budget cuts."""
    return base.at(asked.thinking_tokens + asked.answer_tokens, thinking(options), options.thinking_budget_tokens)
