"""Fitting the residual parameters of an engine profile to measured results.

Generic over `predict`: it sees parameters as a mapping of names to values and knows nothing of their meaning. They are
fitted as logarithms within bounds, held by priors (normal in the logarithm), against the logarithms of
predicted / measured under a robust loss. Every source x load type weighs the same, as in scoring.

No more is fitted than the data carry. A parameter that the prior already pins down better than the data do, or that
does the same as another one, stays at its prior, and the result says so; fewer than `LEAST_ROWS` rows carry none.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from capplan.errors import UserError
from capplan.measured.fit_error import FitError, error

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_ROWS = 8
ROWS_PER_PARAMETER = 8
NOISE = 0.08  # spread of ln(measured) that no model explains: version, machine and engine differ by 5 to 11 %
ROBUST = 1.0  # residuals beyond this many noises count linearly, not by their square
STEP = 0.05  # of the logarithm, for slopes
NARROWED = 0.9  # a fit that leaves more than this of a prior's spread has learned nothing
_UNTOLD = "the data say less about it than its prior"
DIGITS = 4  # of fitted values, so that the same input gives the same file on every machine

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


@dataclass(frozen=True)
class Fitted:
    """One parameter after the fit: its value, the standard deviation of its logarithm, and why it was held, or ''."""

    parameter: Parameter
    value: float
    deviation: float
    held: str = ""


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
    rows, excluded = _usable(targets, predict, _start(parameters))
    free, held = informed(parameters, targets, predict, rows) if screen else (list(parameters), {})
    if insist and held:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in held.items())
        raise UserError(f"the data do not carry {len(held)} of {len(parameters)} parameters ({reasons})")
    fitted = _solve(free, parameters, targets, predict, rows, rounds)
    if not screen:
        held = {one.parameter.name: _UNTOLD for one in fitted if one.deviation > NARROWED * one.parameter.sigma}
        free = [p for p in parameters if p.name not in held]
        near = {one.parameter.name: one.value for one in fitted}
        fitted = _solve(free, parameters, targets, predict, rows, rounds, near) if held else fitted
    values = _start(parameters) | {one.parameter.name: one.value for one in fitted}
    results = {one.parameter.name: one for one in fitted}
    left_out, count = _cross_validate(free, values, targets, predict, rows, folds)
    return Fit(
        fitted=tuple(results.get(p.name, Fitted(p, p.value, p.sigma, held.get(p.name, ""))) for p in parameters),
        before=error(targets, rows, predict(rows, _start(parameters))),
        after=error(targets, rows, predict(rows, values)),
        cross_validated=left_out,
        folds=count,
        excluded=excluded,
    )


def informed(
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
    per_row = _weights(targets, rows) / targets.noise_of(rows)
    slopes = _slopes(parameters, predict, rows) * scale * per_row[:, None]
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


def resolved(linear: "Linear", targets: Targets, kept: Sequence[int]) -> dict[str, float]:
    """The fit to some of the rows of a linearisation: exact but for the curvature between the two optima."""
    from scipy.optimize import least_squares

    at = [linear.place[row] for row in kept]
    slopes, misses = linear.slopes[at], linear.misses[at]
    weights, noise = _weights(targets, kept), targets.noise_of(kept)
    sigma = np.array([p.sigma for p in linear.free])
    middle = np.log([p.value for p in linear.free])

    def residuals(logs: "NDArray[np.float64]") -> "NDArray[np.float64]":
        moved = misses + slopes @ (logs - linear.logs)
        return np.concatenate([_robust(moved / noise) * weights, (logs - middle) / sigma])

    bounds = (np.log([p.low for p in linear.free]), np.log([p.high for p in linear.free]))
    solution = least_squares(residuals, np.clip(linear.logs, *bounds), bounds=bounds, x_scale=sigma)
    return {p.name: math.exp(value) for p, value in zip(linear.free, solution.x, strict=True)}


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

    start = _start(every)
    weights, noise = _weights(targets, rows), targets.noise_of(rows)
    log_measured = np.log([targets.measured[at] for at in rows])
    middle = np.log([p.value for p in free])
    sigma = np.array([p.sigma for p in free])

    def residuals(logs: "NDArray[np.float64]") -> "NDArray[np.float64]":
        values = start | {p.name: float(value) for p, value in zip(free, np.exp(logs), strict=True)}
        misses = _logs(predict(rows, values)) - log_measured
        fit_part = _robust(np.nan_to_num(misses, nan=1.0) / noise) * weights
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


def linearise(
    free: Sequence[Parameter], values: Values, targets: Targets, predict: Predict, rows: Sequence[int]
) -> "Linear":
    """The model around fitted values, from which fits to parts of the rows follow without the model."""
    here = [replace(p, value=values[p.name]) for p in free]
    base = _logs(predict(rows, values))
    misses = np.nan_to_num(base - np.log([targets.measured[at] for at in rows]))
    place = {row: at for at, row in enumerate(rows)}
    return Linear(tuple(free), np.log([p.value for p in here]), misses, _slopes(here, predict, rows, values), place)


def _cross_validate(
    free: Sequence[Parameter], values: Values, targets: Targets, predict: Predict, rows: Sequence[int], folds: int
) -> tuple[FitError, int]:
    """Errors of rows predicted by fits that saw none of their series."""
    names = sorted({targets.series[at] for at in rows})
    count = min(folds, len(names))
    if count < 2:
        return FitError(0, math.nan, math.nan, math.nan, math.nan), count
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


def _slopes(
    parameters: Sequence[Parameter], predict: Predict, rows: Sequence[int], values: Values | None = None
) -> "NDArray[np.float64]":
    """d ln(predicted) / d ln(parameter) at the parameters' values, rows x parameters; `values` holds the others."""
    start = dict(values or {}) | _start(parameters)
    base = _logs(predict(rows, start))
    columns = []
    for p in parameters:
        up = min(p.value * math.exp(STEP), p.high)
        # At its upper bound a parameter is moved down instead.
        moved = up if up > p.value else max(p.value * math.exp(-STEP), p.low)
        change = math.log(moved / p.value) or STEP
        columns.append((_logs(predict(rows, start | {p.name: moved})) - base) / change)
    return np.nan_to_num(np.stack(columns, axis=1))


def _weights(targets: Targets, rows: Sequence[int]) -> "NDArray[np.float64]":
    """Square roots of weights, 1 on average: every group counts by its share, however many rows it has."""
    sizes: dict[str, int] = {}
    for at in rows:
        sizes[targets.groups[at]] = sizes.get(targets.groups[at], 0) + 1
    shares = {group: targets.shares.get(group, 1.0) for group in sizes}
    scale = len(rows) / sum(shares.values())
    return np.sqrt([scale * shares[targets.groups[at]] / sizes[targets.groups[at]] for at in rows])


def _robust(residuals: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Residuals whose squares are Huber's loss: quadratic up to `ROBUST`, linear beyond."""
    size = np.abs(residuals)
    beyond = np.sqrt(np.maximum(2 * ROBUST * size - ROBUST**2, 0))
    return np.where(size <= ROBUST, residuals, np.sign(residuals) * beyond)


def _logs(values: Sequence[float | None]) -> "NDArray[np.float64]":
    return np.log([value if value and value > 0 else math.nan for value in values])


def _start(parameters: Sequence[Parameter]) -> dict[str, float]:
    return {p.name: p.value for p in parameters}
