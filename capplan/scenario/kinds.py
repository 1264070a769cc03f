"""What a scalar of a scenario may be: how its text is read, how it is written back, what an editor should know.

Every leaf field of the schema carries one of these in its annotation. Text comes raw from the file, so that each value
is read by its field's type (YAML 1.1 would turn `no` into false and `010` into 8).
"""

import difflib
from collections.abc import Iterable
from math import gcd
from typing import Any, ClassVar

from capplan.records import dataclass
from capplan.units import UnitError, parse

_LONGEST_NAME = 400


class ValueFault(ValueError):
    """A value that its field cannot take; `hint` says what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True)
class Kind:
    """Reads one scalar. `read` raises ValueFault or UnitError; `write(read(x))` reads back as the very same value.

    takes_lists: a list under the key is one value, not a sweep.
    """

    takes_lists: ClassVar[bool] = False

    def read(self, value: object) -> Any:
        return scalar_text(value)

    def write(self, value: Any) -> Any:
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string"}


def scalar_text(value: object) -> str:
    """The text of a single value. Raises ValueFault for lists, mappings and texts beyond any name's length."""
    if isinstance(value, (dict, list, tuple)):
        shape = "mapping" if isinstance(value, dict) else "list"
        raise ValueFault(f"one value is needed here, not a {shape}")
    text = ("true" if value else "false") if isinstance(value, bool) else str(value).strip()
    if len(text) > _LONGEST_NAME:
        raise ValueFault(f"'{text[:24]}...' is too long")
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint with the known word that looks most like `word`, or nothing."""
    close = difflib.get_close_matches(word.casefold(), {k.casefold(): k for k in known}, n=1, cutoff=0.6)
    spelling = {k.casefold(): k for k in known}
    return f"did you mean '{spelling[close[0]]}'?" if close else ""


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number. `auto`: the planner may be left to choose."""

    least: int = 1
    most: int = 10**12
    auto: bool = False

    def read(self, value: object) -> int | str:
        text = scalar_text(value)
        if self.auto and text.lower() == "auto":
            return "auto"
        try:
            number = parse(text, "count")
        except UnitError as wrong:
            if not self.auto:
                raise
            raise ValueFault(f"'{text}' is neither 'auto' nor a whole number", nearest(text, ["auto"])) from wrong
        if number != int(number):
            raise ValueFault(f"{text} must be a whole number")
        if not self.least <= number <= self.most:
            bound = f"at least {self.least}" if number < self.least else f"at most {self.most:,}"
            raise ValueFault(f"{text} must be {bound}")
        return int(number)

    def json_schema(self) -> dict[str, Any]:
        number: dict[str, Any] = {"type": "integer", "minimum": self.least}
        return {"anyOf": [number, {"const": "auto"}]} if self.auto else number


@dataclass(frozen=True)
class Proportion(Kind):
    """Two whole numbers, such as 1:3, in lowest terms."""

    most: int = 1000

    def read(self, value: object) -> tuple[int, int]:
        text = scalar_text(":".join(map(str, value)) if isinstance(value, tuple) else value)
        one, _, other = (part.strip() for part in text.partition(":"))
        if not (one.isdecimal() and other.isdecimal()):
            raise ValueFault(f"'{text}' is not two whole numbers", "write them as 1:3")
        numbers = int(one), int(other)
        if not all(1 <= number <= self.most for number in numbers):
            raise ValueFault(f"{text}: each must be at least 1 and at most {self.most:,}")
        shared = gcd(*numbers)
        return numbers[0] // shared, numbers[1] // shared

    def write(self, value: tuple[int, int]) -> str:
        return f"{value[0]}:{value[1]}"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]+:[0-9]+$", "examples": ["1:3"]}


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words."""

    words: tuple[str, ...]
    also: str = ""

    def read(self, value: object) -> str:
        text = scalar_text(value)
        if text.lower() in self.words:
            return text.lower()
        if text not in self.words:
            words = ", ".join(self.words[:-1]) + " or " + self.words[-1]
            raise ValueFault(f"'{text}' is not {words}{self.also}", nearest(text, self.words))
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


@dataclass(frozen=True)
class Flag(Kind):
    """Yes or no."""

    def read(self, value: object) -> bool:
        text = scalar_text(value).lower()
        if text not in _FLAGS:
            raise ValueFault(f"'{scalar_text(value)}' is neither true nor false")
        return _FLAGS[text]

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Name(Kind):
    """A name or a short text.

    catalog: the kind of entry that it names. files: a path will do. words: further words that may stand here.
    """

    catalog: str = ""
    files: bool = False
    example: str = ""
    words: tuple[str, ...] = ()

    def read(self, value: object) -> str:
        text = scalar_text(value)
        if not text:
            raise ValueFault("must not be empty")
        if any(ord(c) < 32 or c == "\x7f" for c in text):
            raise ValueFault("must not hold control characters")
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": ["string", "number"] if not self.catalog else "string"} | (
            {"examples": [self.example]} if self.example else {}
        )


@dataclass(frozen=True)
class Text(Kind):
    """A few lines of text."""

    most: int = 4000

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            return scalar_text(value)
        if len(value) > self.most:
            raise ValueFault(f"{len(value):,} characters are too many", f"at most {self.most:,}")
        if any(ord(c) < 32 and c not in "\t\n\r" for c in value):
            raise ValueFault("must not hold control characters")
        return value.strip()


@dataclass(frozen=True)
class Reference(Name):
    """A catalogue entry by name, or described in place as a mapping, which is kept as it stands."""

    def read(self, value: object) -> Any:
        return value if isinstance(value, dict) else super().read(value)

    def json_schema(self) -> dict[str, Any]:
        named = super().json_schema()
        examples = {"examples": named.pop("examples")} if "examples" in named else {}
        return {"anyOf": [named, {"type": "object"}]} | examples
