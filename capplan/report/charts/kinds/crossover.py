"""Both models of a crossover: what a year costs around the K at which one exceeds the other."""

from collections.abc import Iterator

from ...report import Report
from ..chart import Chart
from ..costs import costs


def charts(report: Report) -> Iterator[Chart]:
    yield costs(report, "What a year costs around the crossings")
