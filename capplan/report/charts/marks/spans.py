"""Intervals lying under one another: from low to high, with what lies between them marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from capplan.records import dataclass

from ..chart import Row, Strip, Strips
from ..vega import BAR, COLOURS, WIDTH, amounts, tooltip, words


@dataclass(frozen=True)
class Spans:
    """Intervals.

    what: the field that names an interval. low, high: its ends. points: fields marked on it, and their letters in a
    terminal. axis: what it measures. apart: each interval on a scale of its own.
    """

    what: str
    low: str
    high: str
    axis: str
    points: tuple[tuple[str, str], ...] = ()
    log: bool = False
    apart: bool = False

    def drawing(self, rows: Sequence[Row]) -> dict[str, Any]:
        if not self.apart:
            return {"layer": self._layers(rows), "height": {"step": BAR + 6}}
        panels = [
            {"layer": self._layers(rows), "width": WIDTH, "height": BAR + 6,
             "transform": [{"filter": {"field": self.what, "equal": row[self.what]}}]}
            for row in rows
        ]  # fmt: skip
        return {"vconcat": panels, "spacing": 26}

    def _layers(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        said = tooltip(rows[0])
        names = words(self.what, title=None)
        log = self.log and not self.apart
        ends = amounts(self.low, log, zero=False, title=self.axis)
        span = {"mark": {"type": "bar", "tooltip": True, "opacity": 0.45 if self.points else 1.0, "size": 14},
                "encoding": {"y": names, "x": ends, "x2": {"field": self.high}, "tooltip": said}}  # fmt: skip
        layers: list[dict[str, Any]] = [span]
        if self.points:
            place = {**amounts("at", log, zero=False), "title": self.axis}
            kinds = [name for name, _ in self.points]
            marked = {"y": names, "x": place, "shape": words("point"), "color": words("point"), "tooltip": said}
            layers.append({
                "transform": [{"fold": kinds, "as": ["point", "at"]}],
                "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1.0, "tooltip": True},
                "encoding": {**marked, "color": {**words("point"), "scale": {"range": list(COLOURS[1:])}}},
            })  # fmt: skip
        return layers

    def strips(self, rows: Sequence[Row]) -> Strips:
        lines = tuple(
            Strip(str(row[self.what]), span=(float(row[self.low]), float(row[self.high])),
                  marks=tuple((float(row[name]), letter) for name, letter in self.points))
            for row in rows
        )  # fmt: skip
        legend = "   ".join(f"{letter} {name}" for name, letter in self.points if letter not in "|")
        return Strips(self.axis, lines, self.log, legend)
