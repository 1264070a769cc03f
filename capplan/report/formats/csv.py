"""CSV: one line a row, every column, empty where a value does not apply."""

import csv
import io
from collections.abc import Mapping, Sequence

from ..answer import Answer
from ..document import exact

SUFFIXES = (".csv",)


def render(answer: Answer, width: int | None, color: bool) -> str:
    """The rows of an answer; money is written to the cent."""
    return to_csv(*answer.table())


def to_csv(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """RFC 4180 text with line feeds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([exact(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()
