"""Formats of a comparison, one file each, found by name: `render(diff, width, color) -> str`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..result import Diff

# File suffixes that are not a format's own name.
SUFFIXES = {"md": "markdown", "txt": "table", "xml": "junit"}


def names() -> list[str]:
    """The formats that there are, the default first."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    return ["table", *(name for name in found if name != "table")]


def of_suffix(path: Path) -> str | None:
    """The format that a file name asks for, or None where its suffix is not known."""
    name = SUFFIXES.get(path.suffix.lstrip(".").lower(), path.suffix.lstrip(".").lower())
    return name if name in names() else None


def render(found: Diff, name: str, width: int | None = None, color: bool = False) -> str:
    """The comparison in a format. width: of the terminal, None where there is none. color: whether it shows any."""
    text: str = import_module(f"{__name__}.{name}").render(found, width, color)
    return text
