"""Monte-Carlo tree search with a value model: each rollout writes and scores `branching` continuations of a node."""

import numpy as np

from capplan.reasoning import tree
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import Accuracy
from capplan.reasoning.demand import Demand
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.options import Options, Query
from capplan.reasoning.rounds import Drawn, Round
from capplan.reasoning.searching import search_accuracy


def demand(options: Options, query: Query) -> Demand:
    """Rollouts follow one another, for each uses what the last one taught; a path takes at least `depth` of them.

    The verifier stands in for playing a path to its end, as in search guided by a process reward model. Nodes are
    opened at all depths alike, and the whole tree stays in the KV cache.
    """
    rollouts, width = np.maximum(options.rollouts, options.depth), options.branching
    shape = tree.Shape(
        first=width,
        wide=width,
        levels=rollouts,
        path_steps=options.depth,
        above_steps=(np.asarray(options.depth) - 1) / 2,
        held_steps=width * rollouts / 2,
        peak_steps=width * rollouts,
    )
    return tree.demand("mcts", shape, options, query)


def thinking(options: Options) -> LengthLaw:
    """That of a whole path."""
    return options.path_law()


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """Rollout by rollout: a node's children, judged, at all depths in turn; at last the answer."""
    depth = int(options.depth)
    rollouts = range(max(int(options.rollouts), depth))
    return tree.rounds(options, drawn, [tree.Level(int(options.branching), 1, at % depth) for at in rollouts], depth)


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """Best of as many whole answers as the search's tokens are worth."""
    return search_accuracy(options, asked, base, "mcts")
