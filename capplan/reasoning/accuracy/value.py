"""An accuracy with its interval and how it is known."""

from collections.abc import Callable

import numpy as np

from capplan.reasoning.normal import Array, Values
from capplan.reasoning.range import SAME, Range
from capplan.records import dataclass

PUBLISHED, FITTED, EXTRAPOLATED, GIVEN = "published", "fitted", "extrapolated", "given"
_RANK = {GIVEN: 0, PUBLISHED: 1, FITTED: 2, EXTRAPOLATED: 3}


@dataclass(frozen=True)
class Accuracy:
    """Share of right answers with a 90 % interval; ratios, broadcasting.

    status: `published` (this very figure has a source), `fitted` (a law through published points, inside their range),
        `extrapolated` (a law beyond its points or with another model's parameters) or `given` (by the scenario).
    metric: pass@1, cons@N, best-of-N, coverage ... basis: one sentence on where it comes from.
    """

    value: Values
    low: Values
    high: Values
    status: str
    metric: str
    basis: str

    def times(self, kept: Range) -> "Accuracy":
        """The accuracy times what is kept of it, at most 1; extrapolated, since nobody measured both together."""
        if kept is SAME:
            return self
        ends = zip((self.low, self.value, self.high), kept.ends, strict=True)
        low, value, high = (np.minimum(np.asarray(end) * factor, 1.0) for end, factor in ends)
        return Accuracy(value, low, high, EXTRAPOLATED, self.metric, f"{self.basis}; {kept.basis}")


def weaker(*statuses: str) -> str:
    """The least certain of several statuses: a chain is as good as its weakest link.

    >>> weaker("published", "extrapolated", "fitted")
    'extrapolated'
    """
    return max(statuses, key=_RANK.__getitem__)


def spread(law: Callable[..., Values], *ranges: tuple[Values, Values, Values]) -> tuple[Array, Array, Array]:
    """A law's value at the middles of its arguments, with its least and greatest over all corners of their ranges.

    ranges: (low, value, high) per argument; a law that is monotone in each argument is bounded exactly.
    """
    value = np.asarray(law(*(middle for _, middle, _ in ranges)), dtype=np.float64)
    corners: list[tuple[Values, ...]] = [()]
    for low, middle, high in ranges:
        ends = (low, high) if not (low is middle and high is middle) else (middle,)
        corners = [(*corner, end) for corner in corners for end in ends]
    found = [np.asarray(law(*corner), dtype=np.float64) for corner in corners]
    every = np.broadcast_arrays(value, *found)
    return np.minimum.reduce(every), value, np.maximum.reduce(every)


def wilson(share: Values, problems: Values, z: float = 1.645) -> tuple[Array, Array]:
    """Interval of a share measured on so many problems (Wilson score); 90 % by default.

    Takes each problem as one trial: right for one sample, too wide where many samples per problem were averaged.

    >>> low, high = wilson(0.7, 30)
    >>> round(float(low), 3), round(float(high), 3)
    (0.551, 0.816)
    """
    p, n = np.asarray(share, dtype=np.float64), np.asarray(problems, dtype=np.float64)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return np.clip(centre - half, 0.0, p), np.clip(centre + half, p, 1.0)
