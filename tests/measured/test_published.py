"""About a hundred published results, each with its citation, against the shipped profiles."""

import csv
import statistics
from collections import Counter
from pathlib import Path

import pytest

from capplan.engine.point import Point
from capplan.measured.outcome import estimates, predict_all
from capplan.measured.pairs import PRIMARY
from capplan.measured.points import resolve_table
from capplan.measured.score import Accuracy, accuracy
from capplan.measured.table import read_table

PUBLISHED = Path(__file__).with_name("published_points.csv")
# What the shipped profiles reach on these points, with a margin for a refit; tighten with the model.
POOLED_MEDIAN, LARGEST_FACTOR_OF_NINE_IN_TEN = 0.12, 1.9


@pytest.fixture(scope="module")
def scores() -> Accuracy:
    table = read_table(PUBLISHED)
    read = resolve_table(table)
    return accuracy(table.rows, read, estimates(predict_all(read)))


def test_every_published_point_has_a_citation_and_one_measured_value() -> None:
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 100
    for row in rows:
        assert row["provenance"] and float(row[row["primary_metric"]]) > 0, row["row_id"]


def test_the_published_points_cover_sources_loads_engines_models_and_chips() -> None:
    points = [point for point in resolve_table(read_table(PUBLISHED)) if isinstance(point, Point)]
    for least, seen in (
        (6, {point.load_type for point in points}),
        (3, {point.engine for point in points}),
        (20, {point.model for point in points}),
        (12, {point.accelerator for point in points}),
        (6, {point.weights for point in points}),
    ):
        assert len(seen) >= least, Counter(seen)


def test_at_least_98_percent_of_the_published_points_are_predicted(scores: Accuracy) -> None:
    headline = next(one for one in scores.headlines if one.metric == PRIMARY)
    assert headline.pooled.coverage >= 0.98


def test_published_points_are_met_within_the_tolerance(scores: Accuracy) -> None:
    pairs = [pair for pair in scores.pairs if pair.metric == PRIMARY and pair.predicted]
    assert statistics.median(pair.error or 0.0 for pair in pairs) <= POOLED_MEDIAN
    folds = sorted(max(r := (pair.predicted or 1) / pair.measured, 1 / r) for pair in pairs)
    assert folds[int(0.9 * (len(folds) - 1))] <= LARGEST_FACTOR_OF_NINE_IN_TEN


def test_predictions_rank_the_published_points_as_measured(scores: Accuracy) -> None:
    headline = next(one for one in scores.headlines if one.metric == PRIMARY)
    assert (headline.pooled.rank_correlation or 0.0) >= 0.95
