"""Tree of thought (Yao et al. 2023): `branching` continuations of every kept node, the best `keep` of a level go on."""

import numpy as np

from capplan.reasoning import tree
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import Accuracy
from capplan.reasoning.demand import Demand
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.options import Options, Query
from capplan.reasoning.searching import search_accuracy


def demand(options: Options, query: Query) -> Demand:
    """The root's children first, then keep x branching steps on each further level; no more kept than there are."""
    kept = np.minimum(options.keep, options.branching)
    shape = tree.downward(options.branching, kept * options.branching, kept, options.depth)
    return tree.demand("tree_of_thought", shape, options, query)


def thinking(options: Options) -> LengthLaw:
    """Along one path."""
    return options.path_law()


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """Best of as many whole answers as the search's tokens are worth."""
    return search_accuracy(options, asked, base, "tree")
