"""Numbers by their digits: which variables of which calls held exactly this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from capplan.plan.derivation import source
from capplan.plan.derivation.place import Index
from capplan.plan.derivation.record import Call

_LARGEST_ARRAY = 1024


class Digits:
    """All numbers that plain functions computed or gave back, those that they were handed left out."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._owners: list[tuple[Call, str, tuple[int, ...]]] = []
        held = []
        for call in (one for one in calls if one.whole):
            handed = source.parameters(call)
            for name, value in (*call.values.items(), ("", call.result)):
                if name not in handed and _countable(value):
                    self._owners.append((call, name, np.shape(value)))
                    held.append(np.ravel(value))
        numbers = np.concatenate([np.empty(0), *held])
        self._starts = np.cumsum([0, *(part.size for part in held)])
        self._order = np.argsort(numbers, kind="stable")
        self._sorted = numbers[self._order]

    def of(self, number: float) -> Iterator[tuple[Call, str, Index]]:
        """Who held the number, the earliest first: the call, the variable ('' for its result), the place in it."""
        first, last = np.searchsorted(self._sorted, number, "left"), np.searchsorted(self._sorted, number, "right")
        for at in self._order[first:last]:
            owner = int(np.searchsorted(self._starts, at, "right")) - 1
            call, name, shape = self._owners[owner]
            yield call, name, tuple(int(i) for i in np.unravel_index(at - self._starts[owner], shape))


def _countable(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and value.size <= _LARGEST_ARRAY
    return isinstance(value, float)
