"""Predicted against measured as an SVG scatter plot on logarithmic axes, one colour a source."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from capplan.measured.observed import THROUGHPUT, quantity_of
from capplan.measured.score import PRIMARY, Accuracy, Pair

SIDE, MARGIN, GAP = 420, 60, 40
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#666666", "#ee8866", "#000000")


def scatter(scores: Accuracy) -> str:
    """Two panels of the primary metric, throughputs and times; full line: equal, dashed: 20 % off."""
    pairs = [pair for pair in scores.pairs if pair.metric == PRIMARY and pair.predicted]
    sources = sorted({pair.labels.source for pair in pairs})
    colour = {source: COLOURS[at % len(COLOURS)] for at, source in enumerate(sources)}
    panels = [
        ("output tokens/s", [pair for pair in pairs if quantity_of(pair.column) == THROUGHPUT]),
        ("time in s", [pair for pair in pairs if quantity_of(pair.column) != THROUGHPUT]),
    ]
    shown = [(title, members) for title, members in panels if members]
    width = max(1, len(shown)) * (SIDE + MARGIN + GAP) + GAP
    height = SIDE + 2 * MARGIN + 18 * len(sources)
    body = "".join(
        _panel(title, members, colour, MARGIN + at * (SIDE + MARGIN + GAP)) for at, (title, members) in enumerate(shown)
    )
    legend = "".join(
        f'<circle cx="{MARGIN + 8}" cy="{SIDE + 2 * MARGIN + 18 * at}" r="4" fill="{colour[source]}"/>'
        f'<text x="{MARGIN + 20}" y="{SIDE + 2 * MARGIN + 4 + 18 * at}">{html.escape(source)}</text>'
        for at, source in enumerate(sources)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>{body}{legend}</svg>\n'
    )


def _panel(title: str, pairs: Sequence[Pair], colour: dict[str, str], left: float) -> str:
    values = [value for pair in pairs for value in (pair.measured, pair.predicted or pair.measured)]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def x(value: float) -> float:
        return left + SIDE * (math.log10(value) - low) / (high - low)

    def y(value: float) -> float:
        return MARGIN + SIDE - SIDE * (math.log10(value) - low) / (high - low)

    ends = (10.0**low, 10.0**high)
    lines = "".join(
        f'<line x1="{x(ends[0]):.1f}" y1="{_within(y(ends[0] * k)):.1f}" x2="{x(ends[1]):.1f}" '
        f'y2="{_within(y(ends[1] * k)):.1f}" stroke="#999" stroke-dasharray="{dash}"/>'
        for k, dash in ((1.0, "none"), (1.2, "4 4"), (1 / 1.2, "4 4"))
    )
    ticks = "".join(
        f'<text x="{x(10.0**power):.1f}" y="{MARGIN + SIDE + 16}" text-anchor="middle">{_power(power)}</text>'
        f'<text x="{left - 6}" y="{y(10.0**power) + 4:.1f}" text-anchor="end">{_power(power)}</text>'
        for power in range(low, high + 1)
    )
    points = "".join(
        f'<circle cx="{x(pair.measured):.1f}" cy="{y(pair.predicted or pair.measured):.1f}" r="1.6" '
        f'fill="{colour[pair.labels.source]}" fill-opacity="0.5"/>'
        for pair in pairs
    )
    frame = f'<rect x="{left}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#333"/>'
    label = f'<text x="{left}" y="{MARGIN - 12}">predicted (up) against measured (right), {html.escape(title)}</text>'
    return frame + lines + ticks + label + points


def _within(y: float) -> float:
    return min(max(y, MARGIN), MARGIN + SIDE)


def _power(power: int) -> str:
    return f"{10.0**power:g}"
