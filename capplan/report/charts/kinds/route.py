"""Routing: what each pool costs a year, and what one model for all would."""

from collections.abc import Iterator

from ...report import Report
from ..chart import Chart
from ..costs import costs


def charts(report: Report) -> Iterator[Chart]:
    yield costs(report, "What each pool costs a year")
