"""Direct: the answer at once, without thinking."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from capplan.reasoning.demand import Demand
from capplan.reasoning.generation import generations
from capplan.reasoning.lengths import Constant, LengthLaw
from capplan.reasoning.options import Options, Query
from capplan.reasoning.rounds import Drawn, Round, one

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy


def demand(options: Options, query: Query) -> Demand:
    """Prompt and answer, nothing between."""
    return generations("direct", query, Constant(0.0))


def thinking(options: Options) -> LengthLaw:
    """None at all."""
    return Constant(0.0)


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """One request."""
    return (one(drawn, drawn.thinking_tokens),)


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """As published or given for answers without thinking, or off the curve at the answer's length.

    A figure for a model that thinks says nothing about the same model without thinking, so None is the answer then.
    """
    if base.curve is None:
        return base.without_thinking()
    return base.at(asked.answer_tokens, Constant(0.0), math.inf)
