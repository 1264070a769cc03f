"""What every function of the planner was given, computed and returned while a plan was made."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeVar

T = TypeVar("T")

_PACKAGE = Path(__file__).parents[2]
_WATCHED = tuple(str(_PACKAGE / room) for room in ("plan", "engine", "fleet", "cost", "reasoning"))
_GENERATOR = 0x20 | 0x80 | 0x200


@dataclass(eq=False)
class Call:
    """One call of a function. line: of the caller's file, where it was called. at: its place in time, by its return.

    values: its variables when it returned. returned_line: where it did.
    """

    code: CodeType
    parent: Call | None
    line: int
    names: dict[str, Any] = field(default_factory=dict, repr=False)
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    result: Any = field(default=None, repr=False)
    returned_line: int = 0
    at: int = 0
    children: list[Call] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        return self.code.co_name

    @property
    def whole(self) -> bool:
        """Whether it is a plain function, whose variables stand for one computation."""
        return not self.code.co_flags & _GENERATOR and not self.name.startswith("<")

    def inside(self) -> list[Call]:
        """What it called, what comprehensions in it called included."""
        found = []
        for child in self.children:
            found += [child] if child.whole else child.inside()
        return found


class _Watch:
    """Keeps the calls of watched functions while it is the profiler of this thread."""

    def __init__(self) -> None:
        self.root = Call((lambda: None).__code__, None, 0)
        self.stack: list[tuple[FrameType, Call]] = []
        self.time = 0

    def __call__(self, frame: FrameType, event: str, value: object) -> None:
        if event not in ("call", "return") or not frame.f_code.co_filename.startswith(_WATCHED):
            return
        if event == "call":
            # A generator that goes on is called again: the same frame, the same call.
            parent = self.stack[-1][1] if self.stack else self.root
            back = frame.f_back
            made = Call(frame.f_code, parent, back.f_lineno if back else 0, frame.f_globals)
            parent.children.append(made)
            self.stack.append((frame, made))
        elif self.stack and self.stack[-1][0] is frame:
            _, call = self.stack.pop()
            call.values, call.result, call.returned_line = dict(frame.f_locals), value, frame.f_lineno
            self.time += 1
            call.at = self.time


def record(work: Callable[[], T]) -> tuple[T, Call]:
    """Does the work and gives what it gave, with the calls that were made on the way.

    Watching makes it several times slower; results are the same.
    """
    watch, before = _Watch(), sys.getprofile()
    sys.setprofile(watch)
    try:
        result = work()
    finally:
        sys.setprofile(before)
    return result, watch.root
