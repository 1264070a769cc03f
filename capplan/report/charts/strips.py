"""A chart as lines of text: right without colour, in a pipe and at 80 columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from ..show import number
from .chart import Chart, Strip, Strips

WIDTH = 80
T = TypeVar("T")
_LEAST, _MOST = 24, 44
_HALF, _FULL = "▌", "█"


def text(chart: Chart, width: int | None = None) -> str:
    """Title, then one strip a line; '' where text cannot show the chart.

    Below them the ends of their scale, unless amounts are told in words. Labels that leave a strip no room stand on a
    line of their own.
    """
    strips = chart.mark.strips(chart.rows)
    if strips is None or not strips.lines:
        return ""
    room = min(width or WIDTH, WIDTH)
    label, value = (max(map(len, column)) for column in zip(*((s.label, s.value) for s in strips.lines), strict=True))
    own_line = label + value + _LEAST + 6 > room
    left = 4 if own_line else label + 4
    cells = max(_LEAST, min(_MOST, room - left - value - 2))
    low, high = _ends(strips)
    place = _scale(low, high, strips.log, cells)
    lines = [chart.title]
    for one in strips.lines:
        drawn = f"{_drawn(one, place, cells):<{cells}}  {one.value:>{value}}".rstrip()
        lines += [f"  {one.label}", f"    {drawn}"] if own_line else [f"  {one.label:<{label}}  {drawn}".rstrip()]
    ends = (_said(low), _said(high))
    axis = strips.axis + (", logarithmic" if strips.log else "")
    if value == 0:  # amounts that are told in words need no scale
        lines.append(f"{'':<{left}}{ends[0]}{axis:^{cells - len(ends[0]) - len(ends[1])}}{ends[1]}")
    legend = strips.legend + ("   * several" if any("*" in line for line in lines[1:]) else "")
    return "\n".join([*lines, *([f"{'':<{left}}{legend}"] if legend else [])])


def _drawn(one: Strip, place: Callable[[float], float], cells: int) -> str:
    line = [" "] * cells
    if one.bar is not None:
        start, end = (place(amount) for amount in one.bar)
        line[round(start) : int(end)] = _FULL * (int(end) - round(start))
        if end - int(end) >= 0.5 and int(end) < cells:
            line[int(end)] = _HALF
        if end > 0 and not "".join(line).strip():
            line[0] = _HALF
    if one.span is not None:
        start, end = (_cell(place(amount), cells) for amount in sorted(one.span))
        line[start : end + 1] = "-" * (end + 1 - start)
        line[start] = line[end] = "|"
    for amount, letter in one.marks:
        at = _cell(place(amount), cells)
        line[at] = letter if line[at] in " -|" else "*"
    return "".join(line)


def _cell(place: float, cells: int) -> int:
    return max(0, min(cells - 1, int(place)))


def _ends(strips: Strips) -> tuple[float, float]:
    """The scale: from nothing for bars, else round numbers around all that is shown."""
    if any(one.bar for one in strips.lines):
        return 0.0, max(max(one.bar) for one in strips.lines if one.bar)
    shown = [value for one in strips.lines for value in (*(one.span or ()), *(at for at, _ in one.marks))]
    if strips.log:
        low, high = math.log10(min(shown)), math.log10(max(shown))
        return 10 ** math.floor(low), 10 ** max(math.ceil(high), math.floor(low) + 1)
    step = 10 ** math.floor(math.log10(max(max(shown) - min(shown), 1e-9))) / 2
    low, high = step * math.floor(min(shown) / step), step * math.ceil(max(shown) / step)
    return (low, high) if high > low else (low, low + 1.0)


def _scale(low: float, high: float, log: bool, cells: int) -> Callable[[float], float]:
    def linear(value: float) -> float:
        return cells * (value - low) / (high - low) if high > low else 0.0

    def logarithmic(value: float) -> float:
        return cells * math.log10(max(value, low) / low) / math.log10(high / low)

    return logarithmic if log else linear


def _said(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else number(value)


def picked(rows: Sequence[T], most: int) -> list[T]:
    """At most so many, evenly, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[round(at * (len(rows) - 1) / (most - 1))] for at in range(most)]
