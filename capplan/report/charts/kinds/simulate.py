"""A simulation: what share of the requests took at most so long."""

from collections.abc import Iterator

from ...report import Report
from ..chart import Chart
from ..marks.lines import Lines

# Shares that a terminal shows, of the many that the picture has.
SHARES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


def charts(report: Report) -> Iterator[Chart]:
    curves = dict(report.distributions)
    if curves.get("TTFO") == curves.get("TTFT"):  # nothing is thought before the answer
        curves.pop("TTFO", None)
    rows = tuple(
        {"seconds": seconds, "share of requests": round(at / (len(curve) - 1), 6), "latency": name}
        for name, curve in curves.items() for at, seconds in enumerate(curve) if seconds > 0
    )  # fmt: skip
    said = "Cumulative distributions: how many of the requests took at most so long."
    mark = Lines("seconds", "share of requests", "latency", log_x=True, points=False, shares=SHARES)
    yield Chart("distribution", "Share of requests that took at most so long", said, rows, mark, in_tables=True)
