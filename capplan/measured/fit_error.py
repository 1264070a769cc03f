"""How far predictions are off the values that a fit is held against."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capplan.measured.calibrate import Targets


@dataclass(frozen=True)
class FitError:
    """|predicted / measured - 1| of some rows: pooled, and the mean of the groups' medians."""

    rows: int
    median: float
    p90: float
    bias: float
    by_group: float


def error(targets: "Targets", rows: Sequence[int], predicted: Sequence[float | None]) -> FitError:
    """Errors of the rows that were predicted; the bias is the median of predicted / measured, less 1."""
    pairs = [(at, value / targets.measured[at]) for at, value in zip(rows, predicted, strict=True) if value]
    if not pairs:
        return FitError(0, math.nan, math.nan, math.nan, math.nan)
    errors = sorted(abs(ratio - 1) for _, ratio in pairs)
    groups: dict[str, list[float]] = {}
    for at, ratio in pairs:
        groups.setdefault(targets.groups[at], []).append(abs(ratio - 1))
    return FitError(
        rows=len(errors),
        median=statistics.median(errors),
        p90=errors[int(0.9 * (len(errors) - 1))],
        bias=statistics.median(ratio for _, ratio in pairs) - 1,
        by_group=statistics.mean(statistics.median(members) for members in groups.values()),
    )
