"""One chart: its data, what it is called, and the kind of drawing that it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from capplan.records import dataclass

Row = Mapping[str, Any]


class Mark(Protocol):
    """A kind of drawing (`marks/`), which reads the fields that it is told to."""

    def drawing(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Vega-Lite without data, title and theme: a mark with its encoding, or layers of them."""

    def strips(self, rows: Sequence[Row]) -> Strips | None:
        """The same for a terminal; None where text cannot show it."""


@dataclass(frozen=True)
class Chart:
    """One chart.

    name: for files and links. summary: what it shows, for those who do not see it. rows: the data, fields named as
    people call them, because they head the axes. in_tables: whether a terminal draws it below the table.
    """

    name: str
    title: str
    summary: str
    rows: tuple[Row, ...]
    mark: Mark
    in_tables: bool = False


@dataclass(frozen=True)
class Strip:
    """One line of a chart in a terminal.

    value: its amount in words. bar: (from, to) filled. span: (from, to) of an interval. marks: letters at amounts.
    """

    label: str
    value: str = ""
    bar: tuple[float, float] | None = None
    span: tuple[float, float] | None = None
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Strips:
    """Lines on one scale. axis: what the scale measures. legend: what the letters stand for, '' without any."""

    axis: str
    lines: tuple[Strip, ...]
    log: bool = False
    legend: str = ""
