"""Problems differ in difficulty: the chance p of one sample being right is Beta-distributed over problems.

Beta(m c, (1 - m) c) has mean m, the single-sample accuracy; the concentration c says how alike problems are: infinite
is one p for all (independence), towards 0 each problem is either always or never solved.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from capplan.reasoning.normal import Array, Values

_lgamma = np.frompyfunc(math.lgamma, 1, 1)

# p = 1 / (1 + exp(-z)) on z = sinh(s): in z the density p^a (1-p)^b has no poles, and sinh reaches the far tails
# that small a or b give it.
_S = np.linspace(-10.0, 10.0, 801)
_Z = np.sinh(_S)
_STEP = np.cosh(_S) * (_S[1] - _S[0])
CHANCES = 1.0 / (1.0 + np.exp(-np.clip(_Z, -700, 700)))


def log_gamma(x: ArrayLike) -> Array:
    """ln Gamma, element by element."""
    return np.asarray(_lgamma(np.asarray(x, dtype=np.float64)), dtype=np.float64)


def log_beta(a: ArrayLike, b: ArrayLike) -> Array:
    """ln of the Beta function."""
    return log_gamma(a) + log_gamma(b) - log_gamma(np.asarray(a, dtype=np.float64) + np.asarray(b, dtype=np.float64))


def shape(accuracy: Values, concentration: Values) -> tuple[Array, Array]:
    """(a, b) of the Beta law; accuracies of 0 and 1 are taken as a billionth inside."""
    mean = np.clip(np.asarray(accuracy, dtype=np.float64), 1e-9, 1 - 1e-9)
    return mean * concentration, (1 - mean) * concentration


def weights(accuracy: Values, concentration: Values) -> Array:
    """Share of problems near each of CHANCES: shape (..., 801), adding to 1 along the last axis.

    concentration infinite puts all weight on the chances next to `accuracy`, so that the mean is kept.
    """
    mean, spread = np.broadcast_arrays(np.asarray(accuracy, dtype=np.float64), np.asarray(concentration, np.float64))
    finite = np.where(np.isfinite(spread), spread, 1.0)
    a, b = shape(mean, finite)
    log_density = -a[..., None] * np.logaddexp(0.0, -_Z) - b[..., None] * np.logaddexp(0.0, _Z)
    smooth = np.exp(log_density - log_density.max(axis=-1, keepdims=True)) * _STEP
    smooth = smooth / smooth.sum(axis=-1, keepdims=True)
    return np.where(np.isfinite(spread)[..., None], smooth, _point(mean))


def _point(mean: Array) -> Array:
    """All weight on the two chances around the mean, in the proportion that keeps it."""
    clipped = np.clip(mean, CHANCES[1], CHANCES[-2])
    above = np.clip(np.searchsorted(CHANCES, clipped), 1, len(CHANCES) - 1)
    part = (clipped - CHANCES[above - 1]) / (CHANCES[above] - CHANCES[above - 1])
    grid = np.arange(len(CHANCES))
    left = (grid == (above - 1)[..., None]) * (1 - part)[..., None]
    return np.asarray(left + (grid == above[..., None]) * part[..., None])


def coverage(accuracy: Values, samples: Values, concentration: Values) -> Array:
    """Share of problems that at least one of `samples` gets right: the bound of every verifier.

    >>> round(float(coverage(0.5, 2, np.inf)), 3)
    0.75
    """
    mean, count, spread = (np.asarray(x, dtype=np.float64) for x in (accuracy, samples, concentration))
    finite = np.where(np.isfinite(spread), spread, 1.0)
    a, b = shape(mean, finite)
    none_right = np.exp(log_beta(a, b + count) - log_beta(a, b))
    return np.asarray(1.0 - np.where(np.isfinite(spread), none_right, (1.0 - mean) ** count))
