"""Which of several plans are worth looking at: those that no other beats in everything at once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def dominated(lower_is_better: Floats) -> Flags:
    """Rows that another row equals or beats in every column and beats in at least one; shape (rows,).

    lower_is_better: (rows, columns); turn the sign of what should be high. NaN neither beats nor is beaten.

    >>> dominated(np.array([[1.0, 5.0], [2.0, 4.0], [2.0, 6.0]])).tolist()
    [False, False, True]
    """
    values = np.asarray(lower_is_better, dtype=np.float64)
    no_worse = (values[:, None, :] <= values[None, :, :]).all(axis=-1)
    better = (values[:, None, :] < values[None, :, :]).any(axis=-1)
    return np.asarray((no_worse & better).any(axis=0))


def staircase(cost: Floats, gain: Floats) -> NDArray[np.int64]:
    """Places of the rows that give more `gain` than every cheaper one, from the cheapest up; NaN rows are left out."""
    places = np.flatnonzero(~np.isnan(cost) & ~np.isnan(gain))
    order = places[np.lexsort((-gain[places], cost[places]))]
    best = np.maximum.accumulate(np.concatenate([[-np.inf], gain[order]]))[:-1]
    return np.asarray(order[gain[order] > best], dtype=np.int64)
