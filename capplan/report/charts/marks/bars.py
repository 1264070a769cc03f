"""Lying bars in the order of the rows, of one amount or of several stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from capplan.records import dataclass

from ...show import count
from ..chart import Row, Strip, Strips
from ..vega import BAR, INK, amounts, tooltip, words


@dataclass(frozen=True)
class Bars:
    """what: the field that names a bar. amount: what its length is. parts: fields that make it up; itself alone."""

    what: str
    amount: str
    parts: tuple[str, ...] = ()

    def drawing(self, rows: Sequence[Row]) -> dict[str, Any]:
        encoding = {"y": words(self.what, title=None), "x": amounts(self.amount)}
        made: dict[str, Any] = {"mark": {"type": "bar", "tooltip": True}, "height": {"step": BAR}}
        if not self.parts:
            said = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": INK, "aria": False}
            text = {"field": self.amount, "type": "quantitative", "format": ",.0f"}
            bar = {"mark": made["mark"], "encoding": {"tooltip": tooltip(rows[0])}}
            layers = [bar, {"mark": said, "encoding": {"text": text}}]
            return {"height": made["height"], "encoding": encoding, "layer": layers}
        shown = {self.what: rows[0][self.what], "of": "", self.amount: 0.0}
        stack = {**encoding, "color": words("of"), "tooltip": tooltip(shown)}
        return {**made, "transform": [{"fold": list(self.parts), "as": ["of", self.amount]}], "encoding": stack}

    def strips(self, rows: Sequence[Row]) -> Strips:
        return Strips(self.amount, tuple(
            Strip(str(row[self.what]), count(float(self._length(row))), bar=(0.0, self._length(row))) for row in rows
        ))  # fmt: skip

    def _length(self, row: Row) -> float:
        return float(sum(row[name] for name in self.parts or (self.amount,)))
