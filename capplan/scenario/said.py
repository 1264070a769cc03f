"""What sections say, to compare them by."""

from collections.abc import Callable, Collection, Hashable
from typing import Any

from capplan.scenario.part import Part

_PLAIN = (int, float, frozenset)


class Said:
    """What a section says, as text; told once for every object, as the scenarios of a sweep share most of theirs.

    tell: other words for it than its text.
    """

    def __init__(self, tell: Callable[[Any], Hashable] = repr) -> None:
        self._tell = tell
        self._known: dict[int, tuple[Any, Hashable]] = {}

    def __call__(self, section: Any) -> Hashable:
        known = self._known.get(id(section))
        if known is None:
            known = self._known[id(section)] = (section, self._tell(section))
        return known[1]


def beside(figures: Collection[str]) -> Said:
    """What sections of one kind say beside some of their fields: of those what is text, missing or 0."""
    said = Said()

    def word(name: str, value: Any) -> Hashable:
        if value is None or isinstance(value, str):
            return value
        if name in figures:
            return bool(value)
        return value if isinstance(value, _PLAIN) else said(value)

    def tell(section: Part) -> Hashable:
        return tuple(word(name, value) for name, value in section.__dict__.items())

    return Said(tell)
