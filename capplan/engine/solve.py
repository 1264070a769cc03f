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


def chords(rising: Callable[[Any], Any], low: Any, high: Any, rounds: int = 7) -> Any:
    """As `bisect`, for smooth functions: false position, an end that stays put counting half (Illinois).

    A few rounds do where bisection needs one a bit; the result is not exactly on the lower side of the root.

    >>> float(chords(lambda x: x * x - 2.0, np.array(0.0), np.array(4.0), rounds=12).round(5))
    1.41421
    """
    low, high = (np.array(a, np.float64) for a in np.broadcast_arrays(low, high))
    at_low, at_high = np.array(rising(low), np.float64), np.array(rising(high), np.float64)
    end, beyond = high, at_high <= 0
    for _ in range(rounds):
        rise = np.where(at_high - at_low > 0, at_high - at_low, 1.0)
        middle = np.clip(high - at_high * (high - low) / rise, low, high)
        value = rising(middle)
        above = value > 0
        # The end that is not replaced is worth half, so that it moves next time.
        at_low, at_high = np.where(above, at_low / 2.0, value), np.where(above, value, at_high / 2.0)
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(beyond, end, np.where(np.abs(at_low) < np.abs(at_high), low, high))
