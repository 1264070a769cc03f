"""Roots of monotone functions, for whole arrays at once."""

from collections.abc import Callable
from typing import Any

import numpy as np


def bisect(rising: Callable[[Any], Any], low: Any, high: Any, rounds: int = 30) -> Any:
    """The largest x of [low, high] at which `rising(x)` is not above 0, within (high - low) / 2^rounds of it.

    `rising` maps an array to an array of the same shape and never falls; where it is above 0 at `low`, `low` is given.

    >>> float(bisect(lambda x: x * x - 2.0, np.array(0.0), np.array(4.0)).round(6))
    1.414214
    """
    low, high = np.array(low, np.float64), np.array(high, np.float64)
    low, high = (a.copy() for a in np.broadcast_arrays(low, high))
    end, done = high, rising(high) <= 0
    for _ in range(rounds):
        middle = (low + high) / 2.0
        above = rising(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(done, end, low)
