"""Many points are predicted as arrays: the time of a file grows far slower than its rows."""

from pathlib import Path
from time import process_time

from capplan.engine.point import Point
from capplan.engine.predict import predict
from capplan.measured.points import resolve_table
from capplan.measured.table import read_table

PUBLISHED = read_table(Path(__file__).with_name("published_points.csv"))
POINTS = [point for point in resolve_table(PUBLISHED) if isinstance(point, Point)]


def seconds(points: list[Point]) -> float:
    def once() -> float:
        began = process_time()
        predict(points)
        return process_time() - began

    return min(once() for _ in range(2))


def test_twenty_times_the_points_take_less_than_six_times_as_long() -> None:
    predict(POINTS)
    assert seconds(POINTS * 20) < 6 * seconds(POINTS)
