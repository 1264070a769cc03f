"""Terminal tables of a comparison."""

from ...blocks import cleaned
from ...formats.table import lay_out
from ..result import Diff
from ..story import tell

SUFFIXES = (".txt",)


def render(found: Diff, width: int | None, color: bool) -> str:
    """What changed, row by row; nothing is folded in a pipe."""
    return lay_out([cleaned(block) for block in tell(found)], width, color)
