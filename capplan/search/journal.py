"""What is done of a long run, kept beside its output file, so that an interrupted run goes on where it stopped.

Results are kept by what was asked (the function, its argument, the catalogue and the version): a run that asks
something else finds nothing of its own there and starts afresh.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from capplan.catalog.files import catalog_hash
from capplan.errors import UserError
from capplan.reading import read_bytes
from capplan.scenario.part import Part
from capplan.version import __version__

if TYPE_CHECKING:
    from capplan.search.workers import Crew

A = TypeVar("A")
R = TypeVar("R")

_LENGTH_BYTES = 8
_MOST_BYTES = 512 << 20
# A journal holds values of ours and nothing that could run: other names in it are refused.
# Nor does it hold what makes much of little, a bytearray of a length or the numbers of a range.
_OTHERS = {("builtins", name) for name in ("dict", "list", "tuple", "set", "frozenset", "slice")}
_OTHERS |= {("decimal", "Decimal"), ("_codecs", "encode")}
_OTHERS |= {("pathlib", name) for name in ("PosixPath", "WindowsPath", "Path")}
# What numpy makes arrays and numbers of from bytes, under the name of its rooms in version 2 and before.
_OTHERS |= {("numpy", "dtype"), ("numpy", "ndarray")}
_MADE_BY = (("numeric", "_frombuffer"), ("multiarray", "_reconstruct"), ("multiarray", "scalar"))
_OTHERS |= {(f"numpy.{core}.{room}", name) for core in ("_core", "core") for room, name in _MADE_BY}


class Journal:
    """Results by key, in memory and, with a path, in a file that every result is added to as it comes."""

    def __init__(self, path: Path | None, resume: bool = False) -> None:
        self._path = path
        self._results: dict[str, Any] = _read(path) if path is not None and resume and path.exists() else {}
        self._stamp = f"{__version__} {catalog_hash()}" if path is not None else __version__
        if path is not None and not resume:
            _remove(path)

    def map(self, crew: Crew, function: Callable[[A], R], arguments: Sequence[A]) -> list[R]:
        """As `Crew.map`, for what is not here yet."""
        keys = [self._key(function, argument) for argument in arguments]
        left = [place for place, key in enumerate(keys) if key not in self._results]

        def keep(place: int, result: R) -> None:
            self._keep(keys[left[place]], result)

        crew.map(function, [arguments[at] for at in left], keep)
        return [self._results[key] for key in keys]

    def known(self, function: Callable[[A], R], arguments: Sequence[A]) -> list[R | None]:
        """The results that are here, None for the others."""
        return [self._results.get(self._key(function, argument)) for argument in arguments]

    def finished(self) -> None:
        """The output file has it all: the journal goes."""
        if self._path is not None:
            _remove(self._path)

    def _key(self, function: Callable[..., Any], argument: object) -> str:
        text = f"{self._stamp} {function.__module__}.{function.__qualname__} {argument!r}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _keep(self, key: str, result: Any) -> None:
        self._results[key] = result
        if self._path is None:
            return
        record = pickle.dumps((key, result), protocol=pickle.HIGHEST_PROTOCOL)
        try:
            with self._path.open("ab") as file:
                file.write(len(record).to_bytes(_LENGTH_BYTES, "big") + record)
        except OSError as error:
            raise UserError(f"{self._path}: cannot write what is done ({error.strerror})") from error


class _Ours(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _OTHERS:
            return super().find_class(module, name)
        # Of our own, records and sections alone: anything else that can be called could do more than hold values.
        found = super().find_class(module, name) if module.startswith("capplan.") else None
        if is_dataclass(found) or (isinstance(found, type) and issubclass(found, Part)):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no value of ours")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: is in the way of what is kept of this run ({error.strerror})") from None


def _without_leaps(record: bytes) -> None:
    """Refuses what no pickle of ours has: a value noted at a number of its own, with room for all numbers below."""
    import pickletools

    if any(opcode.name.endswith("PUT") for opcode, _, _ in pickletools.genops(record)):
        raise ValueError("a value is noted out of turn")


def _read(path: Path) -> dict[str, Any]:
    """The records of a journal, a last one that was cut off left out."""
    if not path.is_file():  # a pipe would be written to for ever
        raise UserError(f"{path}: no file, and in the way of what is kept of this run")
    raw, at, found = read_bytes(path, _MOST_BYTES), 0, {}
    while at + _LENGTH_BYTES <= len(raw):
        size = int.from_bytes(raw[at : at + _LENGTH_BYTES], "big")
        at += _LENGTH_BYTES
        if at + size > len(raw):
            break
        try:
            record = raw[at : at + size]
            _without_leaps(record)
            key, result = _Ours(io.BytesIO(record)).load()
            found[str(key)] = result
        except Exception as wrong:  # a pickle that somebody made up may raise anything
            raise UserError(f"{path}: not a journal of capplan ({wrong}); remove it and start again") from None
        at += size
    return found
