"""Plain tables in every format, for commands whose rows are no plans: predictions and their scores.

A document is a list of blocks (`report/blocks.py`); JSON and CSV come from the data, not from the blocks.
"""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .blocks import Block, Facts, Grid, Heading, Text
from .document import exact

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:75em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right}"
    "td.word,th.word{text-align:left}.bad{color:#b00020}.quiet{color:#666}"
)


def to_csv(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """RFC 4180 text with line feeds; empty where a value does not apply."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([exact(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()


def to_json(tree: object) -> str:
    """Indented JSON with null for what does not apply."""
    return json.dumps(_rounded(tree), indent=2, ensure_ascii=False) + "\n"


def render_blocks(name: str, title: str, blocks: Sequence[Block], figure: str = "") -> str:
    """Blocks as table, markdown or html; the figure (SVG) goes into the page only."""
    if name == "html":
        return to_html(title, blocks, figure)
    return to_markdown(blocks) if name == "markdown" else to_text(blocks)


def to_text(blocks: Sequence[Block]) -> str:
    """For a terminal or a pipe: nothing is folded or cut."""
    return "\n".join(_text(block) for block in blocks) + "\n"


def to_markdown(blocks: Sequence[Block]) -> str:
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def to_html(title: str, blocks: Sequence[Block], figure: str = "") -> str:
    """One page without outside parts; `figure` is SVG."""
    body = "\n".join([_html(block) for block in blocks])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n{figure}\n</body></html>\n"
    )


def _text(block: Block) -> str:
    match block:
        case Heading():
            return f"{block.text}\n{'=' * len(block.text) if block.level == 1 else '-' * len(block.text)}"
        case Text():
            return block.text
        case Facts():
            longest = max((len(name) for name, _ in block.pairs), default=0)
            return "\n".join(f"  {name:<{longest}}  {value}" for name, value in block.pairs)
        case Grid():
            return _aligned(block)


def _aligned(grid: Grid) -> str:
    lines = [grid.headings, *grid.rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(grid.headings))]
    shown = [
        "  ".join(
            cell.ljust(width) if at in grid.words else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(f" {line}" for line in [shown[0], "-" * len(shown[0]), *shown[1:]]) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Text():
            return _escaped(block.text)
        case Facts():
            return "\n".join(f"- {_escaped(name)}: {_escaped(value)}" for name, value in block.pairs)
        case Grid():
            rule = [":--" if at in block.words else "--:" for at in range(len(block.headings))]
            lines = [block.headings, tuple(rule), *block.rows]
            return "\n".join(f"| {' | '.join(_escaped(cell) for cell in line)} |" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{html.escape(block.text)}</h{block.level}>"
        case Text():
            return f'<p class="{block.tone}">{html.escape(block.text)}</p>'
        case Facts():
            return "".join(f"<p>{html.escape(name)}: {html.escape(value)}</p>" for name, value in block.pairs)
        case Grid():
            head = "".join(_cell("th", at, cell, block) for at, cell in enumerate(block.headings))
            lines = ("".join(_cell("td", at, cell, block) for at, cell in enumerate(line)) for line in block.rows)
            return f"<table><tr>{head}</tr>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _cell(tag: str, at: int, text: str, grid: Grid) -> str:
    kind = ' class="word"' if at in grid.words else ""
    return f"<{tag}{kind}>{html.escape(text)}</{tag}>"


def _rounded(tree: object) -> Any:
    """Ten significant digits: beyond them arrays differ between processors."""
    if isinstance(tree, Mapping):
        return {str(key): _rounded(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_rounded(value) for value in tree]
    if isinstance(tree, float):
        return float(f"{tree:.10g}") if tree == tree and abs(tree) != float("inf") else None
    return tree
