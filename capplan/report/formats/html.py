"""HTML: one file that asks nothing of the network; a part for each heading of the answer."""

from ..answer import Answer

SUFFIXES = (".html", ".htm")


def render(answer: Answer, width: int | None, color: bool) -> str:
    """The answer as a self-contained page; text of the user is escaped."""
    from ..page.page import of_blocks
    from ..page.render import render as rendered

    return rendered(of_blocks(answer.blocks()))
