"""The page as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from ..blocks import Block, Facts, Grid, Heading
from ..charts.chart import Chart
from ..charts.draw import lacking, svg
from ..charts.strips import text as drawn_text
from ..metrics import METRICS
from .page import Page
from .template import PAGE, SCRIPT, STYLE


def render(page: Page) -> str:
    """One file; user text is escaped, and a browser that reads it is told to ask the network for nothing."""
    from capplan.catalog.stamp import stamp
    from capplan.version import __version__

    can = not lacking()
    text = Environment(autoescape=True, trim_blocks=True).from_string(PAGE)
    return text.render(
        page=page, style=Markup(STYLE), script=Markup(SCRIPT), metrics=METRICS, version=__version__, stamp=stamp(),
        drawable=can, drawn=_drawn if can else _written, kind=lambda part: type(part).__name__, word=_word,
        mark=_mark, sorts=_sorts, grouped=_grouped,
    ) + "\n"  # fmt: skip


def _grouped(parts: Sequence[Block]) -> Iterator[Block | list[tuple[Heading, Facts]]]:
    """The parts in their order; facts under headings that follow one another stand side by side, as cards."""
    cards: list[tuple[Heading, Facts]] = []
    at = 0
    while at < len(parts):
        one, after = parts[at], parts[at + 1] if at + 1 < len(parts) else None
        if isinstance(one, Heading) and isinstance(after, Facts):
            cards.append((one, after))
            at += 2
            continue
        if cards:
            yield cards
            cards = []
        yield one
        at += 1
    if cards:
        yield cards


def _drawn(chart: Chart) -> Markup:
    """The chart in place; the converter has escaped its texts."""
    return Markup(svg(chart).replace("<svg ", '<svg role="graphics-document" ', 1))


def _written(chart: Chart) -> Markup:
    """The chart as text, where pictures cannot be made."""
    return Markup("<pre>{}</pre>").format(drawn_text(chart) or "Charts need the extra: pip install 'capplan[charts]'.")


def _word(grid: Grid, column: int) -> Markup:
    return Markup(' class="word"') if column in grid.words else Markup("")


def _mark(grid: Grid, row: int) -> Markup:
    return Markup(' class="{}"').format(grid.mark(row)) if grid.mark(row) else Markup("")


def _sorts(grid: Any) -> bool:
    """Whether rows may change places: not under a total, and not where there is one only."""
    return len(grid.rows) > 1 and "total" not in grid.marks
