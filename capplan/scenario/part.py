"""A section of a scenario: frozen, with a kind behind every key, and able to say which keys contradict each other.

Plain dataclasses and one reader (`reader.py`) in place of a validation library: reading has to keep the position of
every value, its range and its sweep anyway, and importing such a library takes longer than a whole plan.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, NamedTuple, Self, TypeVar, dataclass_transform, get_args, get_type_hints

from capplan.scenario.kinds import Kind

T = TypeVar("T")
P = TypeVar("P", bound="Part")

# The YAML key is the field's name without its unit.
_UNIT_ENDINGS = (
    "_usd_per_token", "_usd_per_w_s", "_usd_per_year", "_usd_per_j", "_usd_per_s", "_kg_per_j",
    "_usd", "_s", "_w",
)  # fmt: skip


def key_of(name: str) -> str:
    """The key in the file of a field of the schema.

    >>> key_of("ttft_p95_s"), key_of("electricity_usd_per_j"), key_of("prompt_tokens")
    ('ttft_p95', 'electricity', 'prompt_tokens')
    """
    ending = next((e for e in _UNIT_ENDINGS if name.endswith(e)), "")
    return name[: len(name) - len(ending)] if ending else name


def key(default: T, description: str, alias: str = "") -> T:
    """A field that may be left out of the file. alias: its key, where that is not the name without its unit."""
    made: T = field(default=default, metadata={"description": description, "alias": alias})
    return made


def required(description: str) -> Any:
    """A field that the file has to give."""
    return field(metadata={"description": description, "alias": ""})


def hidden(make: Callable[[], T], compare: bool = False) -> T:
    """A field that no key of the file fills."""
    made: T = field(default_factory=make, compare=compare, repr=False)
    return made


@dataclass_transform(frozen_default=True, kw_only_default=True)
def section(cls: type[T]) -> type[T]:
    """Makes a class a section of the schema."""
    return dataclass(frozen=True, kw_only=True)(cls)


class Contradiction(NamedTuple):
    """Keys that are right one by one and wrong together; `key` is relative to the section, '' the section itself."""

    key: str
    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A section of the scenario file. given_fields: those that the file or an override set, as against our defaults."""

    given_fields: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def contradictions(self) -> Iterator[Contradiction]:
        """What the keys of this section say against each other."""
        yield from ()

    def given(self, name: str) -> bool:
        """Whether the file (or an override) set this field, as against our default."""
        return name in self.given_fields

    def having(self, changes: Mapping[str, Any]) -> Self:
        """The same section with other values, unchecked; the changed fields count as given."""
        return copied(self, {**changes, "given_fields": self.given_fields | changes.keys()})


def copied(part: P, changes: Mapping[str, Any]) -> P:
    """A section with other values, unchecked."""
    made = object.__new__(type(part))
    # Sweeps make many variants: copying the dictionary is several times faster than calling the constructor.
    made.__dict__.update(part.__dict__)
    made.__dict__.update(changes)
    return made


@dataclass(frozen=True)
class Slot:
    """What stands under one key: a scalar of some kind, a section, or a list of sections."""

    field: str
    key: str
    kind: Kind | None
    part: type[Part] | None
    many: bool
    required: bool
    default: Any
    description: str


_SLOTS: dict[type[Part], dict[str, Slot]] = {}


def slots(part: type[Part]) -> dict[str, Slot]:
    """The keys of a section, in the order of the schema."""
    if part not in _SLOTS:
        _SLOTS[part] = {slot.key: slot for slot in _read_slots(part)}
    return _SLOTS[part]


def _read_slots(part: type[Part]) -> Iterator[Slot]:
    hints = get_type_hints(part, include_extras=True)
    yield from (_slot(f, hints[f.name]) for f in fields(part) if "description" in f.metadata)


def _slot(of: "Field[Any]", hint: Any) -> Slot:
    kind = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Kind)), None)
    options = (hint, *get_args(hint))
    inner = [o for option in options for o in (option, *get_args(option))]
    part = None if kind else next((o for o in inner if isinstance(o, type) and issubclass(o, Part)), None)
    many = part is not None and any(getattr(o, "__origin__", None) is tuple for o in options)
    missing = of.default is MISSING
    default = None if missing else of.default
    name, alias = of.name, of.metadata["alias"]
    return Slot(name, alias or key_of(name), kind, part, many, missing, default, of.metadata["description"])
