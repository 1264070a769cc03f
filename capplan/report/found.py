"""Formats found by file name: a module with `SUFFIXES`, the endings of its files, and `render(..., width, color)`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from capplan.records import dataclass


@dataclass(frozen=True)
class Formats:
    """The formats of one package. package: its dotted name. folder: where its files lie."""

    package: str
    folder: Path

    def names(self) -> list[str]:
        """The formats that there are, the default first."""
        found = sorted(path.stem for path in self.folder.glob("[a-z]*.py"))
        return ["table", *(name for name in found if name != "table")]

    def of_suffix(self, path: Path) -> str | None:
        """The format that a file name asks for, or None where its suffix is not known."""
        return next((name for name in self.names() if path.suffix.lower() in self.module(name).SUFFIXES), None)

    def module(self, name: str) -> ModuleType:
        """The format's own module."""
        return import_module(f"{self.package}.{name}")
