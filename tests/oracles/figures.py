"""Figures of the files of `configs/` as pint quantities, and the two curves that the formulas share."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pint
import yaml

import capplan

CONFIGS = Path(__file__).parents[2] / "configs"
U = pint.UnitRegistry(str(Path(capplan.__file__).with_name("units.txt")), cache_folder=None)
Q = U.Quantity


@cache
def entry(path: str) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load((CONFIGS / f"{path}.yaml").read_text("utf-8"))
    return tree


def figure(value: Any) -> Any:
    """A figure of a file as a quantity; `{is: ..., from: ...}` by its value."""
    return _quantity(str(value["is"] if isinstance(value, dict) else value))


@cache
def _quantity(text: str) -> Any:
    if text.endswith("%"):
        return Q(float(text[:-1]) / 100)
    return Q(re.sub(r"(?<=[0-9]) (?=[A-Za-z])", " * ", text))


def smooth(a: Any, b: Any, sharpness: float) -> Any:
    """(a^p + b^p)^(1/p) of two times."""
    high, low = max(a, b), min(a, b)
    return high * (1 + (low / high).to("").m ** sharpness) ** (1 / sharpness)


def interpolated(x: float, xs: list[float], ys: list[float]) -> float:
    """Straight lines between the points, level beyond them."""
    if x <= xs[0] or x >= xs[-1]:
        return ys[0] if x <= xs[0] else ys[-1]
    right = next(i for i, known in enumerate(xs) if known >= x)
    part = (x - xs[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + part * (ys[right] - ys[right - 1])
