"""Beam search over steps: `width` paths, each continued in `branching` ways, the best `width` kept at every level."""

from capplan.reasoning import tree
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import Accuracy
from capplan.reasoning.demand import Demand
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.options import Options, Query
from capplan.reasoning.rounds import Drawn, Round
from capplan.reasoning.searching import search_accuracy


def demand(options: Options, query: Query) -> Demand:
    """depth levels of width x branching steps."""
    nodes = options.width * options.branching
    return tree.demand("beam", tree.downward(nodes, nodes, options.width, options.depth), options, query)


def thinking(options: Options) -> LengthLaw:
    """That of a whole path."""
    return options.path_law()


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """Every level: width x branching steps, then their judgement; at last the answer."""
    width, depth = int(options.width), int(options.depth)
    nodes = width * int(options.branching)
    return tree.rounds(options, drawn, [tree.Level(nodes, width, above) for above in range(depth)], depth)


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """Best of as many whole answers as the search's tokens are worth."""
    return search_accuracy(options, asked, base, "beam")
