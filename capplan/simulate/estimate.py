"""Means and percentiles of a simulated run with confidence intervals by batch means."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from capplan.simulate.requests import Floats

# Student's t at 97.5 % for as many batches less one (any table of the distribution).
_T_975 = {20: 2.093, 10: 2.262, 5: 2.776}
# Values above the percentile that a batch must have on average, or its percentile is mostly noise.
_TAIL = 5


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; low and high are None where the run is too short for one."""

    value: float
    low: float | None = None
    high: float | None = None

    def holds(self, truth: float) -> bool:
        """Whether the truth lies in the interval."""
        return self.low is not None and self.high is not None and self.low <= truth <= self.high


def mean(values: Floats) -> Estimate:
    """The mean of values in order of time, shape (N,), NaN where not applicable."""
    return _estimate(values, None)


def percentile(values: Floats, share: float) -> Estimate:
    """The `share` quantile (0.95: p95) of values in order of time, shape (N,), NaN where not applicable.

    The interval comes from the same percentile in 20, 10 or 5 equal batches one after another: queues remember, so
    that neighbours are no independent samples, but long batches nearly are. Too narrow where a batch is shorter
    than the memory of the queue, as near full load.
    """
    return _estimate(values, share)


def over_runs(values: Sequence[float]) -> Estimate:
    """The mean of one figure over independent runs, with its interval by Student's t; NaN where a run has none.

    >>> found = over_runs([1.0, 2.0, 3.0])  # 2 -+ 4.303 x 1 / sqrt(3)
    >>> round(found.low, 3), found.value, round(found.high, 3)
    (-0.484, 2.0, 4.484)
    """
    from scipy.special import stdtrit

    known = np.asarray(values, np.float64)
    middle = float(known.mean())
    if len(known) < 2:
        return Estimate(middle)
    half = float(stdtrit(len(known) - 1, 0.975)) * float(known.std(ddof=1)) / sqrt(len(known))
    return Estimate(middle, middle - half, middle + half)


def _estimate(values: Floats, share: float | None) -> Estimate:
    values = values[~np.isnan(values)]
    if not len(values):
        return Estimate(float("nan"))
    tail = 1.0 if share is None else max(1e-9, min(share, 1 - share))
    value = _figure(values, share)
    for batches, t in _T_975.items():
        size = len(values) // batches
        if size * tail >= _TAIL:
            figures = [_figure(values[at * size : (at + 1) * size], share) for at in range(batches)]
            half = t * float(np.std(figures, ddof=1)) / sqrt(batches)
            return Estimate(value, value - half, value + half)
    return Estimate(value)


def _figure(values: Floats, share: float | None) -> float:
    return float(values.mean()) if share is None else float(np.quantile(values, share))
