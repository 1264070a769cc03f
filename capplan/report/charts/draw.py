"""Charts as pictures, made without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from capplan.errors import UserError

from .chart import Chart
from .vega import spec

SUFFIXES = (".svg", ".png")


def svg(chart: Chart) -> str:
    """The chart as SVG text; raises UserError where the charts extra is not installed."""
    text: str = _converter().vegalite_to_svg(spec(chart))
    return text


def png(chart: Chart) -> bytes:
    """The chart as PNG, two pixels a point; raises as `svg`."""
    image: bytes = _converter().vegalite_to_png(spec(chart), scale=2)
    return image


def picture(chart: Chart, file: Path) -> bytes:
    """What a file of that suffix holds."""
    return png(chart) if file.suffix.lower() == ".png" else svg(chart).encode()


def drawable() -> bool:
    """Whether charts can be drawn here."""
    try:
        _converter()
    except UserError:
        return False
    return True


def _converter() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise UserError("charts need the charts extra: pip install 'capplan[charts]'") from None
    return vl_convert
