"""What a fit is given: parameters with their priors, and the measured values that predictions are held against."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOISE = 0.08  # spread of ln(measured) that no model explains: version, machine and engine differ by 5 to 11 %
ROBUST = 1.0  # residuals beyond this many noises count linearly, not by their square

Values = Mapping[str, float]
Predict = Callable[[Sequence[int], Values], Sequence[float | None]]


@dataclass(frozen=True)
class Parameter:
    """A residual parameter: start (the prior's middle), bounds and spread of its logarithm."""

    name: str
    value: float
    low: float
    high: float
    sigma: float


@dataclass(frozen=True)
class Targets:
    """What the fit is held against, all of one length.

    measured: values above zero. groups: equal weight each (source x load type). series: rows that differ in load alone,
    which cross-validation keeps together. noise: spread of ln(measured) that no model explains; `NOISE` where empty.
    shares: weights of groups that count less or more than others; 1 where missing.
    """

    measured: Sequence[float]
    groups: Sequence[str]
    series: Sequence[str]
    noise: Sequence[float] = ()
    shares: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.measured)

    def noise_of(self, rows: Sequence[int]) -> "NDArray[np.float64]":
        return np.array([self.noise[at] if self.noise else NOISE for at in rows])

    def weights_of(self, rows: Sequence[int]) -> "NDArray[np.float64]":
        """Square roots of weights, 1 on average: every group counts by its share, however many rows it has."""
        sizes: dict[str, int] = {}
        for at in rows:
            sizes[self.groups[at]] = sizes.get(self.groups[at], 0) + 1
        shares = {group: self.shares.get(group, 1.0) for group in sizes}
        scale = len(rows) / sum(shares.values())
        return np.sqrt([scale * shares[self.groups[at]] / sizes[self.groups[at]] for at in rows])


def robust(residuals: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Residuals whose squares are Huber's loss: quadratic up to `ROBUST`, linear beyond."""
    size = np.abs(residuals)
    beyond = np.sqrt(np.maximum(2 * ROBUST * size - ROBUST**2, 0))
    return np.where(size <= ROBUST, residuals, np.sign(residuals) * beyond)


def logs_of(values: Sequence[float | None]) -> "NDArray[np.float64]":
    """Their logarithms, NaN where there is none."""
    return np.log([value if value and value > 0 else math.nan for value in values])


def priors_of(parameters: Sequence[Parameter]) -> dict[str, float]:
    """Where each parameter starts."""
    return {p.name: p.value for p in parameters}
