"""Lines over a common axis, one a value of a field; in a terminal a letter each, one strip a place on the axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from capplan.records import dataclass

from ...show import count
from ..chart import Row, Strip, Strips
from ..strips import picked
from ..vega import HEIGHT, INK, amounts, shares, tooltip, words

_MOST = 14
_LETTERS = "ox+svw"


@dataclass(frozen=True)
class Lines:
    """by: the field whose values are the lines. points: whether places on a line are marked.

    upright: an x that matters, and what it is. shares: where y is a share of 0 to 1, those that a terminal shows one
    under another, with x along the strip.
    """

    x: str
    y: str
    by: str
    log_x: bool = False
    log_y: bool = False
    points: bool = True
    shares: tuple[float, ...] = ()
    upright: tuple[float, str] | None = None

    def drawing(self, rows: Sequence[Row]) -> dict[str, Any]:
        across = amounts(self.x, self.log_x, zero=False, axis={"grid": False})
        up = shares(self.y) if self.shares else amounts(self.y, self.log_y)
        series = {
            "color": words(self.by, legend={"symbolType": "stroke", "symbolSize": 300}),
            "strokeDash": words(self.by),
        }
        shape = {"shape": words(self.by, legend=None)} if self.points else {}
        line = {"type": "line", "tooltip": True, "strokeWidth": 2}
        mark = {**line, "point": {"filled": True, "size": 70, "opacity": 1.0}} if self.points else line
        drawn = {"mark": mark, "encoding": {"x": across, "y": up, **series, **shape, "tooltip": tooltip(rows[0])}}
        return {**(drawn if self.upright is None else {"layer": [drawn, *self._upright(*self.upright)]}),
                "height": HEIGHT}  # fmt: skip

    def _upright(self, place: float, said: str) -> list[dict[str, Any]]:
        at = {"x": {"datum": place}}
        one: dict[str, Any] = {"values": [{}]}
        told = {"type": "text", "align": "left", "dx": 6, "fontSize": 12, "color": INK, "y": HEIGHT - 10, "text": said,
                "description": said}  # fmt: skip
        rule = {"type": "rule", "strokeDash": [4, 4], "color": "#888888", "aria": False}
        return [{"data": one, "mark": rule, "encoding": at}, {"data": one, "mark": told, "encoding": at}]

    def strips(self, rows: Sequence[Row]) -> Strips:
        names = list(dict.fromkeys(str(row[self.by]) for row in rows))
        letters = dict(zip(names, _LETTERS, strict=False))
        over, along, log = (self.y, self.x, self.log_x) if self.shares else (self.x, self.y, self.log_y)
        places = [
            place for place in dict.fromkeys(row[over] for row in rows) if not self.shares or place in self.shares
        ]
        lines = []
        for place in picked(places, _MOST):
            at = [(float(row[along]), letters[str(row[self.by])]) for row in rows
                  if row[over] == place and str(row[self.by]) in letters]  # fmt: skip
            label = f"{100 * place:.0f} %" if self.shares else count(float(place))
            lines.append(Strip(label, marks=tuple(one for one in at if one[0] > 0 or not log)))
        legend = "   ".join(f"{letter} {name}" for name, letter in letters.items())
        return Strips(along, tuple(line for line in lines if line.marks), log, legend)
