"""Errors on what a fit has never seen: leave one model, one accelerator or one source out.

For each group in turn the parameters are fitted to all other rows and the group is predicted with them. The fits to
parts of the rows come from the model linearised around the fit to all; the predictions come from the model itself.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from capplan.measured.calibrate import Parameter, Predict, Targets, linearise, resolved
from capplan.measured.fit_error import FitError, error


@dataclass(frozen=True)
class LeftOut:
    """One group, predicted in sample and by the fit that did not see it."""

    by: str
    group: str
    in_sample: FitError
    left_out: FitError


@dataclass(frozen=True)
class Generalisation:
    """All groups of one kind; the medians weigh each group the same."""

    by: str
    groups: tuple[LeftOut, ...]

    @property
    def in_sample(self) -> float:
        return statistics.median(one.in_sample.median for one in self.groups)

    @property
    def left_out(self) -> float:
        return statistics.median(one.left_out.median for one in self.groups)


def leave_one_out(
    by: str,
    labels: Sequence[str],
    parameters: Sequence[Parameter],
    targets: Targets,
    predict: Predict,
    fitted: Mapping[str, float],
    least_rows: int = 5,
) -> Generalisation:
    """Left-out errors of every group of at least `least_rows` rows.

    labels: the group of each row of the targets. fitted: the values of the fit to all rows, for the in-sample errors.
    """
    rows = [at for at, value in enumerate(predict(range(len(targets)), fitted)) if value and targets.measured[at]]
    groups: dict[str, list[int]] = {}
    for at in rows:
        groups.setdefault(labels[at], []).append(at)
    linear = linearise(parameters, fitted, targets, predict, rows)
    results = []
    for group, members in sorted(groups.items()):
        if len(members) < least_rows or len(members) == len(rows):
            continue
        inside = set(members)
        values = dict(fitted) | resolved(linear, targets, [at for at in rows if at not in inside])
        results.append(
            LeftOut(
                by,
                group,
                in_sample=error(targets, members, predict(members, fitted)),
                left_out=error(targets, members, predict(members, values)),
            )
        )
    return Generalisation(by, tuple(results))
