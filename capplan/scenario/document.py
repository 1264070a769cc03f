"""YAML text to a tree of nodes with places. The only door to the YAML parser, and the one that hostile files meet.

It reads the parser's events, not its values: no scalar is interpreted, nesting and size are bounded before anything is
built, and an alias that multiplies itself (the "billion laughs") runs into the bound on nodes.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from capplan.scenario.faults import Fault, ScenarioFaults
from capplan.scenario.tree import Node, Source

LARGEST_BYTES = 256 * 1024
_DEEPEST = 24
_MOST_NODES = 20_000
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = ("", "~", "null", "Null", "NULL")


def parse(text: str, name: str) -> tuple[Node, list[Fault]]:
    """The tree of a YAML text, and keys that are given twice (the first one stands).

    Raises ScenarioFaults for what is no YAML, or not one document of bounded size.
    """
    source = Source(name, text.splitlines() or [""])
    if len(text) > LARGEST_BYTES:
        raise _refused(source, f"{len(text):,} characters are too many for a scenario", f"at most {LARGEST_BYTES:,}")
    odd = next((at for at, c in enumerate(text) if (c < " " and c not in "\t\n\r") or c == "\x7f"), None)
    if odd is None and not text.isprintable():  # a byte of a command line that is no UTF-8
        odd = next((at for at, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
    if odd is not None:
        line, column = text.count("\n", 0, odd), odd - (text.rfind("\n", 0, odd) + 1)
        raise ScenarioFaults([source.fault(line, column, "", "a control character, not text", "is this a YAML file?")])
    try:
        builder = _Builder(source, yaml.parse(text, Loader=_Loader))
        return builder.document(), builder.faults
    except yaml.MarkedYAMLError as wrong:
        raise ScenarioFaults([_syntax(source, wrong)]) from None
    except yaml.YAMLError as wrong:
        raise _refused(source, f"not YAML: {str(wrong).splitlines()[0]}") from None


def _refused(source: Source, message: str, hint: str = "") -> ScenarioFaults:
    return ScenarioFaults([source.fault(0, 0, "", message, hint)])


def _syntax(source: Source, wrong: yaml.MarkedYAMLError) -> Fault:
    mark = wrong.problem_mark or wrong.context_mark
    if mark and wrong.context_mark and mark.line >= len(source.lines):
        mark = wrong.context_mark  # the file ends inside what began there
    problem = wrong.problem or wrong.context or "not well formed"
    line, column = (mark.line, mark.column) if mark else (0, 0)
    text = source.lines[line] if line < len(source.lines) else ""
    hint = ""
    if "\t" in text[: column + 1]:
        hint = "indent with spaces, not tabs"
    elif "mapping values are not allowed" in problem:
        hint = "quote a value that holds ': ', and check the indentation"
    elif "expected" in problem or "could not find" in problem:
        hint = "check indentation, colons, brackets and quotes here and on the line above"
    return source.fault(line, column, "", f"not YAML: {problem}", hint)


class _Builder:
    """Builds nodes from parser events, keeping count of depth and of nodes."""

    def __init__(self, source: Source, events: Iterator[Any]) -> None:
        self.source, self.events = source, events
        self.anchors: dict[str, tuple[Node, int, int]] = {}
        self.nodes = 0
        self.deepest = 0
        self.faults: list[Fault] = []

    def document(self) -> Node:
        event = self._next()
        while isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return Node(None, self.source)
        root = self._node(event, 0)
        self._next()
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._fault(after, "a second document starts here", "one scenario a file: remove the '---'")
        return root

    def _next(self) -> Any:
        return next(self.events)

    def _mark(self, event: Any) -> Any:
        return event.start_mark

    def _fault(self, event: Any, message: str, hint: str = "") -> ScenarioFaults:
        return ScenarioFaults([self.source.fault(event.start_mark.line, event.start_mark.column, "", message, hint)])

    def _node(self, event: Any, depth: int) -> Node:
        before, above = self.nodes, self.deepest
        self._count(event, 1, depth)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        self.deepest = depth
        if (tag := getattr(event, "tag", None)) not in (None, "!", "tag:yaml.org,2002:str"):
            raise self._fault(event, f"tag {tag} is not read", "write the value alone")
        mark = event.start_mark
        node = Node(self._value(event, depth), self.source, mark.line, mark.column)
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, self.nodes - before, self.deepest - depth)
        self.deepest = max(above, self.deepest)
        return node

    def _count(self, event: Any, nodes: int, depth: int) -> None:
        """Keeps count of values and depth, those behind aliases included: walks over the tree go as far."""
        self.nodes += nodes
        self.deepest = max(self.deepest, depth)
        if self.nodes > _MOST_NODES:
            raise self._fault(event, f"more than {_MOST_NODES:,} values, aliases counted", "no scenario needs as many")
        if depth > _DEEPEST:
            raise self._fault(event, f"nested more than {_DEEPEST} deep", "no key of a scenario is")

    def _alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self.anchors:
            raise self._fault(event, f"alias *{event.anchor} has no anchor before it", f"write &{event.anchor} first")
        node, size, height = self.anchors[event.anchor]
        self._count(event, size, depth + height)
        mark = self._mark(event)
        return Node(node.value, self.source, mark.line, mark.column)

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and not event.style
            return None if plain and event.value in _NOTHING else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(depth)
        return self._mapping(depth)

    def _list(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Node]:
        made: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._fault(event, "a key must be plain text", "quote it, or check the brackets")
            key, mark = event.value, self._mark(event)
            value = self._node(self._next(), depth + 1).under_key(mark.line, mark.column)
            if key == "<<" and not event.style:
                merged |= self._merged(event, value)
            elif key in made:
                hint = f"the first one is on line {made[key].key_line + 1}"
                self.faults.append(self.source.fault(mark.line, mark.column, key, "given twice", hint))
            else:
                made[key] = value
        return {**merged, **made}

    def _merged(self, event: Any, value: Node) -> dict[str, Node]:
        """What a merge key brings in: of several mappings, an earlier one wins."""
        parts = value.value if isinstance(value.value, list) else [value]
        made: dict[str, Node] = {}
        for part in reversed(parts):
            if not isinstance(part.value, dict):
                raise self._fault(event, "'<<' merges mappings only", "write <<: *name of an anchored mapping")
            made |= part.value
        return made
