"""A scenario as plain data with units: for reports, for other programs, and to be loaded again."""

from collections.abc import Mapping
from typing import Any

from capplan.scenario.kinds import Kind
from capplan.scenario.length_kind import figure_kind
from capplan.scenario.part import Part, Slot, slots
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.schema import Scenario
from capplan.scenario.workload import Workload

_RANGE = ("low", "mid", "high")


def resolved(scenario: Scenario) -> dict[str, Any]:
    """Every key that means something, defaults filled in, in the order of the schema.

    Sweeps are lists and ranges {low, mid, high} again, so that loading the result gives an equal scenario.
    """
    return _section(scenario, (), scenario)


def defaults(scenario: Scenario) -> dict[str, Any]:
    """The keys that the scenario left to us, dotted, and the values taken for them; keys without one are left out."""
    found: dict[str, Any] = {}
    for section, slot in slots(Scenario).items():
        part = getattr(scenario, slot.field)
        if not isinstance(part, Part):
            if slot.kind is not None and not scenario.given(slot.field) and part is not None:
                found[section] = slot.kind.write(part)
            continue
        written = _section(part, (section,), scenario)
        open_slots = [inner for inner in slots(type(part)).values() if not part.given(inner.field)]
        found |= {f"{section}.{inner.key}": written[inner.key] for inner in open_slots if inner.key in written}
    return found


def _section(part: Part, path: tuple[str, ...], scenario: Scenario) -> dict[str, Any]:
    # A tier says what differs, and goes on saying just that.
    fields = part.given_fields if path[:2] == ("routing", "tiers") else _meaning(part)
    made: dict[str, Any] = {}
    for slot in slots(type(part)).values():
        value = getattr(part, slot.field)
        if slot.field in fields and value is not None and value != ():
            made[slot.key] = _value(slot, value, (*path, slot.key), scenario)
    return {key: value for key, value in made.items() if value != {}}


def _meaning(part: Part) -> frozenset[str]:
    """The fields that mean something; of two ways to say how long the thinking is, the one that was given.

    Of a workload whose day is known not its peak, which is in there.
    """
    if not isinstance(part, Reasoning):
        known = {"peak_to_mean"} if isinstance(part, Workload) and part.day is not None else set()
        return frozenset(slot.field for slot in slots(type(part)).values()) - known
    instead = {"k", "tokens_per_step"} if part.thinking_tokens is not None else set()
    return frozenset(part.used_fields()) - {name for name in instead if not part.given(name)}


def _value(slot: Slot, value: Any, path: tuple[str, ...], scenario: Scenario) -> Any:
    if slot.kind is not None:
        return _scalar(slot.kind, value, ".".join(path), scenario)
    if isinstance(value, tuple):
        return [_section(item, (*path, str(at)), scenario) for at, item in enumerate(value)]
    return _section(value, path, scenario)


def _scalar(kind: Kind, value: Any, path: str, scenario: Scenario) -> Any:
    if path in scenario.sweeps:
        return [kind.write(item) for item in scenario.sweeps[path]]
    if path in scenario.ranges:
        return _range(kind, scenario.ranges[path])
    written = kind.write(value)
    within = {p: r for p, r in scenario.ranges.items() if p.startswith(f"{path}.")}
    return _with_ranges(written, path, within) if within else written


def _range(kind: Kind, ends: tuple[Any, Any, Any]) -> dict[str, Any]:
    return {name: kind.write(end) for name, end in zip(_RANGE, ends, strict=True)}


def _with_ranges(written: Mapping[str, Any], path: str, ranges: Mapping[str, tuple[Any, Any, Any]]) -> dict[str, Any]:
    """A law of lengths with the uncertain ones of its figures as ranges."""
    law, figures = next(iter(written.items()))
    changed = {
        name: _range(figure_kind(name), ranges[at]) if (at := f"{path}.{law}.{name}") in ranges else figure
        for name, figure in figures.items()
    }
    return {law: changed}
