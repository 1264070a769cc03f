"""Predicted against measured, one colour a source."""

from __future__ import annotations

from capplan.measured.observed import THROUGHPUT, quantity_of
from capplan.measured.pairs import PRIMARY
from capplan.measured.score import Accuracy

from .chart import Chart
from .marks.against import Against


def scatter(scores: Accuracy) -> Chart:
    """The primary metric of every predicted row, throughputs and times apart."""
    rows = tuple(
        {"measured": pair.measured, "predicted": pair.predicted, "source": pair.labels.source,
         "quantity": "output tokens/s" if quantity_of(pair.column) == THROUGHPUT else "seconds"}
        for pair in scores.pairs if pair.metric == PRIMARY and pair.predicted
    )  # fmt: skip
    said = f"{len(rows)} rows; full line: equal, dashed: 20 % off."
    mark = Against("measured", "predicted", "source", "quantity")
    return Chart("scatter", "Predicted against measured", said, rows, mark)
