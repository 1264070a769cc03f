"""A tree of nodes to the sections of the schema: every value read by its field's type, every fault kept.

One walk does it all. Where a scalar stands as {low, mid, high} the middle is taken and the range recorded; where a key
of `reasoning` holds a list, the first is taken and the sweep recorded. Contradictions are looked for in every section
that is right in itself, so that one pass tells everything that is wrong with a file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from capplan.scenario import names
from capplan.scenario.faults import Fault
from capplan.scenario.kinds import Kind, ValueFault, nearest
from capplan.scenario.length_kind import LengthKind, figure_kind
from capplan.scenario.part import Part, Slot, slots
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.tree import Node
from capplan.units import UnitError

P = TypeVar("P", bound=Part)
Path_ = tuple[str, ...]

_RANGE = ("low", "mid", "high")
_MISSING = object()
_MOST_SWEPT = 10_000


@dataclass
class Reader:
    """Reads one tree, once. base: the folder where relative paths start."""

    base: Path = field(default_factory=Path)
    faults: list[Fault] = field(default_factory=list)
    ranges: dict[str, tuple[Any, Any, Any]] = field(default_factory=dict)
    sweeps: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def section(self, part: type[P], node: Node, path: Path_ = (), partial: bool = False) -> P | None:
        """A section, or None where it has faults. partial: it overrides another, which it need not agree with alone."""
        before = len(self.faults)
        given = node.value if node.value is not None else {}
        if not isinstance(given, dict):
            self._fault(node, path, f"a section of keys is needed here{_instead(node)}", _keys_hint(part))
            return None
        known = slots(part)
        for key, child in given.items():
            if key not in known:
                self._unknown(part, key, child, path)
        values = {slot.field: self._slot(slot, part, given, node, path) for slot in known.values()}
        if len(self.faults) > before:
            return None
        read = {name: value for name, value in values.items() if value is not _MISSING}
        made = part(**read)
        if not partial:
            self.contradictions(made, node, path)
        return made if len(self.faults) == before else None

    def contradictions(self, part: Part, node: Node, path: Path_) -> None:
        """Keeps what the keys of a section say against each other."""
        for found in part.contradictions():
            inner = tuple(found.key.split(".")) if found.key else ()
            at = node.at(inner)
            self.faults.append(at.fault(".".join((*path, *inner)), found.message, found.hint, at_key=at is node))

    def _fault(self, node: Node, path: Path_, message: str, hint: str = "", at_key: bool = False) -> None:
        self.faults.append(node.fault(".".join(path), message, hint, at_key))

    def _slot(self, slot: Slot, part: type[Part], given: Mapping[str, Node], node: Node, path: Path_) -> Any:
        child, at = given.get(slot.key), (*path, slot.key)
        if child is None:
            if slot.required:
                self._fault(node, at, "a required key is missing", f"add {_example(slot)}", at_key=True)
            return _MISSING
        if slot.part is not None:
            # A section whose keys are all commented out is as good as left out.
            if child.value is None and not slot.required:
                return _MISSING
            return self._parts(slot, part, child, at)
        if child.value is None:
            self._fault(child, at, "has no value", "give one, or remove the key", True)
            return _MISSING
        return self._scalar(slot.kind or Kind(), child, at, swept=issubclass(part, Reasoning))

    def _parts(self, slot: Slot, part: type[Part], node: Node, path: Path_) -> Any:
        inner = slot.part or Part
        if not slot.many:
            return self.section(inner, node, path, partial=part.__name__ == "Tier")
        if not isinstance(node.value, list):
            self._fault(node, path, f"a list is needed here{_instead(node)}", "start each item with '- '")
            return _MISSING
        return tuple(self.section(inner, self._item(inner, child), (*path, at)) for at, child in node.children())

    def _item(self, part: type[Part], node: Node) -> Node:
        """In a list of strategies a bare name stands for the strategy with its defaults."""
        if part is Reasoning and isinstance(node.value, str):
            return Node({"strategy": node}, node.source, node.line, node.column, node.line, node.column)
        return node.under_key(node.line, node.column)

    def _scalar(self, kind: Kind, node: Node, path: Path_, swept: bool) -> Any:
        if kind.takes_lists:
            return self._value(kind, node, path)
        if isinstance(node.value, list) and swept:
            return self._sweep(kind, node, path)
        if isinstance(node.value, list):
            hint = f"only keys of reasoning are swept in the file; on the command line: --over {'.'.join(path)}=..."
            self._fault(node, path, "one value is needed here, not a list", hint)
            return _MISSING
        if isinstance(node.value, dict) and node.value and set(node.value) <= set(_RANGE):
            return self._range(kind, node, path)
        if isinstance(kind, LengthKind) and isinstance(node.value, dict):
            return self._value(kind, self._length_with_ranges(node, path), path)
        return self._value(kind, node, path)

    def _value(self, kind: Kind, node: Node, path: Path_) -> Any:
        try:
            value = kind.read(node.plain())
            names.check_all(kind, value, self.base)
            return value
        except ValueFault as wrong:
            self._fault(node, path, wrong.message, wrong.hint)
        except UnitError as wrong:
            self._fault(node, path, str(wrong))
        return _MISSING

    def _sweep(self, kind: Kind, node: Node, path: Path_) -> Any:
        items = [child for _, child in node.children()]
        if not items or len(items) > _MOST_SWEPT:
            what = "an empty list has nothing to sweep" if not items else f"{len(items):,} values are too many to sweep"
            self._fault(node, path, what, "write one value, or a list such as [1, 4, 8]")
            return _MISSING
        values: list[Any] = []
        for item in items:
            if item.value is None:
                self._fault(item, path, "an item of the list has no value")
                continue
            value = self._value(kind, item, path)
            if value is not _MISSING and value in values:
                self._fault(item, path, f"{item.value} stands twice in the list", "list every value once")
            values.append(value)
        self.sweeps[".".join(path)] = tuple(values)
        return values[0] if values else _MISSING

    def _range(self, kind: Kind, node: Node, path: Path_) -> Any:
        given = node.value if isinstance(node.value, dict) else {}
        missing = [end for end in _RANGE if end not in given or given[end].value is None]
        if missing:
            message = f"{' and '.join(missing)} of the range missing"
            self._fault(node, path, message, "write {low: ..., mid: ..., high: ...}")
            return _MISSING
        low, mid, high = (self._value(kind, given[end], (*path, end)) for end in _RANGE)
        if _MISSING in (low, mid, high):
            return _MISSING
        sizes = [_size(value) for value in (low, mid, high)]
        if None in sizes:
            self._fault(node, path, "only numbers have a range", "write one value")
        elif sizes != sorted(sizes):  # type: ignore[type-var]
            self._fault(node, path, "low, mid and high must rise", "put the smallest first")
        self.ranges[".".join(path)] = (low, mid, high)
        return mid

    def _length_with_ranges(self, node: Node, path: Path_) -> Node:
        """A law of lengths whose figures may be ranges: their middles, the ranges kept under their own paths."""
        if not isinstance(node.value, dict):
            return node
        middles = {}
        for name, child in node.children():
            inner = child.value
            if isinstance(inner, dict) and inner and set(inner) <= set(_RANGE):
                self._range(figure_kind(name), child, (*path, name))
                middles[name] = inner.get("mid", child)
            else:
                middles[name] = self._length_with_ranges(child, (*path, name)) if isinstance(inner, dict) else child
        return Node(middles, node.source, node.line, node.column, node.key_line, node.key_column)

    def _unknown(self, part: type[Part], key: str, node: Node, path: Path_) -> None:
        siblings = slots(part)
        hint = nearest(key, siblings) or _elsewhere(key) or _keys_hint(part)
        self._fault(node, (*path, key), "unknown key", hint, at_key=True)


def _example(slot: Slot) -> str:
    """How to write a key that is missing: `qps: 100`, or `workload:` with the keys that it needs."""
    if slot.part is not None:
        needed = [key for key, inner in slots(slot.part).items() if inner.required]
        return f"'{slot.key}:' with {' and '.join(needed)} below it"
    schema = slot.kind.json_schema() if slot.kind else {}
    example = getattr(slot.kind, "example", "") or schema.get("const") or next(iter(schema.get("examples", ())), "...")
    return f"'{slot.key}: {example}'"


def _instead(node: Node) -> str:
    if isinstance(node.value, list):
        return ", not a list"
    return f", not '{node.value[:40]}'" if isinstance(node.value, str) else ", not a mapping"


def _keys_hint(part: type[Part]) -> str:
    keys = list(slots(part))
    return f"keys: {', '.join(keys[:8])}{' ...' if len(keys) > 8 else ''}"


def _elsewhere(key: str) -> str:
    """Where a key belongs that stands in the wrong section."""
    from capplan.scenario.schema import Scenario

    homes = [section for section, slot in slots(Scenario).items() if slot.part and key in slots(slot.part)]
    homes = [home for home in homes if home != "optimize"] or homes  # it lists choices for the keys of other sections
    if key in slots(Scenario):
        return "this key belongs at the top, without indentation"
    return f"this key belongs under {' or '.join(homes)}" if homes else ""


def _size(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    size = getattr(value, "mean_tokens", value)
    return float(size) if isinstance(size, (int, float)) else None


def ordered(faults: Sequence[Fault]) -> list[Fault]:
    """In the order of the file, overrides last; what was found twice once."""
    return sorted(dict.fromkeys(faults), key=lambda f: (f.line == 0, f.line, f.column))
