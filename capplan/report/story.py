"""How a report is told to people: the blocks, in order, that table, Markdown and HTML render."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from .blocks import Block, Facts, Grid, Heading, Text, cleaned
from .charts.chart import Chart
from .charts.of import beside_tables
from .report import Report
from .story_parts import cannot_be, plans_grid, rests_on
from .text import identity


def tell(report: Report) -> list[Block]:
    """The report as blocks: the answer first, then how it comes about, then what it rests on."""
    return [cleaned(block) for block in _teller(report.kind)(report) if not _empty(block)]


def _teller(kind: str) -> Callable[[Report], Iterator[Block]]:
    """How a kind of report is told: by its file under stories/, else row by row."""
    if (Path(__file__).with_name("stories") / f"{kind}.py").is_file():
        told: Callable[[Report], Iterator[Block]] = import_module(f"{__package__}.stories.{kind}").tell
        return told
    return _rows


def _rows(report: Report) -> Iterator[Block]:
    """Many plans side by side, with the sentences that explain them."""
    yield Heading(f"{report.name}: {identity(report)}", 1)
    yield plans_grid(report)
    yield from beside_tables(report)
    for sentence in report.notes:
        yield Text(sentence)
    yield from cannot_be(report)
    yield Text(rests_on(report), "quiet")


def _empty(block: Block) -> bool:
    return not (
        block.rows if isinstance(block, Grid | Chart) else block.pairs if isinstance(block, Facts) else block.text
    )
