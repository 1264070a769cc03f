"""The reference pages that lie beside the code, made from what the code says of itself."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capplan.reasoning.strategy import strategy_names
from capplan.report.metrics import FURTHER, HELD, METRICS, Metric
from capplan.scenario.json_schema import scenario_schema
from capplan.scenario.reasoning import KEYS

ROOT = Path(__file__).parents[1]
MADE = "Made by `make golden` from {source}; a test holds that it is so.\n"


def pages() -> dict[Path, str]:
    """The text of every page by its place."""
    return {
        ROOT / "capplan/scenario/README.md": scenario(),
        ROOT / "capplan/report/README.md": metrics(),
        ROOT / "capplan/reasoning/strategies/README.md": strategies(),
    }


def scenario() -> str:
    """Every key of a scenario file, section by section."""
    schema = scenario_schema()
    parts = ["# Keys of a scenario file\n", MADE.format(source="the schema")]
    parts.append("Quantities carry their unit; a bare number is taken for counts and ratios only.\n")
    for title, section in (("Top level", schema), *sorted(schema["$defs"].items())):
        parts.append(f"## {title}\n")
        parts.append(f"{section['description']}\n")
        rows = [_key(name, key, name in section["required"]) for name, key in section["properties"].items()]
        parts.append(_table(("key", "value", "default", "meaning"), rows))
    return "\n".join(parts)


def _key(name: str, key: dict[str, Any], needed: bool) -> tuple[str, ...]:
    default = "required" if needed else f"`{key['default']}`" if "default" in key else ""
    return f"`{name}`", ", ".join(dict.fromkeys(_values(key))), default, key["description"]


def _values(key: dict[str, Any]) -> Iterator[str]:
    """What may stand there: a section, one of some words, or what the examples show with their units."""
    if "$ref" in key:
        name = key["$ref"].rpartition("/")[2]
        yield f"[{name}](#{name.lower()})"
    elif "const" in key:
        yield f"`{key['const']}`"
    elif "items" in key and "enum" not in key:
        yield from (f"list of {value}" for value in list(_values(key["items"]))[:1])
    elif "enum" in key:
        yield " or ".join(f"`{word}`" for word in key["enum"])
    elif key.get("examples"):
        yield from (f"`{example}`" for example in key["examples"])
    elif "anyOf" in key:
        for form in key["anyOf"]:
            if (form.get("type") not in ("null", "object") and "items" not in form) or "$ref" in form.get("items", {}):
                yield from _values(form)
    elif isinstance(key.get("type"), str):
        yield str(key["type"])


def metrics() -> str:
    """Every column of a report."""
    head = ["# Columns of a report\n", MADE.format(source="`metrics.py`")]
    head.append(
        "CSV and JSON hold them under these names, in these units; null or an empty cell is what does not apply.\n"
    )
    return "\n".join([*head, "## In every report\n", _columns(METRICS), "## In some\n", _columns(FURTHER)])


def _columns(listed: tuple[Metric, ...]) -> str:
    rows = [(f"`{one.name}`", one.label, HELD[one.unit], one.better, one.help) for one in listed]
    return _table(("column", "heading in tables", "unit", "better", "meaning"), rows)


def strategies() -> str:
    """Every strategy: what it asks of the engine, its keys, and how its accuracy is known."""
    parts = ["# Strategies\n", MADE.format(source="the modules of this folder")]
    for name in strategy_names():
        module = ast.parse((ROOT / f"capplan/reasoning/strategies/{name}.py").read_text("utf-8"))
        said = {node.name: ast.get_docstring(node) or "" for node in module.body if isinstance(node, ast.FunctionDef)}
        parts.append(f"## {name}\n")
        parts.append(f"{ast.get_docstring(module)}\n")
        keys = ", ".join(f"`{key}`" for key in KEYS.get(name, ()))
        parts += [f"- keys: {keys or 'none'}"]
        parts += [f"- {part}: {' '.join(said[part].split())}" for part in ("demand", "accuracy") if said.get(part)]
        parts.append("")
    return "\n".join(parts)


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    cells = ([" ".join(str(cell).replace("|", "\\|").split()) for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)
