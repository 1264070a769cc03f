"""Models at equal effort: what each costs a year."""

from collections.abc import Iterator

from ...report import Report
from ..chart import Chart
from ..costs import costs


def charts(report: Report) -> Iterator[Chart]:
    yield costs(report, "What each model costs a year at equal effort")
