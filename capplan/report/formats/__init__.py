"""Output formats, one file each, found by name.

A format is a module with `SUFFIXES`, the endings of its files, and `render(answer, width, color) -> str`; every command
that reports has it then.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..answer import Answer


def names() -> list[str]:
    """The formats that there are, the default first."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    return ["table", *(name for name in found if name != "table")]


def of_suffix(path: Path) -> str | None:
    """The format that a file name asks for, or None where its suffix is not known."""
    return next((name for name in names() if path.suffix.lower() in _module(name).SUFFIXES), None)


def render(answer: Answer, name: str, width: int | None = None, color: bool = False) -> str:
    """An answer in a format.

    width: columns of the terminal; None where there is none, and then nothing is folded.
    color: whether there is a terminal that shows it.
    """
    text: str = _module(name).render(answer, width, color)
    return text


def _module(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name}")
