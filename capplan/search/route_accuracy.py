"""How often routed fleets and cascades answer right: the easiest queries belong to the first tier."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from capplan.reasoning.cascade import Tier, cascade, chances
from capplan.scenario.routing import Escalation

Floats = NDArray[np.float64]
Table = Sequence[Sequence[float]]


def right_by_class(accuracies: Sequence[float], belonging: Sequence[float]) -> Floats:
    """Chance of a right answer to the queries of each class (rows) in each tier (columns).

    Difficulty is shared, as in `reasoning.cascade`: the first class is the easiest part of all queries, for every tier.
    accuracies: of each tier over all queries. belonging: share of the queries in each class.

    >>> right_by_class([0.5, 0.9], [0.5, 0.5]).round(2).tolist()  # the small tier is right about the easy half
    [[0.8, 1.0], [0.2, 0.8]]
    """
    curves = chances(accuracies)[:, ::-1]  # the easiest first
    ranks = curves.shape[1]
    whole = np.concatenate([np.zeros((len(accuracies), 1)), np.cumsum(curves, axis=1)], axis=1) / ranks
    ends = np.concatenate([[0.0], np.cumsum(belonging)])
    ends[-1] = 1.0
    sums = np.array([np.interp(ends, np.linspace(0, 1, ranks + 1), row) for row in whole])
    made: Floats = (np.diff(sums, axis=1) / np.maximum(np.diff(ends), 1e-12)).T
    return made


def pool_accuracies(right: Floats, sent: Table) -> Floats:
    """Accuracy of each tier on the queries that are sent to it. sent: of all queries, by class and tier."""
    table = np.asarray(sent, np.float64)
    made: Floats = (table * right).sum(axis=0) / np.maximum(table.sum(axis=0), 1e-12)
    return made


def escalated(accuracies: Sequence[float], check: Escalation) -> tuple[tuple[float, ...], float]:
    """(share of the queries that come to each tier, accuracy) of a cascade whose answers a check lets through."""
    tiers = [Tier(one, 0.0, check.keeps_right, check.keeps_wrong) for one in accuracies]
    found = cascade(tiers)
    return found.reached, found.accuracy
