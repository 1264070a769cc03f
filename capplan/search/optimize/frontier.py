"""The Pareto frontier over cost, p99 of the time to answer, accuracy and carbon, of any number of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capplan.search.dominance import dominated
from capplan.search.optimize.candidate import Candidate, Exact, exactly
from capplan.search.optimize.evaluated import Evaluated

Floats = NDArray[np.float64]

# Steps of 1 %: less is no step that anybody could measure, and keeps the frontier short enough to read.
STEP = 0.01
SHOWN = 10
# Nobody buys beyond this many times the cheapest plan for a faster answer.
DEAREST = 5.0
_BLOCK = 512
_KEYS = ("annual_tco_usd", "tta_p99_s", "accuracy", "annual_kg_co2e")


def frontier(found: Sequence[Evaluated], objective: str, count: int = SHOWN) -> list[Exact]:
    """Feasible plans that no other one beats in everything, from the cheapest up; at most `count`, evenly spread."""
    measures, places = [], []
    for number, one in enumerate(found):
        at = np.argwhere(one.feasible)
        if len(at):
            table = _measures(one, at)
            kept = undominated(table)
            measures.append(table[kept])
            places += [(number, *map(int, row)) for row in at[kept]]
    if not measures:
        return []
    whole = np.concatenate(measures)
    kept = undominated(whole)
    kept = kept[whole[kept, 0] <= DEAREST * whole[:, 0].min()]
    chosen = kept[np.argsort(whole[kept, 0], kind="stable")]
    if len(chosen) > count:
        chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, count).round().astype(int))]
    candidates = [Candidate(found[places[at][0]], *places[at][1:]) for at in chosen]
    return [exact for exact in exactly(candidates, objective) if exact.feasible]


def alike(one: Exact, other: Exact) -> bool:
    """Whether two plans differ in nothing that the frontier is of, by a step at least."""
    first, second = (
        np.array([float(exact.plan.row[key] or 1.0) for key in _KEYS], np.float64) for exact in (one, other)
    )
    return bool(np.all(np.abs(np.log(first / second)) < np.log1p(STEP)))


def undominated(lower_is_better: Floats, step: float = STEP) -> NDArray[np.int64]:
    """Places of rows that no other row beats in everything by a step's resolution; of equals, the first.

    lower_is_better: (rows, columns), above 0. Values within a step of each other count as equal.

    >>> undominated(np.array([[1.0, 5.0], [2.0, 4.0], [2.0, 6.0], [1.001, 5.001]])).tolist()
    [0, 1]
    """
    steps = np.floor(np.log(np.maximum(lower_is_better, 1e-300)) / np.log1p(step) + 1e-9)
    _, first = np.unique(steps, axis=0, return_index=True)
    order = first[np.lexsort(tuple(steps[first][:, column] for column in reversed(range(steps.shape[1]))))]
    front: NDArray[np.int64] = np.empty(0, np.int64)
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        rows = np.concatenate([front, block])
        front = rows[~dominated(steps[rows])]
    return front


def _measures(one: Evaluated, at: Any) -> Floats:
    way, layout, cell = at.T
    wrong = 1.0 if one.accuracy is None else 1.0 - one.accuracy
    columns = [
        one.usd[way, layout, cell],
        one.tta_p99_s[layout, cell],
        np.full(len(at), wrong),
        one.kg[way, layout, cell],
    ]
    return np.stack(columns, axis=1)
