"""Scenarios of a sweep that share a section are worked out once: most differ in one key or two."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from capplan.records import dataclass

T = TypeVar("T")


@dataclass(frozen=True)
class Alike:
    """Which items are alike. firsts: the place of the first of each kind. kind: of every item, shape (items,)."""

    firsts: tuple[int, ...]
    kind: NDArray[np.int64]

    @property
    def differ(self) -> bool:
        """No two are alike."""
        return len(self.firsts) == len(self.kind)


def alike(items: Sequence[T], key: Callable[[T], Hashable]) -> Alike:
    """Items of equal key are alike.

    >>> alike(["b", "a", "b"], str).firsts, alike(["b", "a", "b"], str).kind.tolist()
    ((0, 1), [0, 1, 0])
    """
    places: dict[Hashable, int] = {}
    kinds = np.array([places.setdefault(key(item), len(places)) for item in items], np.int64)
    _, firsts = np.unique(kinds, return_index=True)
    return Alike(tuple(firsts.tolist()), kinds)
