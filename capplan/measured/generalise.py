"""What shipped profiles are worth on a table: in sample, and on what was left out of the fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from capplan.engine.point import Point
from capplan.measured.outcome import estimates, predict_all
from capplan.measured.points import Refusal
from capplan.measured.refit import LEFT_OUT, around, left_out_scores, shipped_costs
from capplan.measured.score import Accuracy, accuracy
from capplan.measured.table import Row


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
