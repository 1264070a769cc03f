"""Ways of thinking: accuracy over cost, and the frontier with the interval of each accuracy."""

from collections.abc import Iterator

from ...frontier import brief, steps
from ...report import Report
from ...show import number
from ..chart import Chart
from ..marks.points import Points
from ..marks.spans import Spans

COST = "USD per 1,000 queries"


def charts(report: Report) -> Iterator[Chart]:
    best = steps(report)
    rows = tuple(
        {COST: float(str(row["usd_per_1k_queries"])), "accuracy": float(str(row["accuracy"])),
         "strategy": str(row["strategy"]), "frontier": "yes" if at in best else "no"}
        for at, row in enumerate(report.rows) if row.get("accuracy") is not None and row.get("usd_per_1k_queries")
    )  # fmt: skip
    said = f"{len(rows)} ways of thinking; dearer ones to the right, solid where more money buys more accuracy."
    mark = Points(COST, "accuracy", "strategy", "frontier", percent=True)
    yield Chart("frontier", "Accuracy and cost of each way of thinking", said, rows, mark)
    yield _intervals(report)


def _intervals(report: Report) -> Chart:
    """The frontier from the cheapest up: accuracy with its 90 % interval."""
    rows = []
    for at in steps(report):
        row = report.rows[at]
        cost = f"{number(float(str(row['usd_per_1k_queries'])))} USD"
        low, held, high = (100 * float(str(row[name])) for name in ("accuracy_low", "accuracy", "accuracy_high"))
        rows.append({"way": f"{brief(report, at)}: {cost}", "at least": low, "accuracy": held, "at most": high})
    said = "From the cheapest up, each with the 90 % interval of its accuracy."
    mark = Spans("way", "at least", "at most", "accuracy in %", (("accuracy", "o"),))
    title = "The frontier: accuracy and what 1,000 queries cost"
    return Chart("accuracy", title, said, tuple(rows), mark, in_tables=True)
