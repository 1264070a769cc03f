"""Faults of a points file, all reported at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from capplan.errors import UserError


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a file; line and column count from 1, `text` is the line itself."""

    file: str
    line: int
    column: int
    key: str
    message: str
    hint: str = ""
    text: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        head = f"{self.file}:{self.line}:{self.column}: {self.key}: {self.message}{hint}"
        if not self.text:
            return head
        shown, caret = _window(self.text, self.column)
        return f"{head}\n{self.line:>7} | {shown}\n        | {' ' * (caret - 1)}^"


class PointFaults(UserError):
    """Every fault of one or more points files; at most `SHOWN` are printed, all are in `faults`."""

    SHOWN = 50

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        rest = len(self.faults) - self.SHOWN
        more = [f"... and {rest} more"] if rest > 0 else []
        super().__init__("\n".join([*map(str, self.faults[: self.SHOWN]), *more]))


def _window(text: str, column: int, width: int = 100) -> tuple[str, int]:
    """The part of a long line around a column, and the column within it."""
    start = max(0, min(column - 1 - width // 2, len(text) - width))
    return text[start : start + width], column - start
