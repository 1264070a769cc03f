"""A scenario file as it stands: text, lists and mappings, each with its place; nothing is interpreted yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from capplan.scenario.faults import Fault


@dataclass(frozen=True)
class Source:
    """Where nodes come from: a file, or an override (which has no lines)."""

    name: str
    lines: Sequence[str] = ()

    def fault(self, line: int, column: int, key: str, message: str, hint: str = "") -> Fault:
        """A fault at a place counted from 0."""
        if not self.lines:
            return Fault(self.name, 0, 0, key, message, hint)
        text = self.lines[line] if line < len(self.lines) else ""
        return Fault(self.name, line + 1, column + 1, key, message, hint, text)


Value = str | list["Node"] | dict[str, "Node"] | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place and, where it stands under a key, the place of the key; counted from 0.

    value: None where nothing was written.
    """

    value: Value
    source: Source = field(compare=False)
    line: int = 0
    column: int = 0
    key_line: int = 0
    key_column: int = 0

    def fault(self, key: str, message: str, hint: str = "", at_key: bool = False) -> Fault:
        """A fault at this value, or at its key."""
        line, column = (self.key_line, self.key_column) if at_key else (self.line, self.column)
        return self.source.fault(line, column, key, message, hint)

    def plain(self) -> Any:
        """Without places: text, lists and dicts."""
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        return "" if self.value is None else self.value

    def children(self) -> Iterator[tuple[str, "Node"]]:
        """What stands below, by key or by place in the list."""
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from ((str(at), child) for at, child in enumerate(self.value))

    def at(self, path: Sequence[str]) -> "Node":
        """The node at a path below this one, or the last that there is on the way to it."""
        if not path:
            return self
        found = dict(self.children()).get(path[0])
        return found.at(path[1:]) if found else self

    def under_key(self, line: int, column: int) -> "Node":
        """The same node, standing under a key at this place."""
        return replace(self, key_line=line, key_column=column)


def node_of(value: object, source: Source) -> Node:
    """A node of plain data, as a program or a JSON report has it: numbers and truth values become their text."""
    if isinstance(value, Mapping):
        return Node({str(key): node_of(inner, source) for key, inner in value.items()}, source)
    if isinstance(value, (list, tuple)):
        return Node([node_of(inner, source) for inner in value], source)
    if value is None:
        return Node(None, source)
    return Node(str(value).lower() if isinstance(value, bool) else str(value), source)
