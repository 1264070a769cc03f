"""Listings: rows under each other for people, JSON for programs."""

import json
from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """How a listing is written."""

    table = "table"
    json = "json"


Shape = Annotated[Format, typer.Option("--format", "-f", help="table or json.")]


def listed(rows: list[dict[str, str]], format: Format) -> str:
    """Rows in a format."""
    return as_json(rows) if format is Format.json else lined_up([list(row.values()) for row in rows])


def lined_up(rows: list[list[str]]) -> str:
    """Rows with their columns under each other, nothing cut; the last column is as wide as it is."""
    if not rows:
        return ""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def as_json(value: object) -> str:
    """Indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
