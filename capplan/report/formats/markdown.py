"""Markdown: GitHub tables for pull requests and wikis."""

from collections.abc import Iterator

from ..answer import Answer
from ..blocks import Block, Facts, Grid, Heading, Text
from ..charts.chart import Chart
from ..charts.strips import text as drawn
from ..show import MISSING

SUFFIXES = (".md", ".markdown")

# Characters with a meaning in GitHub's Markdown or in HTML, wherever user text may hold them.
_ESCAPED = {ord(letter): f"\\{letter}" for letter in "\\`*_[]<>|#~"}


def render(answer: Answer, width: int | None, color: bool) -> str:
    """GitHub-flavoured Markdown."""
    return "\n".join(part for block in answer.blocks() for part in (*_lines(block), "")).rstrip("\n") + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * (block.level + 1)} {safe(block.text)}"
        case Text():
            # Two spaces end a line; indented lines (cures under refusals) keep their place as list items.
            for line in block.text.split("\n"):
                depth = (len(line) - len(line.lstrip())) // 2
                mark = f"{'  ' * (depth - 1)}- " if depth else "**" if block.tone == "bad" else ""
                yield f"{mark}{safe(line.strip())}{'**' if mark == '**' else ''}"
        case Facts():
            yield "| | |\n|---|---|"
            yield from (f"| {safe(name)} | {safe(value)} |" for name, value in block.pairs)
        case Grid():
            yield from _grid(block)
        case Chart():
            # A fence longer than any in the text, so that no name of a user ends it.
            if said := drawn(block):
                yield f"`````text\n{said.replace('`````', '')}\n`````"


def _grid(block: Grid) -> Iterator[str]:
    yield f"| {' | '.join(map(safe, block.headings))} |"
    yield f"|{'|'.join('---' if at in block.words else '---:' for at in range(len(block.headings)))}|"
    for at, cells in enumerate(block.rows):
        strong = "**" if block.mark(at) else ""
        said = [f"{strong}{safe(cell)}{strong}" if cell not in ("", MISSING) else cell for cell in cells]
        yield f"| {' | '.join(said)} |"


def safe(text: str) -> str:
    """Text in which nothing is markup."""
    return " ".join(text.translate(_ESCAPED).split())
