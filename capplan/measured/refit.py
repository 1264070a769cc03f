"""All shipped profiles refitted to one table, block by block, and what that is worth on what a fit has not seen.

A point is predicted by one block of residual costs (engine, vendor, era), so blocks are fitted one by one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from capplan.catalog.accelerators import Accelerator
from capplan.catalog.engines import Overheads, Profile, with_overheads
from capplan.engine.point import Point
from capplan.engine.predict import predict, shipped_profile
from capplan.measured.calibrate import LEAST_ROWS, Fit, Linear, Targets, Values, fit, linearise, resolved
from capplan.measured.engine_fit import Measurements, measurements, parameters, predictor
from capplan.measured.names import resolve_accelerator
from capplan.measured.outcome import estimates
from capplan.measured.points import Refusal
from capplan.measured.score import Accuracy, Estimate, Labels, accuracy, labels_of
from capplan.measured.table import Row

# What a block is known by: engine, vendor of the fitted chips, era.
Block = tuple[str, str, str]


@dataclass(frozen=True)
class Refit:
    """Fits by block; blocks with too few rows keep what ships and are missing here."""

    fits: dict[Block, Fit]

    @property
    def overheads(self) -> dict[Block, dict[str, float]]:
        return {block: one.values for block, one in self.fits.items()}


def block_of(point: Point) -> tuple[Block, Profile]:
    """The shipped block that a point is predicted by."""
    chip = resolve_accelerator(point.accelerator)
    shipped = shipped_profile(point, chip)
    vendor = chip.vendor if shipped.exact else "NVIDIA"
    return (shipped.name, vendor, shipped.era), shipped


def refit(rows: Sequence[Row], points: Sequence[Point | Refusal]) -> Refit:
    """Every block that the table carries, fitted to its own rows."""
    fits = {}
    for block, (indices, shipped) in sorted(_blocks(points).items(), key=lambda item: item[0]):
        measured = _of(rows, points, indices)
        if len(measured.targets) >= LEAST_ROWS:
            fits[block] = fit(parameters(shipped.overheads), measured.targets, predictor(measured, shipped))
    return Refit(fits)


def leave_out(
    rows: Sequence[Row],
    points: Sequence[Point | Refusal],
    fitted: Refit,
    by: Callable[[Labels], str],
    least_rows: int = 5,
) -> Accuracy:
    """Scores of the whole table when each group is predicted by fits that saw nothing of it.

    by: the group of a row, e.g. `lambda labels: labels.model`. Groups of fewer than `least_rows` rows are predicted by
    the fits to all rows. Fits to parts of a block come from its model linearised around the fit to all of it.
    """
    labels = [by(labels_of(row, point)) for row, point in zip(rows, points, strict=True)]
    groups: dict[str, list[int]] = {}
    for at, label in enumerate(labels):
        groups.setdefault(label, []).append(at)
    around = _linearised(rows, points, fitted)
    found: list[Estimate] = [Estimate(refused=p.reason if isinstance(p, Refusal) else "") for p in points]
    for _, members in sorted(groups.items()):
        outside = set(members) if len(members) >= least_rows else set[int]()
        values = {block: one.without(outside) for block, one in around.items()}
        _predict_into(found, points, members, values)
    return accuracy(rows, points, found)


@dataclass(frozen=True)
class _Around:
    """One block linearised around its fit; `rows[i]` is the row of the table that the i-th target comes from."""

    linear: Linear
    targets: Targets
    rows: tuple[int, ...]
    values: Values

    def without(self, outside: set[int]) -> Values:
        """The block's costs fitted to the rows that are not outside; as fitted where it has none of those."""
        kept = [at for at in self.linear.place if self.rows[at] not in outside]
        if len(kept) == len(self.linear.place) or len(kept) < LEAST_ROWS:
            return self.values
        return dict(self.values) | resolved(self.linear, self.targets, kept)


def _linearised(rows: Sequence[Row], points: Sequence[Point | Refusal], fitted: Refit) -> dict[Block, _Around]:
    found = {}
    for block, (indices, shipped) in _blocks(points).items():
        if block in fitted.fits:
            one = fitted.fits[block]
            measured = _of(rows, points, indices)
            free = [each.parameter for each in one.fitted if not each.held]
            predicted = predictor(measured, shipped)
            usable = [at for at, value in enumerate(predicted(range(len(measured.targets)), one.values)) if value]
            linear = linearise(free, one.values, measured.targets, predicted, usable)
            table_rows = tuple(indices[measured.of_point[at]] for at in range(len(measured.targets)))
            found[block] = _Around(linear, measured.targets, table_rows, one.values)
    return found


def _predict_into(
    found: list[Estimate], points: Sequence[Point | Refusal], members: Sequence[int], values: dict[Block, Values]
) -> None:
    read = [(at, point) for at in members if isinstance(point := points[at], Point)]

    def profile_of(point: Point, chip: Accelerator) -> Profile:
        del chip
        block, shipped = block_of(point)
        costs: Overheads = replace(shipped.overheads, **values.get(block, {}))
        return with_overheads(shipped, costs)

    results = estimates(predict([point for _, point in read], profile_of))
    for (at, _), result in zip(read, results, strict=True):
        found[at] = result


def _blocks(points: Sequence[Point | Refusal]) -> dict[Block, tuple[list[int], Profile]]:
    found: dict[Block, tuple[list[int], Profile]] = {}
    for at, point in enumerate(points):
        if isinstance(point, Point):
            block, shipped = block_of(point)
            found.setdefault(block, ([], shipped))[0].append(at)
    return found


def _of(rows: Sequence[Row], points: Sequence[Point | Refusal], indices: Sequence[int]) -> Measurements:
    return measurements([rows[at] for at in indices], [points[at] for at in indices])
