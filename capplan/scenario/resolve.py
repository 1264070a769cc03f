"""A scenario as plain data with units: for reports, for other programs, and to be loaded again."""

from collections.abc import Mapping
from typing import Any

from capplan.records import dataclass
from capplan.scenario.kinds import Kind
from capplan.scenario.length_kind import figure_kind
from capplan.scenario.part import Part, Slot, slots
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.workload import Workload

_RANGE = ("low", "mid", "high")
Range = tuple[Any, Any, Any]


def resolved(part: Part, sweeps: Mapping[str, tuple[Any, ...]], ranges: Mapping[str, Range]) -> dict[str, Any]:
    """Every key that means something, defaults filled in, in the order of the schema.

    Sweeps are lists and ranges {low, mid, high} again, so that loading the result gives an equal scenario.
    """
    return _Resolver(sweeps, ranges).section(part, ())


@dataclass(frozen=True)
class _Resolver:
    """sweeps, ranges: what stands at dotted keys instead of the one value that the part holds."""

    sweeps: Mapping[str, tuple[Any, ...]]
    ranges: Mapping[str, Range]

    def section(self, part: Part, path: tuple[str, ...]) -> dict[str, Any]:
        # A tier says what differs, and goes on saying just that.
        fields = part.given_fields if path[:2] == ("routing", "tiers") else _meaning(part)
        made: dict[str, Any] = {}
        for slot in slots(type(part)).values():
            value = getattr(part, slot.field)
            if slot.field in fields and value is not None and value != ():
                made[slot.key] = self._value(slot, value, (*path, slot.key))
        return {key: value for key, value in made.items() if value != {}}

    def _value(self, slot: Slot, value: Any, path: tuple[str, ...]) -> Any:
        if slot.kind is not None:
            return self._scalar(slot.kind, value, ".".join(path))
        if isinstance(value, tuple):
            return [self.section(item, (*path, str(at))) for at, item in enumerate(value)]
        return self.section(value, path)

    def _scalar(self, kind: Kind, value: Any, path: str) -> Any:
        if path in self.sweeps:
            return [kind.write(item) for item in self.sweeps[path]]
        if path in self.ranges:
            return _range(kind, self.ranges[path])
        written = kind.write(value)
        within = {p: r for p, r in self.ranges.items() if p.startswith(f"{path}.")}
        return _with_ranges(written, path, within) if within else written


def _meaning(part: Part) -> frozenset[str]:
    """The fields that mean something; of two ways to say how long the thinking is, the one that was given.

    Of a workload whose day is known not its peak, which is in there.
    """
    if not isinstance(part, Reasoning):
        known = {"peak_to_mean"} if isinstance(part, Workload) and part.day is not None else set()
        return frozenset(slot.field for slot in slots(type(part)).values()) - known
    instead = {"k", "tokens_per_step"} if part.thinking_tokens is not None else set()
    return frozenset(part.used_fields()) - {name for name in instead if not part.given(name)}


def _range(kind: Kind, ends: Range) -> dict[str, Any]:
    return {name: kind.write(end) for name, end in zip(_RANGE, ends, strict=True)}


def _with_ranges(written: Mapping[str, Any], path: str, ranges: Mapping[str, Range]) -> dict[str, Any]:
    """A law of lengths with the uncertain ones of its figures as ranges."""
    law, figures = next(iter(written.items()))
    changed = {
        name: _range(figure_kind(name), ranges[at]) if (at := f"{path}.{law}.{name}") in ranges else figure
        for name, figure in figures.items()
    }
    return {law: changed}
