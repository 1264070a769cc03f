"""What is wrong with a file: every fault with its place, and all of them in one exception."""

from collections.abc import Sequence

from capplan.errors import UserError
from capplan.records import dataclass

_WIDEST_LINE = 160
_MOST_SHOWN = 50


@dataclass(frozen=True)
class Fault:
    """One fault. file: its name, or the override that holds it. line, column: from 1; line 0 where there is none.

    key: dotted, '' for the file as a whole. text: the line of the file.
    """

    file: str
    line: int
    column: int
    key: str
    message: str
    hint: str = ""
    text: str = ""

    def __str__(self) -> str:
        """`file:line:column: key: message (hint)`, and below it the line with a caret."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        head = ": ".join(part for part in (place, self.key, self.message) if part)
        return f"{head}{f' ({self.hint})' if self.hint else ''}{self._snippet()}"

    def _snippet(self) -> str:
        if not self.line or not self.text.strip():
            return ""
        # Tabs and long lines would put the caret elsewhere than it points.
        text, column = self.text.replace("\t", " "), self.column - 1
        if len(text) > _WIDEST_LINE:
            start = max(0, column - _WIDEST_LINE // 2)
            text, column = text[start : start + _WIDEST_LINE], column - start
        number = str(self.line)
        margin = " " * max(7 - len(number), 1)
        return f"\n{margin}{number} | {text.rstrip()}\n{' ' * (len(margin) + len(number))} | {' ' * column}^"


class Faults(UserError):
    """Every fault of what was read, in the order of its files; the first are printed, all are in `faults`."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        shown = "\n".join(str(fault) for fault in self.faults[:_MOST_SHOWN])
        more = len(self.faults) - _MOST_SHOWN
        super().__init__(f"{shown}\n... and {more} more faults" if more > 0 else shown)

    def __reduce__(self) -> tuple[type["Faults"], tuple[tuple[Fault, ...]]]:
        """Travels between processes whole; the default would pass the message in place of the faults."""
        return type(self), (self.faults,)


class ScenarioFaults(Faults):
    """Those of a scenario file and its overrides."""
