"""A figure's derivation for people and programs: a tree of values with their formulas and sources."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .blocks import Block, Heading, Text
from .formats.markdown import safe
from .metrics import metric
from .show import cell, number

if TYPE_CHECKING:
    from capplan.plan.derivation.tree import Step

SCHEMA = "capplan.derivation/1"
# Units by the ending of a name, the longest first; a name without one is a count or a ratio.
_UNITS = (
    ("_bytes_per_s", "B/s"), ("_flop_per_s", "FLOP/s"), ("_per_s", "/s"), ("_usd_per_s", "USD/s"),
    ("_usd_per_j", "USD/J"), ("_usd_per_kwh", "USD/kWh"), ("_usd", "USD"), ("_bytes", "B"), ("_flop", "FLOP"),
    ("_tokens", "tokens"),
    ("_kwh", "kWh"), ("_kg", "kg"), ("_gpus", "GPUs"), ("_s", "s"), ("_w", "W"), ("_j", "J"), ("_cents", "cents"),
)  # fmt: skip


def unit_of(name: str) -> str:
    """The unit that a name ends in, '' where it names a count or a ratio.

    >>> unit_of("decode_s"), unit_of("memory_bandwidth_bytes_per_s"), unit_of("replicas")
    ('s', 'B/s', '')
    """
    padded = f"_{name.rstrip('0123456789').rstrip('_')}"
    found = [(ending, unit) for ending, unit in _UNITS if padded.endswith(ending)]
    ending, unit = max(found, key=lambda one: len(one[0]), default=("", ""))
    # `usd_per_query` is neither dollars nor queries.
    return unit if "_per_" in ending or "_per_" not in padded else ""


def value_of(step: Step) -> str:
    """A value with its unit: small and large ones in scientific notation, whole ones as they are."""
    value, unit = step.value, unit_of(step.name)
    if not math.isfinite(value):
        said = str(value)
    elif value == int(value) and abs(value) < 1e7:
        said = f"{value:,.0f}"
    else:
        said = number(value, 4) if 1e-3 <= abs(value) < 1e7 else f"{value:.4g}"
    return f"{said} {unit}".rstrip()


def told(column: str, step: Step, depth: int | None) -> list[Block]:
    """The tree as blocks for a terminal; `depth` levels of it, all of them for None."""
    known = metric(column)
    lines = list(_lines(step, depth))
    left = "" if depth is None else _left(step, depth)
    blocks: list[Block] = [
        Heading(f"{known.label}: {cell(known, _whole(step.value))}", 1),
        Text(known.help),
        Text("\n".join(lines)),
    ]
    return [*blocks, Text(left, "quiet")] if left else blocks


def _whole(value: float) -> float | int:
    return int(value) if math.isfinite(value) and value == int(value) else value


def _lines(step: Step, depth: int | None) -> Iterator[str]:
    seen: set[int] = set()

    def walk(one: Step, name: str, bars: str, branch: str, level: int) -> Iterator[str]:
        again = id(one) in seen and bool(one.inputs)
        # What adds nothing needs no reason at a glance.
        closed = depth is not None and (level >= depth or not one.value) and bool(one.inputs)
        how = "(as above)" if again else f"= {one.formula}" if one.formula else f"[{one.source}]"
        more = " ..." if closed and not again else ""
        yield f"{bars}{branch}{name} {value_of(one)} {how}{more}"
        seen.add(id(one))
        if again or closed:
            return
        below = bars + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        inputs = list(one.inputs.items())
        for at, (label, inner) in enumerate(inputs):
            yield from walk(inner, label, below, "└─ " if at == len(inputs) - 1 else "├─ ", level + 1)

    return walk(step, step.name, "", "", 0)


def _left(step: Step, depth: int) -> str:
    total = len(list(_lines(step, None)))
    shown = len(list(_lines(step, depth)))
    return f"{total - shown} lines lie deeper; --depth all shows them." if total > shown else ""


def markdown(column: str, step: Step, depth: int | None) -> str:
    """The same as nested lists."""
    known = metric(column)
    lines = [f"## {safe(known.label)}: {safe(cell(known, _whole(step.value)))}", "", safe(known.help), ""]
    seen: set[int] = set()

    def walk(one: Step, name: str, level: int) -> None:
        again = id(one) in seen and bool(one.inputs)
        how = "as above" if again else f"= `{one.formula}`" if one.formula else f"({safe(one.source)})"
        lines.append(f"{'  ' * level}- `{name}` {value_of(one)} {how}")
        seen.add(id(one))
        if not again and (depth is None or level < depth):
            for label, inner in one.inputs.items():
                walk(inner, label, level + 1)

    walk(step, step.name, 0)
    return "\n".join(lines) + "\n"


def document(scenario: str, column: str, step: Step) -> dict[str, Any]:
    """The JSON object (`capplan.derivation/1`): every step once, inputs by their number.

    A formula is an expression over the names of its inputs with + - * / ** and the functions max, min, clip, floor,
    ceil, round, exp, log, log1p, expm1, sqrt, square, abs, sign and floor_int (towards 0).
    """
    order: dict[int, int] = {}
    steps: list[Any] = []

    def add(one: Step) -> int:
        if id(one) not in order:
            inputs = {name: add(inner) for name, inner in one.inputs.items()}
            order[id(one)] = len(steps)
            value = one.value if math.isfinite(one.value) else str(one.value)
            steps.append({
                "name": one.name, "value": value, "unit": unit_of(one.name) or None,
                "formula": one.formula or None, "inputs": inputs, "source": one.source or None, "where": one.where,
            })  # fmt: skip
        return order[id(one)]

    root = add(step)
    return {"schema": SCHEMA, "scenario": scenario, "metric": column, "value": step.value, "root": root, "steps": steps}


def to_json(scenario: str, column: str, step: Step) -> str:
    """The object as indented JSON."""
    return json.dumps(document(scenario, column, step), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
