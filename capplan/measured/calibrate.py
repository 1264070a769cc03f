"""Fitting the residual parameters of an engine profile to measured results.

Generic over `predict`: it sees parameters as a mapping of names to values and knows nothing of their meaning. They are
fitted as logarithms within bounds, held by priors (normal in the logarithm), against the logarithms of
predicted / measured under a robust loss. Every source x load type weighs the same, as in scoring.

No more is fitted than the data carry. A parameter that the prior already pins down better than the data do, or that
does the same as another one, stays at its prior, and the result says so; fewer than `LEAST_ROWS` rows carry none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capplan.errors import UserError
from capplan.measured.fit_error import FitError, error
from capplan.measured.linear import STEP, linearise, resolved, slopes_of
from capplan.measured.problem import Parameter, Predict, Targets, Values, logs_of, priors_of, robust

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_ROWS = 8
ROWS_PER_PARAMETER = 8
NARROWED = 0.9  # a fit that leaves more than this of a prior's spread has learned nothing
_UNTOLD = "the data say less about it than its prior"
DIGITS = 4  # of fitted values, so that the same input gives the same file on every machine


@dataclass(frozen=True)
class Fitted:
    """One parameter after the fit: its value, the standard deviation of its logarithm, and why it was held, or ''."""

    parameter: Parameter
    value: float
    deviation: float
    held: str = ""


@dataclass(frozen=True)
class Fit:
    """The fitted parameters and their errors before, after, and on rows that the fit did not see."""

    fitted: tuple[Fitted, ...]
    before: FitError
    after: FitError
    cross_validated: FitError
    folds: int
    excluded: int

    @property
    def values(self) -> dict[str, float]:
        return {one.parameter.name: one.value for one in self.fitted}


def fit(
    parameters: Sequence[Parameter],
    targets: Targets,
    predict: Predict,
    folds: int = 5,
    insist: bool = False,
    rounds: int = 40,
    screen: bool = True,
) -> Fit:
    """Fits what the data carry and holds the rest.

    predict: values for the rows of the given indices under the given parameters, None where refused.
    screen: hold what the data say little about at the priors, before fitting; else fit all first and then hold what the
    fit has not narrowed down, for costs far from their priors.
    rounds: most steps of the search; each needs one prediction of all rows for each parameter.
    insist: hold nothing; raises UserError naming what the data do not carry. Raises it too when they carry nothing.
    """
    rows, excluded = _usable(targets, predict, priors_of(parameters))
    free, held = _informed(parameters, targets, predict, rows) if screen else (list(parameters), {})
    if insist and held:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in held.items())
        raise UserError(f"the data do not carry {len(held)} of {len(parameters)} parameters ({reasons})")
    fitted = _solve(free, parameters, targets, predict, rows, rounds)
    if not screen:
        held = {one.parameter.name: _UNTOLD for one in fitted if one.deviation > NARROWED * one.parameter.sigma}
        free = [p for p in parameters if p.name not in held]
        near = {one.parameter.name: one.value for one in fitted}
        fitted = _solve(free, parameters, targets, predict, rows, rounds, near) if held else fitted
    values = priors_of(parameters) | {one.parameter.name: one.value for one in fitted}
    results = {one.parameter.name: one for one in fitted}
    left_out, count = _cross_validate(free, values, targets, predict, rows, folds)
    return Fit(
        fitted=tuple(results.get(p.name, Fitted(p, p.value, p.sigma, held.get(p.name, ""))) for p in parameters),
        before=error(targets, rows, predict(rows, priors_of(parameters))),
        after=error(targets, rows, predict(rows, values)),
        cross_validated=left_out,
        folds=count,
        excluded=excluded,
    )


def _informed(
    parameters: Sequence[Parameter], targets: Targets, predict: Predict, rows: Sequence[int]
) -> tuple[list[Parameter], dict[str, str]]:
    """(parameters that the data inform, why each other one is held).

    In order of what each still adds beside those before it (pivoted QR of the slopes, in units of prior over noise).
    One that moves the predictions by less than the noise within its prior is held, and so is all beyond one for every
    eight rows.
    """
    from scipy.linalg import qr

    if len(rows) < LEAST_ROWS:
        raise UserError(f"{len(rows)} usable rows carry no parameter; measure at least {LEAST_ROWS} configurations")
    scale = np.array([p.sigma for p in parameters])
    per_row = targets.weights_of(rows) / targets.noise_of(rows)
    slopes = slopes_of(parameters, predict, rows) * scale * per_row[:, None]
    _, r, order = qr(slopes, mode="economic", pivoting=True)
    strength = np.abs(np.diag(r))
    most = len(rows) // ROWS_PER_PARAMETER
    free: list[Parameter] = []
    held: dict[str, str] = {}
    for rank, at in enumerate(order):
        p = parameters[at]
        power = float(strength[rank]) if rank < len(strength) else 0.0
        if power < 1.0:
            held[p.name] = _UNTOLD
        elif len(free) >= most:
            held[p.name] = f"{len(rows)} rows carry {most} parameters"
        else:
            free.append(p)
    if not free:
        raise UserError("the data inform none of the parameters beyond their priors; vary load, lengths or layout more")
    return free, held


def _solve(
    free: Sequence[Parameter],
    every: Sequence[Parameter],
    targets: Targets,
    predict: Predict,
    rows: Sequence[int],
    rounds: int,
    near: Values | None = None,
) -> list[Fitted]:
    from scipy.optimize import least_squares

    start = priors_of(every)
    weights, noise = targets.weights_of(rows), targets.noise_of(rows)
    log_measured = np.log([targets.measured[at] for at in rows])
    middle = np.log([p.value for p in free])
    sigma = np.array([p.sigma for p in free])

    def residuals(logs: "NDArray[np.float64]") -> "NDArray[np.float64]":
        values = start | {p.name: float(value) for p, value in zip(free, np.exp(logs), strict=True)}
        misses = logs_of(predict(rows, values)) - log_measured
        fit_part = robust(np.nan_to_num(misses, nan=1.0) / noise) * weights
        return np.concatenate([fit_part, (logs - middle) / sigma])

    def slopes(logs: "NDArray[np.float64]") -> "NDArray[np.float64]":
        # Steps of one size: the model solves for its loads within a tolerance that tiny steps would drown in.
        here = residuals(logs)
        steps = np.where(logs + STEP <= high, STEP, -STEP)
        moved = [residuals(logs + step * unit) for step, unit in zip(steps, np.eye(len(logs)), strict=True)]
        return np.stack([(there - here) / step for there, step in zip(moved, steps, strict=True)], axis=1)

    low, high = np.log([p.low for p in free]), np.log([p.high for p in free])
    begin = np.clip(np.log([near[p.name] for p in free]), low + 1e-6, high - 1e-6) if near else middle
    solution = least_squares(
        residuals, begin, jac=slopes, bounds=(low, high), x_scale=sigma, xtol=1e-4, ftol=1e-5, max_nfev=rounds
    )
    jacobian = np.asarray(solution.jac, dtype=np.float64)
    covariance = np.linalg.pinv(jacobian.T @ jacobian)
    return [
        Fitted(p, float(f"{math.exp(value):.{DIGITS}g}"), float(f"{math.sqrt(max(variance, 0)):.2g}"))
        for p, value, variance in zip(free, solution.x, np.diag(covariance), strict=True)
    ]


def _cross_validate(
    free: Sequence[Parameter], values: Values, targets: Targets, predict: Predict, rows: Sequence[int], folds: int
) -> tuple[FitError, int]:
    """Errors of rows predicted by fits that saw none of their series."""
    names = sorted({targets.series[at] for at in rows})
    count = min(folds, len(names))
    if count < 2:
        return error(targets, (), ()), count
    fold_of = {name: at % count for at, name in enumerate(names)}
    linear = linearise(free, values, targets, predict, rows)
    predicted: dict[int, float | None] = {}
    for fold in range(count):
        kept = [at for at in rows if fold_of[targets.series[at]] != fold]
        left = [at for at in rows if fold_of[targets.series[at]] == fold]
        predicted |= dict(zip(left, predict(left, dict(values) | resolved(linear, targets, kept)), strict=True))
    order = sorted(predicted)
    return error(targets, order, [predicted[at] for at in order]), count


def _usable(targets: Targets, predict: Predict, start: Values) -> tuple[list[int], int]:
    """Rows that are measured and can be predicted, and how many are not."""
    measured = [at for at, value in enumerate(targets.measured) if value and value > 0]
    predicted = predict(measured, start)
    rows = [at for at, value in zip(measured, predicted, strict=True) if value]
    return rows, len(targets) - len(rows)
