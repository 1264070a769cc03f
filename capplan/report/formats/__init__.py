"""Output formats, one file each, found by name (`report/found.py`); every command that reports has them all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..found import Formats

if TYPE_CHECKING:
    from ..answer import Answer

_FORMATS = Formats(__name__, Path(__file__).parent)
names, of_suffix = _FORMATS.names, _FORMATS.of_suffix


def render(answer: Answer, name: str, width: int | None = None, color: bool = False) -> str:
    """An answer in a format.

    width: columns of the terminal; None where there is none, and then nothing is folded.
    color: whether there is a terminal that shows it.
    """
    text: str = _FORMATS.module(name).render(answer, width, color)
    return text
