"""A model around a fit, linear in the logarithms: fits to parts of the rows follow from it without the model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from capplan.measured.problem import Parameter, Predict, Targets, Values, logs_of, priors_of, robust

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 0.05  # of the logarithm, for slopes


@dataclass(frozen=True)
class Linear:
    """ln(predicted / measured) of some rows around a fit: `misses` + `slopes` (ln values - `logs`).

    place: where each row stands in `misses` and `slopes`.
    """

    free: tuple[Parameter, ...]
    logs: "NDArray[np.float64]"
    misses: "NDArray[np.float64]"
    slopes: "NDArray[np.float64]"
    place: Mapping[int, int]


def linearise(
    free: Sequence[Parameter], values: Values, targets: Targets, predict: Predict, rows: Sequence[int]
) -> Linear:
    """The model around fitted values, from which fits to parts of the rows follow without the model."""
    here = [replace(p, value=values[p.name]) for p in free]
    base = logs_of(predict(rows, values))
    misses = np.nan_to_num(base - np.log([targets.measured[at] for at in rows]))
    place = {row: at for at, row in enumerate(rows)}
    return Linear(tuple(free), np.log([p.value for p in here]), misses, slopes_of(here, predict, rows, values), place)


def resolved(linear: Linear, targets: Targets, kept: Sequence[int]) -> dict[str, float]:
    """The fit to some of the rows of a linearisation: exact but for the curvature between the two optima."""
    from scipy.optimize import least_squares

    at = [linear.place[row] for row in kept]
    slopes, misses = linear.slopes[at], linear.misses[at]
    weights, noise = targets.weights_of(kept), targets.noise_of(kept)
    sigma = np.array([p.sigma for p in linear.free])
    middle = np.log([p.value for p in linear.free])

    def residuals(logs: "NDArray[np.float64]") -> "NDArray[np.float64]":
        moved = misses + slopes @ (logs - linear.logs)
        return np.concatenate([robust(moved / noise) * weights, (logs - middle) / sigma])

    bounds = (np.log([p.low for p in linear.free]), np.log([p.high for p in linear.free]))
    solution = least_squares(residuals, np.clip(linear.logs, *bounds), bounds=bounds, x_scale=sigma)
    return {p.name: math.exp(value) for p, value in zip(linear.free, solution.x, strict=True)}


def slopes_of(
    parameters: Sequence[Parameter], predict: Predict, rows: Sequence[int], values: Values | None = None
) -> "NDArray[np.float64]":
    """d ln(predicted) / d ln(parameter) at the parameters' values, rows x parameters; `values` holds the others."""
    start = dict(values or {}) | priors_of(parameters)
    base = logs_of(predict(rows, start))
    columns = []
    for p in parameters:
        up = min(p.value * math.exp(STEP), p.high)
        # At its upper bound a parameter is moved down instead.
        moved = up if up > p.value else max(p.value * math.exp(-STEP), p.low)
        change = math.log(moved / p.value) or STEP
        columns.append((logs_of(predict(rows, start | {p.name: moved})) - base) / change)
    return np.nan_to_num(np.stack(columns, axis=1))
