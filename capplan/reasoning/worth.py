"""What a right answer costs, and one more point of accuracy."""

import math

import numpy as np

from capplan.reasoning.normal import Array, Values


def usd_per_correct_answer(usd_per_query: Values, accuracy: Values) -> Array:
    """Cost of all queries over those answered right; infinite where none is.

    Equals the cost of retrying until right only if somebody can tell right from wrong for nothing.

    >>> round(float(usd_per_correct_answer(0.10, 0.9) / usd_per_correct_answer(0.01, 0.6)), 2)
    6.67
    """
    cost, share = np.broadcast_arrays(np.asarray(usd_per_query, dtype=np.float64), np.asarray(accuracy, np.float64))
    return np.where(share > 0, cost / np.where(share > 0, share, 1.0), np.inf)


def usd_per_point(usd: Values, accuracy: Values) -> Array:
    """Cost of each further percentage point along a row of ever better configurations; shape (n,), the first is NaN.

    Infinite where accuracy does not rise.

    >>> usd_per_point(np.array([1.0, 3.0, 3.5]), np.array([0.70, 0.80, 0.80])).round(3).tolist()
    [nan, 0.2, inf]
    """
    costs, shares = np.asarray(usd, dtype=np.float64), np.asarray(accuracy, dtype=np.float64)
    rise = 100 * np.diff(shares)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(rise > 0, np.diff(costs) / rise, np.inf)
    return np.concatenate([[np.nan], each])


def points_per_doubling(tokens: tuple[float, float], accuracy: tuple[float, float]) -> float:
    """Percentage points gained per doubling of tokens between two measurements.

    >>> round(points_per_doubling((3600, 8200), (0.893, 0.932)), 2)
    3.28
    """
    return 100 * (accuracy[1] - accuracy[0]) / math.log2(tokens[1] / tokens[0])
