"""The page as HTML."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from ..blocks import Grid
from ..metrics import METRICS
from .charts import Chart, drawable, svg
from .gather import Page
from .template import PAGE, SCRIPT, STYLE


def render(page: Page) -> str:
    """One file; user text is escaped, and a browser that reads it is told to ask the network for nothing."""
    from capplan import __version__
    from capplan.catalog.stamp import stamp

    can = drawable()
    text = Environment(autoescape=True, trim_blocks=True).from_string(PAGE)
    return text.render(
        page=page, style=Markup(STYLE), script=Markup(SCRIPT), metrics=METRICS, version=__version__, stamp=stamp(),
        drawable=can, drawn=_drawn if can else _missing, kind=lambda part: type(part).__name__, word=_word,
        mark=_mark, sorts=_sorts,
    ) + "\n"  # fmt: skip


def _drawn(chart: Chart) -> Markup:
    """The chart in place; the converter has escaped its texts."""
    drawn = svg(chart)
    named = drawn.replace("<svg ", f'<svg role="graphics-document" aria-label="{Markup.escape(chart.title)}" ', 1)
    return Markup(named)


def _missing(_chart: Chart) -> Markup:
    return Markup("<p class=\"quiet\">Charts need the charts extra: pip install 'capplan[charts]'.</p>")


def _word(grid: Grid, column: int) -> Markup:
    return Markup(' class="word"') if column in grid.words else Markup("")


def _mark(grid: Grid, row: int) -> Markup:
    return Markup(' class="{}"').format(grid.mark(row)) if grid.mark(row) else Markup("")


def _sorts(grid: Any) -> bool:
    """Whether rows may change places: not under a total, and not where there is one only."""
    return len(grid.rows) > 1 and "total" not in grid.marks
