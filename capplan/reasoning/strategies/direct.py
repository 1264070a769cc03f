"""Direct: the answer at once, without thinking."""

from capplan.reasoning.demand import Demand
from capplan.reasoning.generation import generations
from capplan.reasoning.lengths import Constant
from capplan.reasoning.options import Options, Query


def demand(options: Options, query: Query) -> Demand:
    """Prompt and answer, nothing between."""
    return generations("direct", query, Constant(0.0))
