"""What the CSV formats share: fields by the names in the header."""

import csv
from collections.abc import Callable, Sequence

from capplan.simulate.traces.fields import FieldError, Row

Parser = Callable[[str], Row | None]


def split(line: str) -> list[str]:
    """The fields of one line; a quoted field must close on its line."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise FieldError(f"not a CSV line ({error})") from error


def columns(header: str, needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, int]:
    """Where each named column is. Raises FieldError where one is missing or comes twice."""
    names = [name.strip().lower() for name in split(header)]
    missing = [name for name in needed if name not in names]
    if missing:
        raise FieldError(
            f"the header lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)} (has {header[:80]})"
        )
    twice = sorted({name for name in names if names.count(name) > 1 and name in (*needed, *optional)})
    if twice:
        raise FieldError(f"the header has the column {twice[0]} twice")
    return {name: names.index(name) for name in (*needed, *optional) if name in names}


def fields_of(line: str, least: int) -> list[str]:
    """The fields of a line that has at least so many."""
    fields = split(line)
    if len(fields) < least:
        raise FieldError(f"{len(fields)} fields where the header has {least} or more")
    return fields
