"""Charts as pictures, made without a browser."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from capplan.errors import UserError

from .chart import Chart
from .vega import spec

SUFFIXES = (".svg", ".png")
# Address space, of which next to none becomes memory, that the engine of the library reserves; it takes the program
# down where that is refused. Measured with vl-convert 1.9: 67.5 GB.
_RESERVED_BYTES = 68 << 30


def svg(chart: Chart) -> str:
    """The chart as SVG text; raises UserError where charts cannot be drawn: without the charts extra, under a limit."""
    text: str = _drawn(_converter().vegalite_to_svg, spec(chart))
    return text


def png(chart: Chart) -> bytes:
    """The chart as PNG, two pixels a point; raises as `svg`."""
    image: bytes = _drawn(partial(_converter().vegalite_to_png, scale=2), spec(chart))
    return image


def picture(chart: Chart, file: Path) -> bytes:
    """What a file of that suffix holds."""
    return png(chart) if file.suffix.lower() == ".png" else svg(chart).encode()


def lacking() -> str:
    """What is lacking here to draw charts, '' where they can be drawn."""
    try:
        _converter()
    except UserError as why:
        return str(why)
    return ""


def _converter() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise UserError("charts need the charts extra: pip install 'capplan[charts]'") from None
    if _address_space() < _RESERVED_BYTES:
        raise UserError(f"charts need {_RESERVED_BYTES >> 30} GiB of address space: lift `ulimit -v`")
    return vl_convert


def _address_space() -> float:
    """Bytes that the system lets this process reserve."""
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return math.inf
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return math.inf if most == resource.RLIM_INFINITY else most


def _drawn(draw: Callable[[dict[str, Any]], Any], chart: dict[str, Any]) -> Any:
    try:
        return draw(chart)
    except BaseException as wrong:
        # What goes wrong in the library's threads comes as a panic of its language, which is no Exception.
        if type(wrong).__module__ != "pyo3_runtime":
            raise
        raise UserError(f"the chart cannot be drawn here ({' '.join(str(wrong).split())[:200]})") from None
