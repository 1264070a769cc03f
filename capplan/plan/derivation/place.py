"""Elements of arrays: which one of an operand makes one of the result, and when two values are the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Index = tuple[int, ...]


def _array(value: Any) -> Any:
    """A list of numbers as the array that the planner makes of it."""
    plain = isinstance(value, list) and value and all(isinstance(one, (int, float)) for one in value)
    return np.asarray(value) if plain else value


def number_at(value: Any, index: Index) -> float | None:
    picked = pick(value, index)
    if isinstance(picked, (bool, np.bool_)) or picked is None:
        return None if picked is None else float(picked)
    try:
        return float(picked)
    except (TypeError, ValueError):
        return None


def pick(value: Any, index: Index) -> Any:
    value = _array(value)
    if not isinstance(value, np.ndarray):
        return value
    at = aligned(value, index)
    return None if at is None else value[at]


def aligned(value: Any, index: Index) -> Index | None:
    """The place in a value that broadcasting puts at `index` of a result; None where it has more axes than that."""
    value = _array(value)
    shape = np.shape(value) if isinstance(value, (np.ndarray, np.generic)) else ()
    if len(shape) > len(index):
        extra = shape[: len(shape) - len(index)]
        if any(size != 1 for size in extra):
            return None
        index = (0,) * len(extra) + index
    tail = index[len(index) - len(shape) :] if shape else ()
    if any(size != 1 and at >= size for size, at in zip(shape, tail, strict=True)):
        return None
    return tuple(0 if size == 1 else at for size, at in zip(shape, tail, strict=True))


def in_base(view: np.ndarray[Any, Any], index: Index, base: np.ndarray[Any, Any]) -> Index | None:
    """The place in an array of an element of a view of it, by where it lies in memory."""
    offset = view.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    offset += sum(at * stride for at, stride in zip(index, view.strides, strict=True))
    if not base.flags.c_contiguous or not 0 <= offset < base.nbytes:
        return None
    return tuple(int(i) for i in np.unravel_index(offset // base.itemsize, base.shape))


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.shape(one) == np.shape(other) and bool(np.array_equal(one, other))
    return bool(one is other or (isinstance(one, (int, float)) and one == other) or one == other)


def same(one: float, other: float) -> bool:
    return one == other or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-300)


def simple(number: float) -> bool:
    """A number that many unlike things have."""
    return number != number or number in (math.inf, -math.inf) or len(repr(number).strip("0.-")) < 9
