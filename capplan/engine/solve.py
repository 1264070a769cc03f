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
    """As `bisect`, for smooth functions: false position, an end that stays put twice counting half (Illinois).

    A few rounds do where bisection needs one a bit; the result is the nearest to the root of all that were tried.

    >>> float(chords(lambda x: x * x - 2.0, np.array(0.0), np.array(4.0), rounds=12).round(5))
    1.41421
    """
    low, high = (np.array(a, np.float64) for a in np.broadcast_arrays(low, high))
    at_low, at_high = np.array(rising(low), np.float64), np.array(rising(high), np.float64)
    nearer = np.abs(at_low) < np.abs(at_high)
    best, off = np.where(nearer, low, high), np.where(nearer, np.abs(at_low), np.abs(at_high))
    end, beyond, before = high, at_high <= 0, np.zeros(at_high.shape)
    for _ in range(rounds):
        rise = np.where(at_high - at_low > 0, at_high - at_low, 1.0)
        middle = np.clip(high - at_high * (high - low) / rise, low, high)
        value = rising(middle)
        best, off = np.where(np.abs(value) < off, middle, best), np.minimum(np.abs(value), off)
        side = np.where(value > 0, 1.0, -1.0)
        above, half = side > 0, np.where(side == before, 0.5, 1.0)
        at_low, at_high = np.where(above, at_low * half, value), np.where(above, value, at_high * half)
        low, high, before = np.where(above, low, middle), np.where(above, middle, high), side
    return np.where(beyond, end, best)
