"""What a report for people is made of, whatever the format: headings, sentences, facts, grids and charts."""

from collections.abc import Sequence
from dataclasses import replace

from capplan.records import dataclass

from .charts.chart import Chart


@dataclass(frozen=True)
class Heading:
    """A title; level 1 heads the report, level 2 a part of it."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """Sentences. tone: `plain`, `quiet` for what may be skipped, `bad` for what must not be missed."""

    text: str
    tone: str = "plain"


@dataclass(frozen=True)
class Facts:
    """Names beside values, one pair a line."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Grid:
    """A table of text.

    headings: one a column. rows: cells, as many as headings. words: columns of text, which align left.
    marks: per row, '' or 'bad' or 'total'. keys: how many leading columns name the row.
    prose: the last column holds sentences, which may run over several lines.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset()
    marks: tuple[str, ...] = ()
    keys: int = 1
    prose: bool = False

    def mark(self, row: int) -> str:
        """How a row stands out, '' where it does not."""
        return self.marks[row] if row < len(self.marks) else ""


Block = Heading | Text | Facts | Grid | Chart


# A name in a scenario may hold anything; codes that move a terminal's cursor or colour it are not text.
_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if code != ord("\n")}


def cleaned(block: Block) -> Block:
    """The block without control characters."""
    match block:
        case Heading() | Text():
            return replace(block, text=block.text.translate(_CONTROL))
        case Facts():
            return Facts(tuple((_line(name), _line(value)) for name, value in block.pairs))
        case Grid():
            rows = tuple(tuple(map(_line, cells)) for cells in block.rows)
            return replace(block, headings=tuple(map(_line, block.headings)), rows=rows)
        case Chart():
            data = tuple({name: _line(v) if isinstance(v, str) else v for name, v in row.items()} for row in block.rows)
            return replace(block, title=_line(block.title), summary=_line(block.summary), rows=data)


def _line(text: str) -> str:
    return text.translate(_CONTROL).replace("\n", " ")


def grid(headings: Sequence[str], columns: Sequence[Sequence[str]], **how: object) -> Grid:
    """A grid from its columns."""
    return Grid(tuple(headings), tuple(zip(*columns, strict=True)), **how)  # type: ignore[arg-type]
