"""Terminal tables: as wide as they need in a pipe, turned on their side where a terminal is too narrow."""

import io
import textwrap
from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..answer import Answer
from ..blocks import Block, Facts, Grid, Heading, Text
from ..charts.chart import Chart
from ..charts.strips import text as drawn

SUFFIXES = (".txt",)
_STYLES = {"bad": "bold red", "quiet": "dim", "total": "bold", "plain": "", "": ""}
_UNBOUNDED = 100_000


def render(answer: Answer, width: int | None, color: bool) -> str:
    """The answer for a terminal of `width` columns, or for a pipe (None), where no line is folded."""
    return lay_out(answer.blocks(), width, color)


def lay_out(blocks: Iterable[Block], width: int | None, color: bool) -> str:
    """Blocks as text, under the same rules."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width or _UNBOUNDED,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    before: Block | None = None
    for block in blocks:
        if before is not None and type(block) is not type(before) and not isinstance(before, Heading):
            console.print()
        for part in _parts(block, width):
            console.print(part, soft_wrap=width is None)
        before = block
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip("\n") + "\n"


def _parts(block: Block, width: int | None) -> Iterator[RenderableType]:
    match block:
        case Heading():
            yield Styled(_folded(block.text, width), style="bold")
        case Text():
            yield Styled(_folded(block.text, width), style=_STYLES[block.tone])
        case Facts():
            longest = max(len(name) for name, _ in block.pairs)
            for name, value in block.pairs:
                yield Styled(_folded(f"  {name:<{longest}}  {value}", width, longest + 4))
        case Grid():
            for piece in _pieces(block, width):
                yield Padding(_table(piece), (0, 0, 0, 1))
        case Chart():
            if said := drawn(block, width):
                yield Styled(said)


def _folded(text: str, width: int | None, indent: int | None = None) -> str:
    """Text folded at words for a terminal; continuation lines are indented like the line or by `indent`."""
    if width is None:
        return text
    return "\n".join(
        textwrap.fill(
            line,
            max(20, width),
            subsequent_indent=" " * (indent if indent is not None else len(line) - len(line.lstrip())),
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        )
        for line in text.split("\n")
    )


def _pieces(whole: Grid, width: int | None) -> list[Grid]:
    """The grid as it is where it fits; else on its side, in as many pieces as that takes."""
    if width is None or whole.prose or _width(whole) <= width:
        return [whole]
    side = _turned(whole)
    pieces, start = [], 1
    while start < len(side.headings):
        end = start + 1
        while end < len(side.headings) and _width(_columns(side, start, end + 1)) <= width:
            end += 1
        pieces.append(_columns(side, start, end))
        start = end
    return pieces


def _turned(whole: Grid) -> Grid:
    """Columns become lines: headings on the left, one plan a column."""
    names = [" ".join(cells[: whole.keys]) for cells in whole.rows]
    lines = [(_flat(heading), *(cells[at] for cells in whole.rows)) for at, heading in enumerate(whole.headings)]
    title = " ".join(map(_flat, whole.headings[: whole.keys]))
    return Grid((title, *names), tuple(lines[whole.keys :]), words=frozenset({0}))


def _columns(side: Grid, start: int, end: int) -> Grid:
    pick = [0, *range(start, end)]
    return Grid(
        tuple(side.headings[at] for at in pick), tuple(tuple(line[at] for at in pick) for line in side.rows), side.words
    )


def _flat(heading: str) -> str:
    return " ".join(heading.split())


def _broken(heading: str, widest: int) -> str:
    """A heading over several lines where it is wider than the cells under it."""
    return heading if len(heading) <= widest else "\n".join(heading.split(" "))


def _width(whole: Grid) -> int:
    """Columns that the table takes: every column as wide as its widest line, two between, one at each side."""
    widest = [max(map(len, cells)) for cells in zip(*whole.rows, strict=True)]
    heads = [max(map(len, _broken(head, cell).split("\n"))) for head, cell in zip(whole.headings, widest, strict=True)]
    return sum(max(pair) + 2 for pair in zip(widest, heads, strict=True)) + 1


def _table(whole: Grid) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, header_style="bold")
    last = len(whole.headings) - 1
    for at, heading in enumerate(whole.headings):
        widest = max(len(cells[at]) for cells in whole.rows)
        table.add_column(
            Styled(_broken(heading, widest)),
            justify="left" if at in whole.words else "right",
            no_wrap=not (whole.prose and at == last),
            overflow="fold" if whole.prose and at == last else "crop",
            vertical="top" if whole.prose else "bottom",
        )
    for at, cells in enumerate(whole.rows):
        if whole.mark(at) == "total":
            table.add_section()
        table.add_row(*(Styled(cell) for cell in cells), style=_STYLES[whole.mark(at)])
    return table
