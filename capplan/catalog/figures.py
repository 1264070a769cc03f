"""Figures of the catalogue and where each is from.

A file has a head (`name`, `title`, `aliases`, `sources` and plain words such as `vendor: NVIDIA`) and then figures:
`tdp: {is: 700 W, from: datasheet, note: ...}`, or a group with one source for all of it, `shape: {from: config, ...}`.
A figure inside a group may name another source. `on` is the day that a price held; `note` is a remark, no figure.
"""

import datetime
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from capplan.catalog import files
from capplan.catalog.files import CatalogError, Tree
from capplan.errors import UserError
from capplan.records import dataclass

HEAD = frozenset({"name", "title", "aliases", "sources"})
_MARKS = frozenset({"from", "note", "on"})
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


class MissingFigure(UserError):
    """An entry lacks a figure that something needs; never replaced by a quiet default."""

    def __init__(self, entry: str, figure: str, needed_for: str, hint: str = "") -> None:
        self.entry, self.figure, self.needed_for = entry, figure, needed_for
        cure = hint or "give it in the scenario or in the catalogue file"
        super().__init__(f"{entry} has no '{figure}' figure, which {needed_for} needs; {cure}")


@dataclass(frozen=True)
class Source:
    """Where figures were read. `read` is the day of reading, text as in the file; `recalled`: not looked up again."""

    key: str
    kind: str
    title: str
    read: str = ""
    recalled: bool = False
    note: str = ""

    def __str__(self) -> str:
        when = f", read {self.read}" if self.read else ""
        return f"{self.title} ({self.kind}{when}{', recalled' if self.recalled else ''})"


@dataclass(frozen=True)
class Figure:
    """One value as written in the file, its place such as `peak.fp8`, its source and remarks."""

    path: str
    value: str
    source: Source | None
    note: str = ""
    on: str = ""


@dataclass(frozen=True)
class Entry:
    """One catalogue file: its name, its tree as read, its sources."""

    kind: str
    path: Path
    tree: dict[str, Tree]

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Sources by key; raises CatalogError where one is malformed."""
        raw = self.tree.get("sources", {})
        if not isinstance(raw, dict):
            raise CatalogError(f"{self.path}: sources: a mapping of keys to {{kind, title, read}} is needed")
        return {key: _source(self.path, key, fields) for key, fields in raw.items()}

    @cached_property
    def plain(self) -> dict[str, Tree]:
        """The tree with provenance taken off: `{is: X, from: ...}` becomes X; `sources`, `from`, `note`, `on` go."""
        stripped = plain({key: value for key, value in self.tree.items() if key != "sources"})
        return stripped if isinstance(stripped, dict) else {}

    def figures(self) -> list[Figure]:
        """Every figure with its source, in the file's order; the source is None where the file names none."""
        body = {key: value for key, value in self.tree.items() if key not in HEAD | _MARKS}
        whole = self._source_of(self.tree, "the file")  # one `from:` at the top speaks for all of it
        return [
            figure
            for key, value in body.items()
            if whole or not isinstance(value, str)
            for figure in self._walk(value, key, whole)
        ]

    def figure(self, path: str) -> Figure | None:
        """The figure at a place such as `tdp` or `peak.fp8`."""
        return next((figure for figure in self.figures() if figure.path == path), None)

    def _walk(self, node: Tree, path: str, inherited: Source | None, note: str = "", on: str = "") -> Iterator[Figure]:
        if isinstance(node, str):
            yield Figure(path, node, inherited, note, on)
        elif isinstance(node, list):
            for position, child in enumerate(node):
                yield from self._walk(child, f"{path}[{position}]", inherited, note, on)
        else:
            source = self._source_of(node, path) or inherited
            note, on = _text(node.get("note")) or note, _text(node.get("on")) or on
            for key, child in node.items():
                if key not in _MARKS:
                    inner = path if key == "is" else f"{path}.{key}"
                    yield from self._walk(child, inner, source, note, on)

    def _source_of(self, node: dict[str, Tree], path: str) -> Source | None:
        key = node.get("from")
        if key is None:
            return None
        if not isinstance(key, str) or key not in self.sources:
            known = ", ".join(self.sources) or "none"
            raise CatalogError(f"{self.path}: {path}: from: '{key}' is not among the file's sources ({known})")
        return self.sources[key]


def entry(kind: str, name: str) -> Entry:
    """A catalogue entry by name or alias; raises UnknownName or CatalogError."""
    path = files.find(kind, name)
    return Entry(kind, path, files.load_yaml(path))


def figures(kind: str, name: str) -> list[Figure]:
    """Every figure of an entry with its source."""
    return entry(kind, name).figures()


def plain(node: Tree) -> Tree:
    """A tree without provenance.

    >>> plain({"tdp": {"is": "700 W", "from": "sheet"}, "shape": {"from": "config", "layers": "80"}})
    {'tdp': '700 W', 'shape': {'layers': '80'}}
    """
    if isinstance(node, list):
        return [plain(child) for child in node]
    if not isinstance(node, dict):
        return node
    if "is" in node:
        return plain(node["is"])
    return {key: plain(child) for key, child in node.items() if key not in _MARKS}


def date_of(text: str) -> datetime.date | None:
    """The first day that a written date can mean (`2026`, `2026-05`, `2026-05-20`), or None where it is no date.

    >>> date_of("2026-05"), date_of("undated")
    (datetime.date(2026, 5, 1), None)
    """
    match = _DATE.fullmatch(text)
    if not match:
        return None
    try:
        return datetime.date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None


def _source(path: Path, key: str, fields: Tree) -> Source:
    if not isinstance(fields, dict) or not {"kind", "title"} <= fields.keys():
        raise CatalogError(f"{path}: sources.{key}: needs kind, title and read")
    texts = {name: _text(value) for name, value in fields.items()}
    known = {"kind", "title", "read", "recalled", "note"}
    if extra := sorted(texts.keys() - known):
        raise CatalogError(f"{path}: sources.{key}: unknown key '{extra[0]}' (known: {', '.join(sorted(known))})")
    return Source(
        key=key,
        kind=texts["kind"],
        title=texts["title"],
        read=texts.get("read", ""),
        recalled=texts.get("recalled") == "true",
        note=texts.get("note", ""),
    )


def _text(node: Tree | None) -> str:
    return node if isinstance(node, str) else ""
