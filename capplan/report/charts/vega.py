"""Charts as Vega-Lite specifications under one theme.

Every mark says its values in words, which a page shows under the pointer and screen readers read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .chart import Chart, Row

# Colour-blind safe: P. Tol, "Colour Schemes", SRON/EPS/TN/09-002, 2021, scheme "bright".
COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee", "#888888", "#ee8866")
WIDTH, HEIGHT, BAR = 620, 300, 26
INK, _GRID = "#333333", "#d9d9d9"
_AXIS = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 10, "labelLimit": 300,
         "gridColor": _GRID, "domainColor": "#888888", "tickColor": "#888888", "labelColor": INK,
         "titleColor": INK}  # fmt: skip
THEME: Mapping[str, Any] = {
    "background": "white",
    "padding": 12,
    "font": "system-ui, sans-serif",
    "title": {"anchor": "start", "fontSize": 15, "fontWeight": 600, "offset": 14, "color": INK},
    "axis": _AXIS,
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "title": None, "orient": "bottom", "labelLimit": 400,
               "labelColor": INK, "symbolSize": 90},
    "header": {"labelFontSize": 12, "title": None, "labelColor": INK},
    "range": {"category": list(COLOURS)},
    "view": {"stroke": None},
    "bar": {"color": COLOURS[0]},
}  # fmt: skip


def spec(chart: Chart) -> dict[str, Any]:
    """The specification, data and theme included."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": chart.title,
        "description": chart.summary,
        "data": {"values": [{name: _plain(value) for name, value in row.items()} for row in chart.rows]},
        "width": WIDTH,
        **chart.mark.drawing(chart.rows),
        "config": dict(THEME),
    }


_LEADING = "round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))"
_SAID = "datum.value == 0 ? '0' : abs(datum.value) < 1 ? format(datum.value, '~g') : format(datum.value, '~s')"


def _logarithmic(told: str) -> dict[str, Any]:
    """Of the many ticks of a logarithmic axis those whose first digit is told."""
    test = f"indexof([{told}], {_LEADING}) >= 0"
    shown = {"condition": {"test": test, "value": 1}, "value": 0}
    return {"gridOpacity": shown, "tickOpacity": shown, "labelExpr": f"{test} ? ({_SAID}) : ''"}


def amounts(name: str, log: bool = False, zero: bool = True, told: str = "1, 2, 5", **more: Any) -> dict[str, Any]:
    """A channel of numbers: few ticks, with SI endings above 1, on a linear or logarithmic scale."""
    scale: dict[str, Any] = {"type": "log", "nice": False, "padding": 12} if log else {"zero": zero}
    axis = {**(_logarithmic(told) if log else {"tickCount": 6, "labelExpr": _SAID}), **more.pop("axis", {})}
    return {"field": name, "type": "quantitative", "scale": scale, "axis": axis, **more}


def shares(name: str, zero: bool = True) -> dict[str, Any]:
    """A channel of shares from 0 to 1, in per cent."""
    scale = {"zero": zero}
    return {"field": name, "type": "quantitative", "scale": scale, "axis": {"format": ".0%", "tickCount": 6}}


def words(name: str, **more: Any) -> dict[str, Any]:
    """A channel of names, in the order of the rows."""
    return {"field": name, "type": "nominal", "sort": None, **more}


def tooltip(row: Row) -> list[dict[str, Any]]:
    """Every field of a row with its value."""
    return [
        {"field": name, "type": "quantitative", "format": ",.12~r"} if _number(value) else words(name)
        for name, value in row.items()
    ]


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """Numbers as a reader wants them said: whole from 1,000 on, else four digits."""
    if not _number(value) or not math.isfinite(value):
        return value
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")
