"""A section of a scenario: frozen, with a kind behind every key, and able to say which keys contradict each other.

Plain classes and one reader (`reader.py`) in place of pydantic, which the rest of the project uses. Both ways were
built and measured: with pydantic the room is no shorter (its errors still have to be joined with places, ranges and
sweeps), and `capplan tco` executes 42 % more instructions, 2.1 times the bare imports in place of 1.5.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, cast, dataclass_transform, get_args, get_type_hints

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


class _Key(NamedTuple):
    """A field of a section: its default, and its key where that is not the name without its unit."""

    default: Any
    description: str
    alias: str = ""


_REQUIRED: Any = object()


def key(default: T, description: str, alias: str = "") -> T:
    """A field that may be left out of the file."""
    return cast(T, _Key(default, description, alias))


def required(description: str) -> Any:
    """A field that the file has to give."""
    return _Key(_REQUIRED, description)


class Contradiction(NamedTuple):
    """Keys that are right one by one and wrong together; `key` is relative to the section, '' the section itself."""

    key: str
    message: str
    hint: str = ""


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Part:
    """A section of the scenario file; its fields are what `key` and `required` make.

    A small dataclass of our own: the standard one compiles five methods for each class, and every start of the program
    would wait for them. given_fields: those that the file or an override set, as against our defaults.
    """

    given_fields: frozenset[str]
    _keys: ClassVar[Mapping[str, _Key]] = {}
    _uncompared: ClassVar[frozenset[str]] = frozenset({"given_fields"})

    def __init_subclass__(cls) -> None:
        own = {name: made for name, made in vars(cls).items() if isinstance(made, _Key)}
        for name in own:
            delattr(cls, name)
        cls._keys = {**cls._keys, **own}

    def __init__(self, **given: Any) -> None:
        fields = self.__dict__
        fields["given_fields"] = frozenset(given)
        fields |= {name: made.default for name, made in self._keys.items()} | given
        if missing := [name for name in self._keys if fields[name] is _REQUIRED]:
            raise TypeError(f"{type(self).__name__} needs {', '.join(missing)}")
        if unknown := given.keys() - self._keys.keys() - type(self).__annotations__.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: use `having` or `with_values`")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._compared() == other._compared()

    # Inline models and ranges are mappings, so there is nothing safe to hash.
    __hash__ = None  # type: ignore[assignment]

    def _compared(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in self._uncompared}

    def __repr__(self) -> str:
        """What differs from the defaults."""
        held = self.__dict__
        told = {
            name: held[name]
            for name, known in self._keys.items()
            if held[name] is not known.default and held[name] != known.default
        }
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in told.items())})"

    def contradictions(self) -> Iterator[Contradiction]:
        """What the keys of this section say against each other."""
        yield from ()

    def given(self, name: str) -> bool:
        """Whether the file (or an override) set this field, as against our default."""
        return name in self.given_fields

    def having(self, changes: Mapping[str, Any]) -> Self:
        """The same section with other values, unchecked; the changed fields count as given."""
        return copied(self, {**changes, "given_fields": self.given_fields.union(changes)})


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
    yield from (_slot(name, made, hints[name]) for name, made in part._keys.items())


def _slot(name: str, made: _Key, hint: Any) -> Slot:
    kind = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Kind)), None)
    options = (hint, *get_args(hint))
    inner = [o for option in options for o in (option, *get_args(option))]
    part = None if kind else next((o for o in inner if isinstance(o, type) and issubclass(o, Part)), None)
    many = part is not None and any(getattr(o, "__origin__", None) is tuple for o in options)
    missing = made.default is _REQUIRED
    default = None if missing else made.default
    return Slot(name, made.alias or key_of(name), kind, part, many, missing, default, made.description)
