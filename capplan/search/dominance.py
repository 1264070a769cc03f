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


def staircase(cost: Floats, gain: Floats, least: float = 0.0) -> NDArray[np.int64]:
    """Places of the rows that give more `gain`, by at least `least`, than every cheaper one, from the cheapest up.

    NaN rows are left out.

    >>> staircase(np.array([3.0, 1.0, 2.0]), np.array([0.9, 0.5, 0.4])).tolist()
    [1, 0]
    """
    places = np.flatnonzero(~np.isnan(cost) & ~np.isnan(gain))
    steps: list[int] = []
    for at in places[np.lexsort((-gain[places], cost[places]))]:
        if not steps or (gain[at] > gain[steps[-1]] and gain[at] >= gain[steps[-1]] + least):
            steps.append(int(at))
    return np.array(steps, dtype=np.int64)
