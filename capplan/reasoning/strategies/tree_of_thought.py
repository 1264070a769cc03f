"""Tree of thought (Yao et al. 2023): `branching` continuations of every kept node, the best `keep` of a level go on."""

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
    """The root's children first, then keep x branching steps on each further level; no more kept than there are."""
    kept = np.minimum(options.keep, options.branching)
    shape = tree.downward(options.branching, kept * options.branching, kept, options.depth)
    return tree.demand("tree_of_thought", shape, options, query)


def thinking(options: Options) -> LengthLaw:
    """That of a whole path."""
    return options.path_law()


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """The root's children, then those of every kept node, each level judged; at last the answer."""
    branching, depth = int(options.branching), int(options.depth)
    kept = min(int(options.keep), branching)
    later = [tree.Level(kept * branching, kept, above) for above in range(1, depth)]
    return tree.rounds(options, drawn, [tree.Level(branching, 1, 0), *later], depth)


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """Best of as many whole answers as the search's tokens are worth."""
    return search_accuracy(options, asked, base, "tree")
