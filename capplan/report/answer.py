"""What every command's answer offers to a format: blocks for people, a table and an object for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from capplan.records import dataclass

from .blocks import Block
from .document import columns, document, plain_tree
from .report import Report


class Answer(Protocol):
    """A report as it is `Reported`, or a `Sheet` where the rows are no plans."""

    def blocks(self) -> Sequence[Block]:
        """What people read, in its order; the first block is a heading."""

    def table(self) -> tuple[Sequence[str], Sequence[Mapping[str, object]]]:
        """Names of the columns, and the rows by them."""

    def document(self) -> Mapping[str, object]:
        """An object for programs; what does not apply is None."""


@dataclass(frozen=True)
class Reported:
    """The answer that a report makes."""

    report: Report

    def blocks(self) -> Sequence[Block]:
        from .story import tell  # programs that read JSON or CSV are told none

        return tell(self.report)

    def table(self) -> tuple[Sequence[str], Sequence[Mapping[str, object]]]:
        return columns(self.report), self.report.rows

    def document(self) -> Mapping[str, object]:
        return document(self.report)


@dataclass(frozen=True)
class Sheet:
    """An answer that is there already: predictions, or their scores."""

    told: tuple[Block, ...]
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, object], ...]
    tree: Mapping[str, Any]

    def blocks(self) -> Sequence[Block]:
        return self.told

    def table(self) -> tuple[Sequence[str], Sequence[Mapping[str, object]]]:
        return self.columns, self.rows

    def document(self) -> Any:
        return plain_tree(self.tree)
