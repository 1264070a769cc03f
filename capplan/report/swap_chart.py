"""Self-hosting against an API as an SVG chart: what both cost a month over the volume, and where they swap places."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

WIDTH, HEIGHT, LEFT, TOP = 640, 360, 90, 40
FLEET, API = "#4477aa", "#ee6677"


def swap_chart(title: str, points: Sequence[tuple[float, float, float]], stays: float | None) -> str:
    """Two curves on logarithmic axes.

    points: (queries a month, fleet USD a month, API USD a month), all above 0, volumes rising. stays: the volume from
    which the fleet stays cheaper, drawn as an upright line.
    """
    volumes = [point[0] for point in points]
    money = [value for point in points for value in point[1:]]
    across, up = _decades(volumes), _decades(money)

    def x(value: float) -> float:
        return LEFT + WIDTH * (math.log10(value) - across[0]) / (across[1] - across[0])

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - (math.log10(value) - up[0]) / (up[1] - up[0]))

    grid = "".join(
        f'<line x1="{x(10.0**p):.1f}" y1="{TOP}" x2="{x(10.0**p):.1f}" y2="{TOP + HEIGHT}" stroke="#ddd"/>'
        f'<text x="{x(10.0**p):.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{10**p:,}</text>'
        for p in range(across[0], across[1] + 1)
    ) + "".join(
        f'<line x1="{LEFT}" y1="{y(10.0**p):.1f}" x2="{LEFT + WIDTH}" y2="{y(10.0**p):.1f}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y(10.0**p) + 4:.1f}" text-anchor="end">{10**p:,}</text>'
        for p in range(up[0], up[1] + 1)
    )
    fleet = _path([(x(v), y(usd)) for v, usd, _ in points], FLEET)
    api = _path([(x(v), y(usd)) for v, _, usd in points], API)
    mark = ""
    if stays is not None and volumes[0] <= stays <= volumes[-1]:
        mark = (
            f'<line x1="{x(stays):.1f}" y1="{TOP}" x2="{x(stays):.1f}" y2="{TOP + HEIGHT}" stroke="#333" '
            f'stroke-dasharray="4 4"/><text x="{x(stays) + 6:.1f}" y="{TOP + HEIGHT - 8}">{stays:,.0f}</text>'
        )
    legend = (
        f'<text x="{LEFT}" y="{TOP + HEIGHT + 40}" fill="{FLEET}">self-hosting, USD a month</text>'
        f'<text x="{LEFT + 220}" y="{TOP + HEIGHT + 40}" fill="{API}">API, USD a month</text>'
        f'<text x="{LEFT + WIDTH}" y="{TOP + HEIGHT + 40}" text-anchor="end">queries a month</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{TOP + HEIGHT + 60}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="22" font-size="14">{html.escape(title)}</text>{grid}{fleet}{api}{mark}{legend}</svg>\n'
    )


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _path(points: Sequence[tuple[float, float]], colour: str) -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="2"/>'
