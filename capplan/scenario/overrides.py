"""Changes to a scenario: `--set PATH=VALUE` on the tree before it is read, and `with_values` on a scenario that was."""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from capplan.scenario import names
from capplan.scenario.document import parse
from capplan.scenario.faults import Fault, ScenarioFaults
from capplan.scenario.kinds import Kind, ValueFault, nearest
from capplan.scenario.length import Length
from capplan.scenario.length_kind import LengthKind
from capplan.scenario.part import Part, Slot, copied, slots
from capplan.scenario.reader import Reader
from capplan.scenario.reasoning import Reasoning, foreign_fields
from capplan.scenario.schema import Scenario
from capplan.scenario.tree import Node, Source, node_of
from capplan.units import UnitError


@lru_cache(maxsize=1024)
def split(path: str) -> tuple[str, ...]:
    """The keys of a dotted path; `tiers[0]` counts as `tiers.0`."""
    return tuple(path.strip().replace("[", ".").replace("]", "").split("."))


def apply(root: Node, overrides: Sequence[str]) -> tuple[Node, list[Fault]]:
    """The tree with every `PATH=VALUE` put in its place, and what is wrong with the overrides themselves.

    A value is YAML: text, a list in [...], a mapping in {...}. `null` takes a key out, so that its default holds.
    """
    faults: list[Fault] = []
    for text in overrides:
        source = Source(f"--set {text}")
        path, sign, value = text.partition("=")
        if not sign or not all(split(path)):
            message, hint = "a path and a value are needed", "write --set serving.kv_cache=fp8"
            faults.append(source.fault(0, 0, "", message, hint))
            continue
        try:
            root = _put(root, split(path), _value(value.strip(), source), source)
        except ValueFault as wrong:
            faults.append(source.fault(0, 0, path.strip(), wrong.message, wrong.hint))
    return root, faults


def _value(text: str, source: Source) -> Node:
    if text[:1] not in ("{", "[", '"', "'"):
        if not text:  # what a shell makes of a variable that is not set must not pass for the default
            raise ValueFault("nothing is given", "null takes a key out")
        return Node(None if text in ("null", "~") else text, source)
    try:
        tree, faults = parse(text, source.name)
    except ScenarioFaults as wrong:
        raise ValueFault(wrong.faults[0].message, wrong.faults[0].hint) from None
    if faults:
        raise ValueFault(f"{faults[0].key}: {faults[0].message}")
    return node_of(tree.plain(), source)


def _put(node: Node, path: Sequence[str], value: Node, source: Source) -> Node:
    """The tree with another value at the path; mappings on the way are made as needed."""
    if not path:
        return Node(value.value, source)
    key, rest = path[0], path[1:]
    if isinstance(node.value, list):
        if not key.isdecimal() or int(key) >= len(node.value):
            raise ValueFault(f"'{key}' is no place in the list of {len(node.value)}", "places count from 0")
        changed = [_put(c, rest, value, source) if at == int(key) else c for at, c in enumerate(node.value)]
        return _like(node, changed)
    inner = dict(node.value) if isinstance(node.value, dict) else {}
    if not rest and value.value is None:
        inner.pop(key, None)
    else:
        inner[key] = _put(inner.get(key, Node(None, source)), rest, value, source)
    if key == "strategy" and not rest and isinstance(value.value, str):
        # Another strategy starts afresh: what the file says for the old one must not stand against it.
        foreign = foreign_fields(value.value)
        inner = {name: child for name, child in inner.items() if name not in foreign or not child.source.lines}
    return _like(node, inner)


def _like(node: Node, value: Any) -> Node:
    return Node(value, node.source, node.line, node.column, node.key_line, node.key_column)


def with_values(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """The scenario with other values under dotted keys, each read and checked as in a file.

    Numbers are SI; text is read with its unit. None takes a key out, so that its default holds. A key that was swept or
    uncertain no longer is. Raises ScenarioFaults.

    >>> from capplan.scenario.loader import loads
    >>> chat = loads("{version: 1, workload: {qps: 100}}")
    >>> with_values(chat, {"workload.qps": 250, "targets.ttft_p95": "2 s"}).targets.ttft_p95_s
    2.0
    """
    changed = scenario
    touched: dict[str, None] = {}
    # A strategy comes first: it clears away what was given for another one.
    for path, value in sorted(values.items(), key=lambda item: not item[0].endswith("strategy")):
        keys = split(path)
        try:
            changed = _with(changed, keys, value, _Where(path, scenario.path))
        except (ValueFault, UnitError) as wrong:
            fault = Fault(f"{path}={value}", 0, 0, path, str(wrong), getattr(wrong, "hint", ""))
            raise ScenarioFaults([fault]) from None
        touched[keys[0]] = None
    for recorded in ("ranges", "sweeps"):
        if kept := getattr(changed, recorded):
            left = {path: v for path, v in kept.items() if not any(_covers(p, path) for p in values)}
            changed = copied(changed, {recorded: left})
    _check(changed, touched, values)
    return changed


def variants(scenario: Scenario, points: Sequence[Mapping[str, Any]]) -> list[Scenario]:
    """`with_values` for every point of a grid; points that agree in all keys of a section share that section.

    Raises ScenarioFaults for the first point that is wrong.
    """
    made: dict[Hashable, Any] = {}

    def section(name: str, values: Mapping[str, Any]) -> Any:
        known = (name, *((path, id(value)) for path, value in values.items()))
        if known not in made:
            made[known] = getattr(with_values(scenario, values), name)
        return made[known]

    if not points or scenario.routing is not None:  # tiers are made of several sections, and checked against them
        return [with_values(scenario, point) for point in points]
    by_section: dict[str, list[str]] = {}
    for path in points[0]:
        by_section.setdefault(split(path)[0], []).append(path)
    first = with_values(scenario, points[0])
    names = {key: slots(Scenario)[key].field for key in by_section}
    return [
        first.having({names[key]: section(names[key], {path: point[path] for path in paths})
                      for key, paths in by_section.items()})
        for point in points
    ]  # fmt: skip


def _covers(path: str, recorded: str) -> bool:
    return recorded == path or recorded.startswith(path + ".")


def _check(scenario: Scenario, sections: Mapping[str, None], values: Mapping[str, Any]) -> None:
    """Raises ScenarioFaults where the changed sections contradict themselves."""
    source = Source(", ".join(f"{path}={value}" for path, value in values.items()))
    faults = []
    for name in sections:
        section = getattr(scenario, name)
        for part in section if isinstance(section, tuple) else (section,):
            if isinstance(part, Part):
                found = part.contradictions()
                faults += [source.fault(0, 0, f"{name}.{c.key}".rstrip("."), c.message, c.hint) for c in found]
    if scenario.routing is not None and sections.keys() & {"routing", "serving", "reasoning"}:
        from capplan.scenario.tiers import tier_contradictions  # tiers are scenarios, which this module changes

        faults += tier_contradictions(scenario, Node({}, source))
    if faults:
        raise ScenarioFaults(faults)


class _Where:
    """What is being changed, for messages and relative paths."""

    def __init__(self, path: str, file: Path | None) -> None:
        self.path, self.file = path, file

    @property
    def base(self) -> Path:
        return self.file.parent if self.file else Path()


def _with(part: Any, keys: tuple[str, ...], value: Any, where: _Where) -> Any:
    slot = slots(type(part)).get(keys[0])
    if slot is None:
        raise ValueFault(f"unknown key '{keys[0]}'", nearest(keys[0], slots(type(part))))
    old, rest = getattr(part, slot.field), keys[1:]
    if not rest:
        if value is None:
            return _without(part, slot)
        changed = part.having({slot.field: _read(slot, value, where)})
        return _afresh(changed) if slot.field == "strategy" and isinstance(changed, Reasoning) else changed
    if isinstance(old, tuple):
        at = _place(rest[0], old)
        items = [_inside(o, slot, rest[1:], value, where) if i == at else o for i, o in enumerate(old)]
        return part.having({slot.field: tuple(items)})
    return part.having({slot.field: _inside(old, slot, rest, value, where)})


def _afresh(reasoning: Reasoning) -> Reasoning:
    """Without what was given for another strategy."""
    left = reasoning.given_fields & foreign_fields(reasoning.strategy)
    default = Reasoning()
    return copied(
        reasoning, {name: getattr(default, name) for name in left} | {"given_fields": reasoning.given_fields - left}
    )


def _without(part: Part, slot: Slot) -> Part:
    if slot.required:
        raise ValueFault(f"'{slot.key}' cannot be left out")
    return copied(part, {slot.field: slot.default, "given_fields": part.given_fields - {slot.field}})


def _place(key: str, items: tuple[Any, ...]) -> int:
    if not key.isdecimal() or int(key) >= len(items):
        raise ValueFault(f"'{key}' is no place in the list of {len(items)}", "places count from 0")
    return int(key)


def _inside(old: Any, slot: Slot, keys: tuple[str, ...], value: Any, where: _Where) -> Any:
    if isinstance(old, Length):
        return _length_with(old, slot, keys, value)
    if old is None and slot.part is not None and not slot.many:
        return _read(slot, _nested(keys, value), where)
    if not isinstance(old, Part):
        raise ValueFault(f"'{keys[0]}' lies below a single value" if keys else "a whole item cannot be replaced")
    if not keys:
        return _read_section(type(old), value, where)
    return _with(old, keys, value, where)


def _nested(keys: tuple[str, ...], value: Any) -> Any:
    return {keys[0]: _nested(keys[1:], value)} if keys else value


def _length_with(old: Length, slot: Slot, keys: tuple[str, ...], value: Any) -> Length:
    figures = dict(old.parameters)
    if len(keys) != 2 or keys[0] != old.law or keys[1] not in figures:
        raise ValueFault(f"no figure '{'.'.join(keys)}' here", f"{old.law} has {', '.join(figures)}")
    read: Length = (slot.kind or LengthKind()).read({old.law: figures | {keys[1]: value}})
    return read


def _read(slot: Slot, value: Any, where: _Where) -> Any:
    kind = slot.kind
    if kind is not None:
        return _scalar(kind, value, where)
    if slot.part is None or isinstance(value, slot.part):
        return value
    if slot.many:
        if not isinstance(value, (list, tuple)):
            raise ValueFault("a list is needed here")
        return tuple(_read_section(slot.part, item, where) for item in value)
    return _read_section(slot.part, value, where)


def _scalar(kind: Kind, value: Any, where: _Where) -> Any:
    read = kind.read(value)
    names.check_all(kind, read, where.base)
    return read


def _read_section(part: type[Part], value: Any, where: _Where) -> Any:
    if isinstance(value, part):
        return value
    reader = Reader(base=where.base)
    made = reader.section(part, node_of(value, Source(where.path)), split(where.path))
    if reader.faults:
        raise ScenarioFaults(reader.faults)
    return made
