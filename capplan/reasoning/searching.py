"""Accuracy of the guided searches: beam, tree of thought and MCTS share one law."""

from capplan.reasoning import tree
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.selection import searched
from capplan.reasoning.accuracy.value import Accuracy, spread
from capplan.reasoning.demand import Demand
from capplan.reasoning.options import Options
from capplan.reasoning.verifying import judged, parameters, verifier_range


def search_accuracy(options: Options, asked: Demand, base: Base, metric: str) -> Accuracy | None:
    """Best of N at equal tokens, times what guidance is worth; bounded by the verifier."""
    single = base.at(asked.thinking_tokens + asked.answer_tokens, options.path_law(), options.thinking_budget_tokens)
    if single is None:
        return None
    trust, (concentration, _) = verifier_range(options.verifier, base), parameters(options, base)
    count = tree.candidates(asked)
    found = spread(
        lambda p, c, v, e: searched(p, count, c, v, e),
        (single.low, single.value, single.high),
        concentration.ends,
        trust.ends,
        base.search.ends,
    )
    return judged(found, single, metric, trust, concentration, base.search)
