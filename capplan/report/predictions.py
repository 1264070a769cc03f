"""Predicted points, told for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .answer import Sheet
from .blocks import Block, Grid, Heading, Text
from .show import number

SCHEMA = "capplan.predictions/1"
TITLE = "Predicted serving performance"

_WORDS = ("row_id", "model", "gpu", "engine", "load_type", "concurrency")
_FIGURES = (
    ("predicted_out_tps_total", "output tokens/s"),
    ("predicted_ttft_ms", "TTFT ms"),
    ("predicted_tpot_ms", "TPOT ms"),
    ("predicted_e2e_ms", "e2e ms"),
)


def sheet(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> Sheet:
    """The predictions; tables for programs hold every column."""
    tree = {"schema": SCHEMA, "rows": [{column: row.get(column) for column in columns} for row in rows]}
    return Sheet(tuple(blocks(rows)), tuple(columns), tuple(rows), tree)


def blocks(rows: Sequence[Mapping[str, object]]) -> list[Block]:
    """One line a point with its 80 % interval, then what was refused."""
    words = [name for name in _WORDS if any(row.get(name) for row in rows)]
    headings = (*words, *(heading for _, heading in _FIGURES))
    lines = tuple((*(str(row.get(name) or "") for name in words), *_figures(row)) for row in rows)
    told: list[Block] = [Heading(TITLE, 1)]
    told.append(Grid(headings, lines, frozenset(range(len(words)))))
    told.append(Text("In brackets the 80 % interval. TTFT and TPOT are means, queueing included.", "quiet"))
    refused = [(str(row.get("row_id") or at + 1), str(row["refused"])) for at, row in enumerate(rows) if row["refused"]]
    if refused:
        told += [Heading("Refused"), Grid(("row", "why"), tuple(refused), frozenset({0, 1}))]
    return told


def _figures(row: Mapping[str, object]) -> list[str]:
    return [_interval(row.get(name), row.get(f"{name}_low"), row.get(f"{name}_high")) for name, _ in _FIGURES]


def _interval(value: object, low: object, high: object) -> str:
    if not isinstance(value, float) or not isinstance(low, float) or not isinstance(high, float):
        return "-"
    return f"{number(value)} ({number(low)} to {number(high)})"
