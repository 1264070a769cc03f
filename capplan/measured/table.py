"""Points files as text: a CSV with the contract's columns, every cell a stripped text.

Missing columns and blank cells are allowed. What cannot be a row (a cell too many, a number that is none, an unknown
load type) is a fault with its place; all faults of a file are reported together.
"""

import csv
import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from capplan import reading
from capplan.engine.point import LOAD_TYPES
from capplan.measured.faults import PointFaults
from capplan.reading import Unreadable
from capplan.scenario.faults import Fault

Row = Mapping[str, str]

COUNTS = frozenset({"gpu_count", "nodes", "tp", "pp", "ep", "attn_dp", "replicas", "concurrency", "num_prompts"})
RATES = frozenset({"isl", "osl", "isl_mean_actual", "osl_mean_actual", "request_rate"})
WORDS = frozenset(
    {"row_id", "engine", "engine_version", "model", "hf_model", "hf_arch", "weight_dtype", "kv_dtype", "gpu", "disagg"}
    | {"parallel_note", "spec_decode", "load_type", "submitter", "date"}
)
# All that prediction may look at; every other column is a measurement or a remark.
INPUTS = COUNTS | RATES | WORDS
_NEEDED_ONE_OF = ("model", "hf_model")
_LARGEST_BYTES = 24 << 20
_MOST_ROWS = 100_000
_INFINITE = frozenset({"inf", "infinity", "infinite"})


@dataclass(frozen=True)
class Table:
    """A file's columns in order and its rows; `lines` are the line numbers on which the rows end."""

    path: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    lines: tuple[int, ...]


def read_table(path: Path, complete: bool = True) -> Table:
    """The rows of a points file; raises PointFaults with every malformed cell of it.

    complete: model and accelerator must be named; False where the caller fills them afterwards.
    """
    text = read_text(path)
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    cells = _cells(reader, path)
    _, header = next(cells, (0, []))
    columns = tuple(name.strip() for name in header)
    faults = list(_header_faults(path, columns, complete))
    if faults:
        raise PointFaults(faults)
    rows: list[Row] = []
    lines: list[int] = []
    for line, values in cells:
        if len(rows) == _MOST_ROWS:
            raise PointFaults([Fault(str(path), line, 1, "file", f"more than {_MOST_ROWS:,} rows", "split it")])
        if len(values) > len(columns):
            message = f"{len(values)} cells under {len(columns)} columns"
            faults.append(_fault(path, line, len(columns), "row", message, "quote a text that holds a comma"))
        elif any(values):
            row = dict(zip(columns, (value.strip() for value in values), strict=False))
            faults.extend(_cell_faults(path, line, columns, row, complete))
            rows.append(row)
            lines.append(line)
    if faults:
        raise PointFaults(_with_text(faults, text.splitlines()))
    return Table(str(path), columns, tuple(rows), tuple(lines))


def number(row: Row, column: str) -> float | None:
    """A cell as a finite float, None where it is blank, missing or not finite."""
    cell = row.get(column, "")
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def count(row: Row, column: str) -> int | None:
    """A cell as a whole number of at least one, None where it is blank or missing."""
    value = number(row, column)
    return None if value is None else int(value)


def read_text(path: Path) -> str:
    """A file's text; raises PointFaults where it is missing, too large or not UTF-8."""
    try:
        return reading.read_text(path, _LARGEST_BYTES)
    except Unreadable as wrong:
        raise PointFaults([Fault(wrong.file, 1, 1, "file", wrong.why, wrong.hint)]) from None


def _cells(reader: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which each ends."""
    try:
        for values in reader:
            yield reader.line_num, values  # type: ignore[attr-defined]
    except csv.Error as error:
        line = reader.line_num  # type: ignore[attr-defined]
        raise PointFaults([Fault(str(path), line, 1, "row", f"not CSV: {error}", "close the quotes")]) from None


def _header_faults(path: Path, columns: tuple[str, ...], complete: bool) -> Iterator[Fault]:
    if not columns or columns == ("",):
        yield Fault(str(path), 1, 1, "header", "the file is empty", "the first line names the columns")
        return
    for position, name in enumerate(columns):
        if name in columns[:position]:
            yield Fault(str(path), 1, position + 1, name, "column given twice")
    if complete and not any(name in columns for name in _NEEDED_ONE_OF):
        near = difflib.get_close_matches("model", columns, n=1)
        hint = f"is '{near[0]}' the model?" if near else "'model' or 'hf_model' says what was served"
        yield Fault(str(path), 1, 1, "header", "no column 'model' or 'hf_model'", hint)
    if complete and "gpu" not in columns:
        yield Fault(str(path), 1, 1, "header", "no column 'gpu'", "it names the accelerator, e.g. H100")


def _cell_faults(path: Path, line: int, columns: tuple[str, ...], row: Row, complete: bool) -> Iterator[Fault]:
    for name, cell in row.items():
        if cell and (problem := _problem(name, cell)):
            yield _fault(path, line, columns.index(name), name, *problem)
    if complete:
        for missing, hint in _missing(row):
            place = columns.index(missing) if missing in columns else 0
            yield _fault(path, line, place, missing, "blank", hint)


def row_faults(path: str, line: int, row: Row) -> Iterator[Fault]:
    """What is wrong with a row that did not come from a CSV, or whose blanks were filled after reading."""
    for name, cell in row.items():
        if cell and (problem := _problem(name, cell)):
            yield Fault(path, line, 1, name, *problem)
    for missing, hint in _missing(row):
        yield Fault(path, line, 1, missing, "the file does not tell", hint)


def _missing(row: Row) -> Iterator[tuple[str, str]]:
    if not row.get("model") and not row.get("hf_model"):
        yield "model", "name the model or its Hugging Face id"
    if not row.get("gpu"):
        yield "gpu", "name the accelerator, e.g. H100"


def _problem(name: str, cell: str) -> tuple[str, str] | None:
    if name in COUNTS:
        return _count_problem(cell)
    if name in RATES:
        return _rate_problem(name, cell)
    if name == "load_type" and cell not in LOAD_TYPES:
        near = difflib.get_close_matches(cell, LOAD_TYPES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(LOAD_TYPES)}"
        return f"'{cell}' is no load type", hint
    return None


def _count_problem(cell: str) -> tuple[str, str] | None:
    try:
        value = float(cell)
    except ValueError:
        return f"'{cell}' is no whole number", "leave it blank if unknown"
    if value >= 1 and value == int(min(value, 1e15)):
        return None
    return f"{cell} must be a whole number of at least 1", "leave it blank if unknown"


def _rate_problem(name: str, cell: str) -> tuple[str, str] | None:
    if name == "request_rate" and cell.casefold() in _INFINITE:
        return None
    try:
        value = float(cell)
    except ValueError:
        return f"'{cell}' is no number", "leave it blank if unknown"
    if not math.isfinite(value) or value <= 0 or value > 1e12:
        return f"{cell} must be positive and finite", "leave it blank if unknown"
    return None


def _fault(path: Path, line: int, cell: int, key: str, message: str, hint: str = "") -> Fault:
    """A fault whose column is still the number of the cell; `_with_text` turns it into a column of the line."""
    return Fault(str(path), line, cell + 1, key, message, hint)


def _with_text(faults: list[Fault], lines: list[str]) -> list[Fault]:
    result = []
    for fault in faults:
        text = lines[fault.line - 1] if fault.line <= len(lines) else ""
        column = _start_of_cell(text, fault.column - 1)
        result.append(Fault(fault.file, fault.line, column, fault.key, fault.message, fault.hint, text))
    return result


def _start_of_cell(text: str, cell: int) -> int:
    """Column, from 1, at which a cell of a CSV line starts."""
    if cell <= 0:
        return 1
    quoted = False
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            cell -= 1
            if cell == 0:
                return position + 2
    return 1
