"""Points on two axes, one colour and shape a value of a field, with the interval of each where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from capplan.records import dataclass

from ..chart import Row
from ..vega import HEIGHT, amounts, shares, tooltip, words


@dataclass(frozen=True)
class Points:
    """x is logarithmic.

    by: the field of colour and shape. best: the field that is `yes` in rows that are joined by a line and solid, and
    `no` in those that are pale. percent: y is a share.
    """

    x: str
    y: str
    by: str
    best: str
    percent: bool = False

    def drawing(self, rows: Sequence[Row]) -> dict[str, Any]:
        across = amounts(self.x, log=True, axis={"grid": False})
        up = shares(self.y, zero=False) if self.percent else amounts(self.y, zero=False)
        shown = {"value": 1.0, "condition": {"test": f"datum['{self.best}'] == 'no'", "value": 0.3}}
        joined = {"x": across, "y": up}
        series = {"color": words(self.by), "shape": words(self.by)}
        return {
            "layer": [
                {"transform": [{"filter": f"datum['{self.best}'] == 'yes'"}],
                 "mark": {"type": "line", "interpolate": "step-after", "color": "#999999", "strokeDash": [4, 3]},
                 "encoding": joined},
                {"mark": {"type": "point", "filled": True, "size": 70, "tooltip": True},
                 "encoding": {**joined, **series, "opacity": shown, "tooltip": tooltip(rows[0])}},
            ],
            "height": HEIGHT,
        }  # fmt: skip

    def strips(self, rows: Sequence[Row]) -> None:
        return None
