"""Cumulative distributions as an SVG chart: what share of the requests took at most so long."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence

COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee")
WIDTH, HEIGHT, LEFT, TOP, LEGEND = 640, 360, 60, 40, 20
Place = Callable[[float], float]
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


def distribution_chart(title: str, quantiles_s: Mapping[str, Sequence[float]]) -> str:
    """One stepless curve a name, on a logarithmic axis of seconds.

    quantiles_s: seconds at equal distances in share from 0 to 1, rising, at least two of them; zeros are drawn at the
    left edge.
    """
    positive = [value for curve in quantiles_s.values() for value in curve if value > 0]
    low = math.floor(math.log10(min(positive))) if positive else 0
    high = max(math.ceil(math.log10(max(positive))) if positive else 1, low + 1)

    def x(seconds: float) -> float:
        place = (math.log10(seconds) - low) / (high - low) if seconds > 0 else 0.0
        return LEFT + WIDTH * min(max(place, 0.0), 1.0)

    def y(share: float) -> float:
        return TOP + HEIGHT * (1 - share)

    grid = "".join(
        f'<line x1="{LEFT}" y1="{y(share):.1f}" x2="{LEFT + WIDTH}" y2="{y(share):.1f}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        for share in SHARES
    )
    ticks = "".join(
        f'<line x1="{x(10.0**power):.1f}" y1="{TOP}" x2="{x(10.0**power):.1f}" y2="{TOP + HEIGHT}" stroke="#ddd"/>'
        f'<text x="{x(10.0**power):.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{10.0**power:g} s</text>'
        for power in range(low, high + 1)
    )
    curves = "".join(
        _curve(name, values, COLOURS[at % len(COLOURS)], at, x, y)
        for at, (name, values) in enumerate(quantiles_s.items())
    )
    width, height = LEFT + WIDTH + 40, TOP + HEIGHT + 40 + LEGEND * len(quantiles_s)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="22" font-size="14">{html.escape(title)}</text>{grid}{ticks}{curves}</svg>\n'
    )


def _curve(name: str, values: Sequence[float], colour: str, at: int, x: Place, y: Place) -> str:
    last = len(values) - 1
    points = " ".join(f"{x(value):.1f},{y(number / last):.1f}" for number, value in enumerate(values))
    below = TOP + HEIGHT + 40 + LEGEND * at
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<line x1="{LEFT}" y1="{below - 4}" x2="{LEFT + 24}" y2="{below - 4}" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{LEFT + 32}" y="{below}">{html.escape(name)}</text>'
    )
