"""Values of a JSON result as the cells of a points file: text, empty for what is missing or no number."""

import math
from collections.abc import Mapping
from typing import Any


def cell(value: object) -> str:
    """A value as text; numbers keep every digit.

    >>> cell(0.1), cell(None), cell(float("nan")), cell(8.0), cell(True)
    ('0.1', '', '', '8', '1')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def quotient(above: object, below: object) -> str:
    """above / below as a cell, empty where either is missing or below is zero.

    >>> quotient(10, 4), quotient(10, None)
    ('2.5', '')
    """
    if not isinstance(above, int | float) or not isinstance(below, int | float) or not below:
        return ""
    return cell(above / below)


def scaled(value: object, factor: float) -> str:
    """value x factor as a cell, empty where it is no number."""
    return cell(value * factor) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def dig(tree: Any, *keys: str) -> Any:
    """A value some mappings deep, None where one of them is missing.

    >>> dig({"a": {"b": 1}}, "a", "b"), dig({}, "a", "b")
    (1, None)
    """
    for key in keys:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(key)
    return tree


def row(**cells: object) -> dict[str, str]:
    """A row of the cells that are filled."""
    texts = {name: cell(value) for name, value in cells.items()}
    return {name: text for name, text in texts.items() if text}
