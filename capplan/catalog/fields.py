"""Read typed values out of a mapping that somebody else wrote, and name every fault in it at once."""

import difflib
import math
from collections.abc import Iterable, Mapping

from capplan.errors import UserError

_YES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_ABSENT = (None, "", "null", "~")


class Fields:
    """A mapping and where it stands; each look-up checks one key.

    A fault is noted and a harmless value returned, so that `finish()` can report all of them together.
    Values may be YAML text ("80"), numbers, or figures such as `{is: 80, from: config}`.
    """

    def __init__(self, values: Mapping[str, object], where: str, path: str = "", faults: list[str] | None = None):
        self._values = values
        self._where = where
        self._path = path
        self._faults: list[str] = [] if faults is None else faults

    def whole(self, key: str, default: int | None = None, least: int = 1, most: int = 10**8) -> int:
        """A whole number within bounds; required unless there is a default."""
        value = self.raw(key)
        if value in _ABSENT:
            if default is None:
                self.fault(key, "missing; a whole number is needed")
                return least
            return default
        number = _number(value)
        if number is None or not math.isfinite(number) or number != int(number):
            self.fault(key, f"{_show(value)} is not a whole number")
            return least
        if not least <= number <= most:
            self.fault(key, f"{_show(value)} is outside {least} to {most:,}")
            return least
        return int(number)

    def optional_whole(self, key: str, least: int = 1, most: int = 10**8) -> int | None:
        """As `whole`, None where the key is absent or null."""
        return None if self.raw(key) in _ABSENT else self.whole(key, least=least, most=most)

    def number(self, key: str, least: float = 0.0, most: float = 1e16) -> float | None:
        """A number, None where the key is absent."""
        value = self.raw(key)
        if value in _ABSENT:
            return None
        number = _number(value)
        if number is None or not least <= number <= most:  # also refuses NaN
            self.fault(key, f"{_show(value)} is not a number from {least:g} to {most:g}")
            return None
        return number

    def flag(self, key: str, default: bool = False) -> bool:
        """Yes or no."""
        value = self.raw(key)
        if value in _ABSENT:
            return default
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _YES:
            return _YES[value.lower()]
        self.fault(key, f"{_show(value)} is neither yes nor no")
        return default

    def word(self, key: str, choices: Iterable[str] | None = None, default: str | None = None) -> str:
        """Text, one of `choices` where these are given."""
        value = self.raw(key)
        if value in _ABSENT:
            if default is None:
                self.fault(key, "missing")
            return default or ""
        if not isinstance(value, str):
            self.fault(key, f"{_show(value)} is not text")
            return default or ""
        options = None if choices is None else list(choices)
        if options is not None and value not in options:
            self.fault(key, f"{_show(value)} is not one of {', '.join(options)}")
            return default or options[0]
        return value

    def group(self, key: str) -> "Fields | None":
        """A mapping below `key`, None where absent."""
        value = self._values.get(key)
        if value in _ABSENT:
            return None
        if not isinstance(value, Mapping):
            self.fault(key, f"{_show(value)} is not a mapping")
            return None
        return Fields(value, self._where, f"{self._path}{key}.", self._faults)

    def groups(self, key: str) -> "list[Fields] | None":
        """A list of mappings below `key`, None where absent."""
        value = self._values.get(key)
        if value in _ABSENT:
            return None
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            self.fault(key, "a list of mappings is needed")
            return None
        return [Fields(item, self._where, f"{self._path}{key}[{i}].", self._faults) for i, item in enumerate(value)]

    def texts(self, key: str) -> list[object] | None:
        """A list of plain values, None where absent."""
        value = self.raw(key)
        if value in _ABSENT:
            return None
        if not isinstance(value, list):
            self.fault(key, f"{_show(value)} is not a list")
            return None
        return value

    def raw(self, key: str) -> object:
        """The value as written, without its provenance."""
        value = self._values.get(key)
        if isinstance(value, Mapping) and "is" in value:
            return value["is"]
        return value

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self.raw(key) not in _ABSENT

    def only(self, known: Iterable[str]) -> None:
        """Note every key that is not known, with the nearest known one."""
        names = [*known, "from", "note"]
        for key in self._values:
            if key not in names:
                near = difflib.get_close_matches(str(key), names, n=1)
                self.fault(str(key), "unknown key" + (f" (did you mean '{near[0]}'?)" if near else ""))

    def fault(self, key: str, message: str) -> None:
        """Note what is wrong with a key."""
        self._faults.append(f"{self._where}: {self._path}{key}: {message}")

    def finish(self) -> None:
        """Raise UserError with every fault noted so far, if there is one."""
        if self._faults:
            raise UserError("\n".join(dict.fromkeys(self._faults)))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
