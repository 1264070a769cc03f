"""The report as the contract's JSON object: what `--format json` writes and `diff` reads."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from itertools import chain
from typing import Any

from .metrics import FURTHER, HELD, METRICS, metric
from .report import SCHEMA, Report

# Beyond this many digits arrays differ between processors, and the same input must give the same bytes.
DIGITS = 10
_ROUNDED = f"%.{DIGITS}g"
_MAYBE_TEXT = {"type": ["string", "null"]}


def document(report: Report) -> dict[str, Any]:
    """The JSON object of a report: every contract column in every row, null where it does not apply."""
    return {
        "schema": SCHEMA,
        "kind": report.kind,
        "tool_version": report.tool_version,
        "catalog": plain_tree(report.catalog if report.catalog is not None else _stamp()),
        "scenario_file": report.scenario_file,
        "scenario": plain_tree(report.scenario),
        "axes": list(report.axes),
        "rows": [{name: _leaf(row.get(name)) for name in columns(report)} for row in report.rows],
        "lines": [plain_tree(asdict(line)) for line in report.lines],
        "excuses": [plain_tree({"row": one.row, **asdict(one.why)}) for one in report.excuses],
        "assumptions": [plain_tree(asdict(stated)) for stated in report.assumptions],
        "notes": list(report.notes),
    }


def columns(report: Report) -> list[str]:
    """The contract's columns in their order, after the swept keys that are not among them and before any others."""
    known = [metric.name for metric in METRICS]
    swept = [name for name in report.axes if name not in known]
    told = dict.fromkeys([*swept, *known])
    return [*told, *(name for name in dict.fromkeys(chain.from_iterable(report.rows)) if name not in told)]


def _stamp() -> dict[str, str | None]:
    from capplan.catalog.stamp import stamp

    return stamp()


def schema() -> dict[str, Any]:
    """JSON Schema of `capplan.report/1`."""
    text = {"type": "string"}
    cell = {"type": ["number", "string", "boolean", "null"]}
    entry = {"type": "object", "additionalProperties": True}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "capplan report",
        "type": "object",
        "required": ["schema", "kind", "tool_version", "catalog", "scenario", "rows", "excuses", "assumptions"],
        "properties": {
            "schema": {"const": SCHEMA},
            "kind": {**text, "description": "The command that made the report."},
            "tool_version": text,
            "catalog": {
                "type": "object",
                "required": ["hash", "date", "oldest_price"],
                "properties": {"hash": text, "date": _MAYBE_TEXT, "oldest_price": _MAYBE_TEXT},
            },
            "scenario_file": {**_MAYBE_TEXT, "description": "Where the scenario lies, from the working directory."},
            "scenario": {**entry, "description": "The scenario as resolved: every default filled in, SI units."},
            "axes": {"type": "array", "items": text, "description": "Columns that tell the rows apart."},
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": [metric.name for metric in METRICS],
                    "properties": {metric.name: _property(metric.name) for metric in (*METRICS, *FURTHER)},
                    "additionalProperties": cell,
                },
            },
            "lines": {"type": "array", "items": _object("row", "name", "label", "usd_per_year", "formula", "source")},
            "excuses": {"type": "array", "items": _object("row", "constraint", "message", "cure", "changes")},
            "assumptions": {"type": "array", "items": _object("key", "value", "source", "kind")},
            "notes": {"type": "array", "items": text},
        },
    }  # fmt: skip


def _object(*required: str) -> dict[str, Any]:
    return {"type": "object", "required": list(required)}


def _property(name: str) -> dict[str, Any]:
    known = metric(name)
    kinds = {"text": "string", "flag": "boolean"}
    extra = {"x-better": known.better} if known.better else {}
    return {
        "type": [kinds.get(known.unit, "number"), "null"],
        "title": known.label,
        "description": known.help,
        "x-unit": HELD[known.unit],
        **extra,
    }


def exact(value: object) -> object:
    """A cell as CSV has it: money to the cent, floats rounded alike on every machine, empty for None."""
    if isinstance(value, (Decimal, str)):
        return value
    leaf = _leaf(value)
    if isinstance(leaf, bool):
        return str(leaf).lower()
    return "" if leaf is None else leaf


def _leaf(value: object) -> object:
    """A cell as JSON has it: money is a number, exact to the cent because a double holds it so up to 10^13 USD."""
    if isinstance(value, float):
        if value != value:
            return None
        return float(_ROUNDED % value) if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return float(value) if isinstance(value, Decimal) else str(value)


def plain_tree(value: object) -> Any:
    """Maps, lists and values as JSON has them; floats rounded alike on every machine."""
    if isinstance(value, Mapping):
        return {str(key): plain_tree(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain_tree(child) for child in value]
    return _leaf(value)
