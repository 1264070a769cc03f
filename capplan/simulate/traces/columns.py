"""Rows of a trace gathered into columns, eight bytes a value."""

from array import array
from pathlib import Path

import numpy as np

from capplan.errors import UserError
from capplan.simulate.requests import Requests
from capplan.simulate.traces.fields import Row

MOST_PAGES = 30_000_000
MOST_CLASSES = 1_000


class Columns:
    """Columns that grow; classes are numbered in the order in which they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.arrival_s = array("d")
        self.prompt, self.output, self.thinking, self.kind = array("q"), array("q"), array("q"), array("q")
        self.classes: dict[str, int] = {}
        self.pages: list[tuple[int, ...]] = []
        self.page_count = 0

    def __len__(self) -> int:
        return len(self.arrival_s)

    def add(self, arrival_s: float, row: Row, line: int) -> None:
        """Add a request. Raises UserError where classes or page hashes grow beyond bounds."""
        _, prompt, output, thinking, kind, pages = row
        self.arrival_s.append(arrival_s)
        self.prompt.append(prompt)
        self.output.append(output)
        self.thinking.append(thinking)
        self.kind.append(self.classes.setdefault(kind, len(self.classes)))
        self.pages.append(pages)
        self.page_count += len(pages)
        if len(self.classes) > MOST_CLASSES:
            raise UserError(f"{self.path}:{line}: more than {MOST_CLASSES:,} classes; is this column really a class?")
        if self.page_count > MOST_PAGES:
            raise UserError(
                f"{self.path}:{line}: more than {MOST_PAGES:,} page hashes; cut the trace with --from and --until"
            )

    def requests(self) -> Requests:
        """The requests so far; without pages where no line had any."""
        return Requests(
            arrival_s=np.array(self.arrival_s),
            prompt_tokens=np.array(self.prompt, dtype=np.int64),
            output_tokens=np.array(self.output, dtype=np.int64),
            thinking_tokens=np.array(self.thinking, dtype=np.int64),
            class_index=np.array(self.kind, dtype=np.int64),
            classes=tuple(self.classes),
            pages=self.pages if self.page_count else None,
        )
