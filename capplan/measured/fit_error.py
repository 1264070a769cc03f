"""How far predictions are off the values that a fit is held against."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from capplan.measured.problem import Targets


@dataclass(frozen=True)
class FitError:
    """|predicted / measured - 1| of some rows."""

    rows: int
    median: float
    p90: float
    bias: float


def error(targets: Targets, rows: Sequence[int], predicted: Sequence[float | None]) -> FitError:
    """Errors of the rows that were predicted; the bias is the median of predicted / measured, less 1."""
    ratios = [value / targets.measured[at] for at, value in zip(rows, predicted, strict=True) if value]
    if not ratios:
        return FitError(0, math.nan, math.nan, math.nan)
    errors = sorted(abs(ratio - 1) for ratio in ratios)
    return FitError(
        rows=len(errors),
        median=statistics.median(errors),
        p90=errors[int(0.9 * (len(errors) - 1))],
        bias=statistics.median(ratios) - 1,
    )
