"""Who says a figure at which a derivation ends: the scenario, the catalogue, or a constant of the code."""

from __future__ import annotations

import ast
from typing import Any

from capplan.catalog.figures import figures
from capplan.catalog.files import exists
from capplan.plan.derivation import source
from capplan.plan.derivation.record import Call

# Types of values by the room whose files they are read from.
_ROOMS = {
    "catalogue, model": "Architecture AttentionLayers DenseMlp Moe Mla Parameters RecurrentLayers TextbookModel",
    "catalogue, accelerator": "Accelerator Rates TextbookAccelerator",
    "catalogue, operators": "Operators Roofline DecodeAttention MlaDecode PrefillAttention Collective",
    "catalogue, engine": "Profile Overheads",
    "chosen by the planner": "Layout",
    "number format of the weights": "Storage",
    "number formats of the scenario": "Precision",
    "shape of the model in this layout": "Gemm",
    "accuracy law": "Accuracy",
    "what the strategy asks of the engine": "Demand",
    "speculative decoding of the scenario": "Speculation",
    "convention of the textbook": "Conventions Terms",
    "scenario, workload": "Workload",
    "scenario, serving": "Serving",
    "scenario, reasoning": "Reasoning",
    "scenario, cost": "Cost",
    "scenario, targets": "Targets",
    "scenario, quality": "Quality",
    "scenario": "Scenario Limits",
}
_ROOM = {kind: room for room, kinds in _ROOMS.items() for kind in kinds.split()}
# Those of them that are entries of the catalogue, with a source for every figure.
_KINDS = {"Accelerator": "accelerators", "Architecture": "models", "Profile": "engines"}


def leaf_source(call: Call, expression: ast.expr, more: dict[str, Any]) -> str:
    """Where a leaf's value is from, in words."""
    if isinstance(expression, ast.Constant):
        return "constant"
    holder = expression.value if isinstance(expression, (ast.Attribute, ast.Subscript)) else None
    while holder is not None:
        try:
            held = source.evaluated(holder, call, more)
        except (NameError, LookupError, AttributeError, TypeError, ValueError):  # then it has no holder to name
            break
        said = _of(held, expression)
        if said:
            return said
        holder = holder.value if isinstance(holder, (ast.Attribute, ast.Subscript)) else None
    if isinstance(expression, ast.Subscript) and isinstance(expression.value, ast.Name):
        table = expression.value.id
        if table in call.names and table not in call.values:
            return f"table {table} of {call.names.get('__name__', 'the code')}"
    if isinstance(expression, ast.Name) and expression.id in call.names and expression.id not in call.values:
        return f"constant of {call.names.get('__name__', 'the code')}"
    if isinstance(expression, ast.Name) and expression.id in source.changed_in(call):
        return f"set step by step in {call.name}"
    return f"computed by `{' '.join(ast.unparse(expression).split())[:160]}`"


def _of(held: Any, expression: ast.expr) -> str:
    name = expression.attr if isinstance(expression, ast.Attribute) else ""
    telling = getattr(held, "source", None)
    if callable(telling) and name:
        return str(telling(name))
    if isinstance(telling, str) and telling:
        return telling
    kind = type(held).__name__
    room = _ROOM.get(kind, "")
    if not room:
        return ""
    given = getattr(held, "given", None)
    if callable(given) and name:
        return f"{room}.{name}" if given(name) else f"{room}.{name} (default)"
    own = getattr(held, "name", "")
    if not isinstance(own, str) or not own:
        return room
    said = _catalogued(_KINDS.get(kind, ""), own, expression)
    return f"{room} {own}: {said}" if said else f"{room} {own}"


def _catalogued(kind: str, name: str, expression: ast.expr) -> str:
    """Who says a figure of a catalogue entry, found by the name that the code has for it."""
    if not kind or not exists(kind, name):
        return ""
    key, node = "", expression
    if isinstance(node, ast.Subscript):
        key, node = ast.unparse(node.slice).strip("'"), node.value
    attribute = node.attr if isinstance(node, ast.Attribute) else ""
    for figure in sorted(figures(kind, name), key=lambda one: -len(one.path)):
        first, _, last = figure.path.rpartition(".")
        named = f"_{attribute}".startswith(f"_{figure.path.replace('.', '_')}_") or last == attribute
        if figure.source and ((key and last == key and attribute.startswith(first)) or (not key and named)):
            return str(figure.source)
    return ""
