"""Monte-Carlo tree search with a value model: each rollout writes and scores `branching` continuations of a node."""

import numpy as np

from capplan.reasoning import tree
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import Accuracy
from capplan.reasoning.demand import Demand
from capplan.reasoning.options import Options, Query
from capplan.reasoning.searching import search_accuracy


def demand(options: Options, query: Query) -> Demand:
    """Rollouts follow one another, for each uses what the last one taught; a path takes at least `depth` of them.

    The verifier stands in for playing a path to its end, as in search guided by a process reward model; the tree's
    nodes stay in the KV cache.
    """
    rollouts = np.maximum(options.rollouts, options.depth)
    shape = tree.Shape(first=options.branching, wide=options.branching, kept=np.maximum(rollouts / options.depth, 1.0),
                       levels=rollouts, path_levels=options.depth)
    return tree.demand("mcts", shape, options, query)


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """Best of as many whole answers as the search's tokens are worth."""
    return search_accuracy(options, asked, base, "mcts")
