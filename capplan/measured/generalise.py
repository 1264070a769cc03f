"""What profiles are worth on a table: in sample, and on what was left out of the fit."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from capplan.catalog.accelerators import Accelerator
from capplan.catalog.engines import Overheads, Profile, with_overheads
from capplan.engine.point import Point
from capplan.engine.predict import predict
from capplan.measured.calibrate import LEAST_ROWS
from capplan.measured.engine_fit import predictor
from capplan.measured.linear import Linear, linearise, resolved
from capplan.measured.outcome import estimates, predict_all
from capplan.measured.pairs import Estimate, Labels, labels_of
from capplan.measured.points import Refusal
from capplan.measured.priors import at as at_priors
from capplan.measured.problem import Targets, Values
from capplan.measured.refit import Block, block_of, selected
from capplan.measured.score import Accuracy, accuracy
from capplan.measured.table import Row

LEFT_OUT: dict[str, Callable[[Labels], str]] = {
    "model": lambda labels: labels.model,
    "accelerator": lambda labels: labels.accelerator,
    "source": lambda labels: labels.source,
}


@dataclass(frozen=True)
class Generalisation:
    """Scores by the shipped profiles, and by fits that saw nothing of each model, accelerator or source."""

    in_sample: Accuracy
    left_out: dict[str, Accuracy]


def generalise(
    rows: Sequence[Row], points: Sequence[Point | Refusal], kinds: Sequence[str] = tuple(LEFT_OUT)
) -> Generalisation:
    """Scores by the profiles in the catalogue, whose fits are taken to be the best for the rows."""
    blocks = around(rows, points, shipped_costs(points))
    return Generalisation(
        accuracy(rows, points, estimates(predict_all(points))),
        {kind: left_out_scores(rows, points, blocks, LEFT_OUT[kind]) for kind in kinds},
    )


def left_out_scores(
    rows: Sequence[Row],
    points: Sequence[Point | Refusal],
    blocks: dict[Block, "Around"],
    by: Callable[[Labels], str],
    least_rows: int = 5,
) -> Accuracy:
    """Scores of the whole table when each group is predicted by fits that saw nothing of it.

    by: the group of a row, e.g. `lambda labels: labels.model`. Groups of fewer than `least_rows` rows are predicted by
    the fits to all rows. Fits to parts of a block come from its model linearised around the fit to all of it; a block
    of which nothing is left falls back to its priors.
    """
    labels = [by(labels_of(row, point)) for row, point in zip(rows, points, strict=True)]
    groups: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        groups.setdefault(label, []).append(place)
    found: list[Estimate] = [Estimate(refused=p.reason if isinstance(p, Refusal) else "") for p in points]
    for _, members in sorted(groups.items()):
        outside = frozenset(members) if len(members) >= least_rows else frozenset[int]()
        costs = {block: one.without(outside) for block, one in blocks.items()}
        _predict_into(found, points, members, costs)
    return accuracy(rows, points, found)


@dataclass(frozen=True)
class Around:
    """One block linearised around its costs; `rows[i]` is the row of the table that the i-th target comes from."""

    linear: Linear
    targets: Targets
    rows: tuple[int, ...]
    costs: Overheads
    priors: Overheads

    def without(self, outside: Collection[int]) -> Overheads:
        """The block's costs fitted to the rows that are not outside: as fitted where it has none of those."""
        kept = [place for place in self.linear.place if self.rows[place] not in outside]
        if len(kept) == len(self.linear.place):
            return self.costs
        if len(kept) < LEAST_ROWS:
            return self.priors
        return replace(self.costs, **resolved(self.linear, self.targets, kept))


def around(
    rows: Sequence[Row], points: Sequence[Point | Refusal], fitted: dict[Block, Overheads]
) -> dict[Block, Around]:
    """Each fitted block linearised around its costs; those that stand at their priors were held and stay there."""
    found = {}
    for block, ours in selected(rows, points).items():
        if block in fitted:
            costs = fitted[block]
            values: Values = {p.name: getattr(costs, p.name) for p in ours.parameters}
            free = [p for p in ours.parameters if not math.isclose(values[p.name], p.value, rel_tol=1e-3)]
            predicted = predictor(ours.measured, ours.profile)
            targets = ours.measured.targets
            usable = [place for place, value in enumerate(predicted(range(len(targets)), values)) if value]
            linear = linearise(free, values, targets, predicted, usable)
            found[block] = Around(linear, targets, ours.rows, costs, at_priors(ours.parameters))
    return found


def shipped_costs(points: Sequence[Point | Refusal]) -> dict[Block, Overheads]:
    """The costs that ship, of every block that predicts one of the points."""
    found = {}
    for point in points:
        if isinstance(point, Point):
            block, profile = block_of(point)
            found[block] = profile.overheads
    return found


def _predict_into(
    found: list[Estimate], points: Sequence[Point | Refusal], members: Sequence[int], costs: dict[Block, Overheads]
) -> None:
    read = [(place, point) for place in members if isinstance(point := points[place], Point)]

    def profile_of(point: Point, chip: Accelerator) -> Profile:
        del chip
        block, shipped = block_of(point)
        return with_overheads(shipped, costs.get(block, shipped.overheads))

    results = estimates(predict([point for _, point in read], profile_of))
    for (place, _), result in zip(read, results, strict=True):
        found[place] = result
