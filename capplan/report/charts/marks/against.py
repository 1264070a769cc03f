"""What was predicted against what was measured, one panel a quantity; full line: equal, dashed: 20 % off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from capplan.records import dataclass

from ..chart import Row
from ..vega import amounts, tooltip, words

_SIDE, _OFF = 420, 1.2


@dataclass(frozen=True)
class Against:
    """Both axes are logarithmic and alike. by: the field of the colour. panel: the field whose values part the rows."""

    measured: str
    predicted: str
    by: str
    panel: str

    def drawing(self, rows: Sequence[Row]) -> dict[str, Any]:
        panels = dict.fromkeys(row[self.panel] for row in rows)
        return {"hconcat": [self._panel([row for row in rows if row[self.panel] == one], one) for one in panels]}

    def _panel(self, rows: Sequence[Row], title: str) -> dict[str, Any]:
        values = [row[name] for row in rows for name in (self.measured, self.predicted)]
        ends = {"domain": [min(values) / _OFF, max(values) * _OFF], "nice": True}
        x = amounts(self.measured, log=True, told="1", title=f"measured, {title}")
        y = amounts(self.predicted, log=True, told="1", title=f"predicted, {title}")
        x["scale"] |= ends
        y["scale"] |= ends
        lines = [
            {"data": {"values": [{"x": end, "y": end * factor} for end in (min(values), max(values))]},
             "mark": {"type": "line", "color": "#999999", "strokeDash": dash},
             "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}}}
            for factor, dash in ((1.0, [1, 0]), (_OFF, [4, 4]), (1 / _OFF, [4, 4]))
        ]  # fmt: skip
        points = {
            "transform": [{"filter": {"field": self.panel, "equal": title}}],
            "mark": {"type": "point", "filled": True, "size": 24, "tooltip": True, "opacity": 0.5},
            "encoding": {"x": x, "y": y, "color": words(self.by), "shape": words(self.by), "tooltip": tooltip(rows[0])},
        }
        return {"layer": [*lines, points], "width": _SIDE, "height": _SIDE}

    def strips(self, rows: Sequence[Row]) -> None:
        return None
