"""Charts as Vega-Lite specifications, drawn to SVG or PNG without a browser.

Every mark says its values in words, which the page shows under the pointer and screen readers read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from capplan.errors import UserError

# Colour-blind safe: P. Tol, "Colour Schemes", SRON/EPS/TN/09-002, 2021, scheme "bright".
COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee")
_CONFIG = {
    "background": None, "font": "system-ui, sans-serif",
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "legend": {"labelFontSize": 12, "titleFontSize": 12}, "range": {"category": list(COLOURS)},
    "view": {"stroke": None},
}  # fmt: skip
_WIDTH, _HEIGHT = 620, 300


@dataclass(frozen=True)
class Chart:
    """One chart. name: for files and links. summary: what it shows, for those who do not see it."""

    name: str
    title: str
    summary: str
    spec: Mapping[str, Any]


def svg(chart: Chart) -> str:
    """The chart as SVG text; raises UserError where the charts extra is not installed."""
    text: str = _converter().vegalite_to_svg(dict(chart.spec))
    return text


def png(chart: Chart) -> bytes:
    """The chart as PNG on white, two pixels a point; raises as `svg`."""
    spec = {**chart.spec, "config": {**_CONFIG, "background": "white"}}
    image: bytes = _converter().vegalite_to_png(spec, scale=2)
    return image


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


def lines(
    name: str, title: str, summary: str, rows: Sequence[Mapping[str, Any]], x: str, y: str, by: str, log: bool = False
) -> Chart:
    """Lines with points over `x`, one a value of `by`."""
    kind: dict[str, Any] = {"scale": {"type": "log"}} if log else {}
    return _chart(name, title, summary, rows, {"type": "line", "point": {"size": 60}}, {
        "x": {"field": x, "type": "quantitative", "axis": {"grid": False}, **kind},
        "y": {"field": y, "type": "quantitative", **kind},
        "color": {"field": by, "type": "nominal", "sort": None},
    })  # fmt: skip


def bars(name: str, title: str, summary: str, rows: Sequence[Mapping[str, Any]], what: str, amount: str) -> Chart:
    """Lying bars, in the order of the rows."""
    return _chart(name, title, summary, rows, {"type": "bar", "color": COLOURS[0]}, {
        "y": {"field": what, "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 260}},
        "x": {"field": amount, "type": "quantitative"},
    }, height={"step": 26})  # fmt: skip


def spans(
    name: str, title: str, summary: str, rows: Sequence[Mapping[str, Any]], what: str, low: str, high: str
) -> Chart:
    """Lying bars from one amount to another: a tornado."""
    return _chart(name, title, summary, rows, {"type": "bar", "color": COLOURS[0]}, {
        "y": {"field": what, "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 260}},
        "x": {"field": low, "type": "quantitative", "scale": {"zero": False}}, "x2": {"field": high},
    }, height={"step": 26})  # fmt: skip


def points(name: str, title: str, summary: str, rows: Sequence[Mapping[str, Any]], x: str, y: str, by: str) -> Chart:
    """Points, one colour a value of `by`."""
    return _chart(name, title, summary, rows, {"type": "point", "filled": True, "size": 70}, {
        "x": {"field": x, "type": "quantitative", "scale": {"type": "log"}, "axis": {"grid": False}},
        "y": {"field": y, "type": "quantitative", "scale": {"zero": False}},
        "color": {"field": by, "type": "nominal", "sort": None},
    })  # fmt: skip


def _chart(
    name: str, title: str, summary: str, rows: Sequence[Mapping[str, Any]], mark: Mapping[str, Any],
    encoding: Mapping[str, Any], height: Any = _HEIGHT,
) -> Chart:  # fmt: skip
    fields = [{"field": one, "type": "nominal"} for one in rows[0]] if rows else []
    spec: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": [dict(row) for row in rows]},
        "mark": {"tooltip": True, **mark},
        "encoding": {**encoding, "tooltip": fields},
        "width": _WIDTH,
        "height": height,
        "config": _CONFIG,
    }
    return Chart(name, title, summary, spec)
