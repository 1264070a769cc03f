"""Laws of lengths cut into buckets, and buckets mixed: what a pool sees that takes requests of some lengths only."""

import math
from collections.abc import Sequence

from capplan.scenario.length import Length, z_score

# Quantiles that a cut law is kept by, and the equal shares at which it is drawn for that.
_KEPT = (0.5, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9)
_DRAWN = 2000
_HALVINGS = 60


def quantile_tokens(length: Length, share: float) -> float:
    """Length that a share of the requests does not exceed, 0 < share < 1."""
    if length.law == "constant":
        return length.mean_tokens
    if length.law == "lognormal":
        return math.exp(length.mu + length.sigma * z_score(share))
    return min(length.at(share), length.maximum_tokens)


def share_up_to(length: Length, tokens: float) -> float:
    """Share of the requests that are no longer than `tokens`.

    >>> even = Length("lognormal", (("p50", 1000.0), ("p99", 8000.0)))
    >>> round(share_up_to(even, 1000.0), 6)
    0.5
    """
    low, high = 1e-9, 1 - 1e-9
    if quantile_tokens(length, high) <= tokens:
        return 1.0
    if quantile_tokens(length, low) > tokens:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if quantile_tokens(length, middle) <= tokens else (low, middle)
    return low


def mixed(length: Length, parts: Sequence[tuple[float, float, float]]) -> Length:
    """The law of requests of which each of some slices gives a share. parts: weight, and the shares (from, to) of the
    whole law between which the slice lies.

    >>> upper = mixed(Length("quantiles", (("p50", 100.0), ("p99", 1000.0))), [(1.0, 0.5, 1.0)])
    >>> upper.parameter("p50") > 100, upper.mean_tokens > 100
    (True, True)
    """
    if length.law == "constant":
        return length
    whole = sum(weight for weight, _, _ in parts)
    drawn: list[float] = []
    for weight, low, high in parts:
        count = max(round(_DRAWN * weight / whole), 1 if weight > 0 else 0)
        drawn += [quantile_tokens(length, low + (at + 0.5) / count * (high - low)) for at in range(count)]
    drawn.sort()
    points = {f"p{percent:g}": drawn[min(int(percent / 100 * len(drawn)), len(drawn) - 1)] for percent in _KEPT}
    # Where a mean was measured beside the quantiles, the parts add up to it as near as their ends allow.
    mean = min(max(sum(drawn) / len(drawn) * _stretched(length), drawn[0]), drawn[-1])
    return Length("quantiles", (*points.items(), ("mean", mean), ("max", drawn[-1])))


def _stretched(length: Length) -> float:
    """The mean that was given over the one that the quantiles imply."""
    implied = sum(quantile_tokens(length, (at + 0.5) / _DRAWN) for at in range(_DRAWN)) / _DRAWN
    return length.mean_tokens / implied
