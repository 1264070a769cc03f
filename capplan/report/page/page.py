"""A page of parts, each a heading with what stands below it."""

from __future__ import annotations

from collections.abc import Sequence

from capplan.records import dataclass

from ..blocks import Block, Heading, Text
from ..charts.chart import Chart


@dataclass(frozen=True)
class Section:
    """One part of the page. name: its anchor. title: '' for what needs none."""

    name: str
    title: str
    parts: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """One page.

    title: of the scenario. about: what is planned, in a line. description: what the scenario says of itself, '' where
    it does not. answer: in a sentence. figures: the numbers that matter most, in words. possible: whether the plan
    that it is about can be.
    """

    title: str
    answer: str
    sections: tuple[Section, ...]
    about: str = ""
    description: str = ""
    figures: tuple[tuple[str, str], ...] = ()
    possible: bool = True

    @property
    def charts(self) -> list[Chart]:
        """Its charts in their order."""
        return [part for section in self.sections for part in section.parts if isinstance(part, Chart)]


def of_blocks(blocks: Sequence[Block]) -> Page:
    """The page of an answer: titled by its first heading, a part for each heading of level 2."""
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    rest = [block for at, block in enumerate(blocks) if at or not isinstance(block, Heading)]
    first = rest[0] if rest else None
    answer = first.text if isinstance(first, Text) and first.tone == "plain" else ""
    sections: list[Section] = []
    name, parts = "", list[Block]()
    for block in (*rest[1 if answer else 0 :], Heading("")):
        if isinstance(block, Heading):
            sections += [Section(f"part-{len(sections) + 1}", name, tuple(parts))] if parts else []
            name, parts = block.text, []
        else:
            parts.append(block)
    return Page(title, answer, tuple(sections))
