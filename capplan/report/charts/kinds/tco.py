"""One plan: its bill, and what its users wait for."""

from collections.abc import Iterator
from decimal import Decimal

from ...report import Report
from ...show import cents
from ..chart import Chart
from ..costs import YEARLY
from ..marks.bars import Bars
from ..waits import waits


def charts(report: Report) -> Iterator[Chart]:
    if report.lines:
        rows = tuple({"item": line.label, YEARLY: float(line.usd_per_year)} for line in report.lines)
        total = sum((line.usd_per_year for line in report.lines), Decimal(0))
        largest = max(report.lines, key=lambda line: line.usd_per_year)
        said = f"{cents(total)} USD in all; the largest item is {largest.label}."
        yield Chart("cost-breakdown", "Cost of a year by item", said, rows, Bars("item", YEARLY))
    if report.rows[0].get("tta_s") is not None:
        yield waits(report.waits)
