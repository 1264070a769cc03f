"""What one more point of accuracy costs, and from which volume on a distilled model pays for its training."""

import math

import numpy as np

from capplan.reasoning.normal import Array, Values


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


def queries_to_pay(training_usd: float, teacher_usd_per_query: float, student_usd_per_query: float) -> float:
    """Lifetime queries after which a distilled model has earned its training; infinite where it saves nothing.

    Where the two differ in accuracy compare costs per correct answer: pass each cost divided by its accuracy.

    >>> queries_to_pay(50_000, 0.010, 0.002)
    6250000.0
    """
    saved_usd = teacher_usd_per_query - student_usd_per_query
    return training_usd / saved_usd if saved_usd > 0 else math.inf
