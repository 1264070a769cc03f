"""Files of other people: bounded, never waited for, and told in one sentence where they cannot be read."""

import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, cast

from capplan.errors import UserError

# An empty list of three bytes takes thirty times as much once it is read.
_MOST_CONTAINERS = 1_000_000
_MOST_DIGITS = 300  # still a float


class Unreadable(UserError):
    """A file that cannot be read: `FILE: why (what to do)`."""

    def __init__(self, file: str | Path, why: str, hint: str = "") -> None:
        self.file, self.why, self.hint = str(file), why, hint
        super().__init__(f"{file}: {why}{f' ({hint})' if hint else ''}")

    def __reduce__(self) -> tuple[type["Unreadable"], tuple[str, str, str]]:
        """Travels between processes whole; the default would pass the message in place of its parts."""
        return type(self), (self.file, self.why, self.hint)


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """A file, a device or a pipe to read bytes from; one whose name ends in `.gz` is unpacked as it is read.

    A pipe without a writer, for which others would wait forever, is empty. Raises Unreadable for whatever goes wrong
    until it is closed.
    """
    descriptor = _descriptor(path)
    try:
        with os.fdopen(descriptor, "rb") as file:
            os.set_blocking(descriptor, True)
            yield _unpacked(file) if str(path).endswith(".gz") else file
    except IsADirectoryError:
        raise Unreadable(path, "a folder, not a file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from None


def read_bytes(path: str | Path, most_bytes: int) -> bytes:
    """The content of a file; raises Unreadable where it is longer, whatever the file says of its own size."""
    with opened(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise Unreadable(path, f"more than {_size(most_bytes)}")
    return content


def read_text(path: str | Path, most_bytes: int) -> str:
    """The same as UTF-8 text, a byte order mark left out; raises Unreadable where it is in another encoding."""
    return text_of(read_bytes(path, most_bytes), path)


def text_of(content: bytes, file: str | Path) -> str:
    """UTF-8 text, a byte order mark left out; raises Unreadable naming the first byte that is none."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        why = f"not UTF-8 text (byte {error.start}, line {line})"
        raise Unreadable(file, why, "save the file as UTF-8") from None


def parse_json(text: str, file: str | Path, first_line: int = 1, lenient: bool = False) -> object:
    """A JSON text in which no object gives a key twice; raises Unreadable at file:line:column where that is known.

    first_line: the line of the file on which the text begins. lenient: NaN and infinity, which some tools write though
    JSON has no such numbers, are taken as null.
    """
    if text.count("{") + text.count("[") > _MOST_CONTAINERS:
        raise Unreadable(file, f"more than {_MOST_CONTAINERS:,} lists and objects")
    try:
        return json.loads(
            text,
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_nothing if lenient else _finite,
        )
    except json.JSONDecodeError as error:
        place = f"{file}:{error.lineno + first_line - 1}:{error.colno}"
        raise Unreadable(place, f"not JSON: {error.msg}") from None
    except RecursionError:
        raise Unreadable(f"{file}:{first_line}", "nested too deep") from None
    except ValueError as error:
        raise Unreadable(f"{file}:{first_line}", str(error)) from None


def parse_csv(text: str, file: str | Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The columns of a CSV text and its rows that are not empty, each with the line on which it ends.

    Cells are stripped; those that a row lacks are ''. Raises Unreadable at the line that is no CSV, for a column that
    is given twice, and for a row of more cells than there are columns.
    """
    lines = _csv_lines(text, file)
    _, header = next(lines, (1, []))
    columns = [name.strip() for name in header]
    often = Counter(columns).most_common(1)
    if often and often[0][1] > 1:
        raise Unreadable(f"{file}:1", f"the column '{often[0][0][:60]}' is given twice")

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for line, cells in lines:
            if len(cells) > len(columns):
                why = f"{len(cells)} cells under {len(columns)} columns"
                raise Unreadable(f"{file}:{line}", why, "quote a text that holds a comma")
            if any(cells):
                yield line, dict(zip_longest(columns, (cell.strip() for cell in cells), fillvalue=""))

    return columns, rows()


def _csv_lines(text: str, file: str | Path) -> Iterator[tuple[int, list[str]]]:
    import csv

    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise Unreadable(f"{file}:{reader.line_num}", f"not CSV: {error}", "close the quotes") from None


def _descriptor(path: str | Path) -> int:
    try:
        # Opening a pipe waits for its writer, unless told not to; reading one without a writer finds its end at once.
        return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str | Path, error: Exception) -> Unreadable:
    return Unreadable(path, f"cannot be read: {getattr(error, 'strerror', None) or error}", "check the path")


def _unpacked(file: BinaryIO) -> BinaryIO:
    import gzip  # few files need it

    return cast(BinaryIO, gzip.GzipFile(fileobj=file))


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key {max(names, key=names.count)[:60]!r} is given twice")
    return made


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"the number {digits[:24]}... is out of all proportion")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:24]} is no number that can be computed with")
    return value


def _nothing(_name: str) -> None:
    return None


def _size(most_bytes: int) -> str:
    return f"{most_bytes >> 20} MiB" if most_bytes >= 1 << 20 else f"{most_bytes >> 10} KiB"
