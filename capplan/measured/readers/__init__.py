"""Results as benchmark tools write them, brought into the columns of a points file.

One module a format, found by file name. Each has `NAME`, `matches(document) -> bool` and `rows(document) -> list[Row]`,
where a document is parsed JSON or, for CSV, its text. What a tool does not write down (accelerator, engine, layout) the
caller gives as `given`, which fills blanks only.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from capplan.measured.faults import PointFaults
from capplan.measured.table import Row, Table, read_table, read_text, row_faults
from capplan.reading import parse_json
from capplan.scenario.faults import Fault

JSON_SUFFIXES = frozenset({".json", ".jsonl"})


def read_results(paths: Sequence[Path], given: Mapping[str, str] | None = None) -> Table:
    """The rows of result files of any known format, in the order of the paths; raises UserError.

    given: columns for all rows that lack them, e.g. {"gpu": "H100", "tp": "2"}.
    """
    tables = [_read(path) for path in paths]
    rows = [_filled(row, given or {}) for table in tables for row in table.rows]
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    name = tables[0].path if len(tables) == 1 else f"{len(tables)} files"
    places = [(table.path, line) for table in tables for line in table.lines]
    faults = [fault for (path, line), row in zip(places, rows, strict=True) for fault in row_faults(path, line, row)]
    if faults:
        raise PointFaults(faults)
    if not rows:
        raise PointFaults([Fault(name, 1, 1, "file", "no results in it", "a header and a row below it are the least")])
    return Table(name, columns, tuple(rows), tuple(line for _, line in places))


@cache
def formats() -> tuple[ModuleType, ...]:
    """The modules of this folder, by file name."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    return tuple(import_module(f"{__name__}.{name}") for name in names)


def _read(path: Path) -> Table:
    text = read_text(path)
    document: Any = _json(path, text) if path.suffix in JSON_SUFFIXES else text
    for reader in formats():
        if reader.matches(document):
            rows = tuple(reader.rows(document))
            columns = tuple(dict.fromkeys(name for row in rows for name in row))
            return Table(str(path), columns, rows, tuple(range(1, len(rows) + 1)))
    if isinstance(document, str):
        return read_table(path, complete=False)
    known = ", ".join(reader.NAME for reader in formats())
    raise PointFaults([Fault(str(path), 1, 1, "file", "no known result format", f"known: {known}, or a CSV of points")])


def _json(path: Path, text: str) -> Any:
    if path.suffix == ".jsonl":
        lines = enumerate(text.split("\n"), 1)
        return [parse_json(line, path, number, lenient=True) for number, line in lines if line.strip()]
    return parse_json(text, path, lenient=True)


def _filled(row: Row, given: Mapping[str, str]) -> Row:
    return {**row, **{name: value for name, value in given.items() if not row.get(name)}}
