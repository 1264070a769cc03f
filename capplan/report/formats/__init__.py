"""Output formats, one file each, found by name: `render(report, width, color) -> str`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..report import Report

# File suffixes that are not a format's own name.
SUFFIXES = {"md": "markdown", "htm": "html", "txt": "table"}


def names() -> list[str]:
    """The formats that there are, the default first."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    return ["table", *(name for name in found if name != "table")]


def of_suffix(path: Path) -> str | None:
    """The format that a file name asks for, or None where its suffix is not known."""
    suffix = path.suffix.lstrip(".").lower()
    name = SUFFIXES.get(suffix, suffix)
    return name if name in names() else None


def render(report: Report, name: str, width: int | None = None, color: bool = False) -> str:
    """The report in a format.

    width: columns of the terminal; None where there is none, and then nothing is folded.
    color: whether there is a terminal that shows it.
    """
    text: str = import_module(f"{__name__}.{name}").render(report, width, color)
    return text
