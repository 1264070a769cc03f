"""Accuracy against tokens: a saturating law A - B T^-c through published or own points, with intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capplan.errors import UserError
from capplan.reasoning.accuracy.value import EXTRAPOLATED, FITTED, Accuracy, wilson
from capplan.reasoning.normal import Array, Values

LEAST_POINTS = 3

# Exponents tried: 0.03 is nearly log-linear over any practical range, 3 saturates within one doubling.
_EXPONENTS = np.geomspace(0.03, 3.0, 61)
# Standard error taken where a point does not say on how many problems it was measured: that of 500 problems at 50 %,
# the size of MATH-500.
_UNKNOWN_ERROR = math.sqrt(0.25 / 500)


@dataclass(frozen=True)
class Point:
    """One measured accuracy: mean output tokens, share right, and on how many problems (None: unsaid)."""

    tokens: float
    accuracy: float
    problems: float | None = None


@dataclass(frozen=True)
class Curve:
    """A fitted law of accuracy against output tokens.

    Every exponent of a grid stays in, weighted by how well it fits: the interval thus carries what the points leave
    open, and widens away from them. rising False: the points fall with tokens, so the law is a level with their spread.
    """

    points: tuple[Point, ...]
    exponents: Array
    weights: Array
    ceilings: Array
    slopes: Array
    covariances: Array
    rising: bool

    def at(self, tokens: Values) -> Accuracy:
        """Accuracy of a request that writes so many output tokens; 90 % interval, shape of `tokens`."""
        wanted = np.maximum(np.asarray(tokens, dtype=np.float64), 1.0)
        known = [point.tokens for point in self.points]
        inside = bool(np.all((wanted >= min(known) * 0.999) & (wanted <= max(known) * 1.001)))
        value, low, high = self._law(wanted) if self.rising else self._level(wanted)
        return Accuracy(value, low, high, FITTED if inside else EXTRAPOLATED, "pass@1", self.basis)

    @property
    def basis(self) -> str:
        """One sentence: the law, its points, and what is odd about them."""
        span = f"{min(p.tokens for p in self.points):,.0f} to {max(p.tokens for p in self.points):,.0f} tokens"
        if not self.rising:
            return f"level of {len(self.points)} points, {span}: they do not rise with tokens, so no gain is claimed"
        best = int(np.argmax(self.weights))
        return (
            f"A - B T^-c through {len(self.points)} points, {span}: "
            f"A = {self.ceilings[best]:.3f}, B = {self.slopes[best]:.3g}, c = {self.exponents[best]:.2f}"
        )

    def _law(self, tokens: Array) -> tuple[Array, Array, Array]:
        power = tokens[..., None] ** -self.exponents
        each = self.ceilings - self.slopes * power
        variance = (
            self.covariances[:, 0, 0] - 2 * power * self.covariances[:, 0, 1] + power**2 * self.covariances[:, 1, 1]
        )
        value = (self.weights * each).sum(axis=-1)
        spread = np.sqrt((self.weights * (variance + (each - value[..., None]) ** 2)).sum(axis=-1))
        return _bounded(value, value - 1.645 * spread, value + 1.645 * spread)

    def _level(self, tokens: Array) -> tuple[Array, Array, Array]:
        lows, highs = zip(*(_interval(point) for point in self.points), strict=True)
        mean = np.average([p.accuracy for p in self.points], weights=[1 / _error(p) ** 2 for p in self.points])
        same = np.ones_like(tokens)
        return _bounded(same * mean, same * min(lows), same * max(highs))


def fit(points: Sequence[Point], name: str = "curve") -> Curve:
    """The saturating law through the points, by weighted least squares for every exponent of the grid.

    Raises UserError for fewer than three different lengths, tokens that are not above 0, or accuracies outside 0 .. 1.
    """
    _check(points, name)
    ordered = tuple(sorted(points, key=lambda point: point.tokens))
    tokens, accuracy = np.array([p.tokens for p in ordered]), np.array([p.accuracy for p in ordered])
    error = np.array([_error(point) for point in ordered])
    fits = [_fit_exponent(tokens, accuracy, error, c) for c in _EXPONENTS]
    chi2 = np.array([one[0] for one in fits])
    # Scatter beyond the stated errors widens them (never narrows: three points always fit well).
    scale = max(1.0, float(chi2.min()) / max(len(ordered) - 3, 1))
    weights = np.exp(-(chi2 - chi2.min()) / (2 * scale))
    ceilings, slopes = (np.array([one[1][i] for one in fits]) for i in (0, 1))
    covariances = scale * np.array([one[2] for one in fits])
    rising = bool(slopes[int(np.argmin(chi2))] > 0)
    return Curve(ordered, _EXPONENTS, weights / weights.sum(), ceilings, slopes, covariances, rising)


def _fit_exponent(tokens: Array, accuracy: Array, error: Array, exponent: float) -> tuple[float, Array, Array]:
    """(chi squared, (A, B), covariance) at one exponent, with A at most 1."""
    design = np.stack([np.ones_like(tokens), -(tokens**-exponent)], axis=1) / error[:, None]
    target = accuracy / error
    covariance: Array = np.asarray(np.linalg.pinv(design.T @ design), dtype=np.float64)
    found: Array = covariance @ design.T @ target
    if found[0] > 1.0:
        slope_variance = 1.0 / float(design[:, 1] @ design[:, 1])
        slope = slope_variance * float(design[:, 1] @ (target - design[:, 0]))
        found, covariance = np.array([1.0, slope]), np.array([[0.0, 0.0], [0.0, slope_variance]])
    return float(((design @ found - target) ** 2).sum()), found, covariance


def _check(points: Sequence[Point], name: str) -> None:
    for number, point in enumerate(points, start=1):
        if not (math.isfinite(point.tokens) and point.tokens > 0):
            raise UserError(f"{name}: point {number}: tokens {point.tokens:g} must be above 0")
        if not 0.0 <= point.accuracy <= 1.0:
            raise UserError(f"{name}: point {number}: accuracy {point.accuracy:.1%} is outside 0 .. 100 %")
        if point.problems is not None and point.problems < 1:
            raise UserError(f"{name}: point {number}: n = {point.problems:g} problems must be 1 or more")
    lengths = len({point.tokens for point in points})
    if lengths < LEAST_POINTS:
        raise UserError(
            f"{name}: {lengths} different token length{'s' if lengths != 1 else ''}, but a saturating curve needs at "
            f"least {LEAST_POINTS} (add measurements, or give quality.single_sample_accuracy instead)"
        )


def _error(point: Point) -> float:
    if point.problems is None:
        return _UNKNOWN_ERROR
    smoothed = (point.accuracy * point.problems + 1) / (point.problems + 2)  # keeps 0 % and 100 % from being certain
    return math.sqrt(smoothed * (1 - smoothed) / point.problems)


def _interval(point: Point) -> tuple[float, float]:
    low, high = wilson(point.accuracy, point.problems or 500)
    return float(low), float(high)


def _bounded(value: Array, low: Array, high: Array) -> tuple[Array, Array, Array]:
    inside = np.clip(value, 0.0, 1.0)
    return inside, np.clip(low, 0.0, inside), np.clip(high, inside, 1.0)
