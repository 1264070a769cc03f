"""What matters: one input alone, from its low to its high point."""

from collections.abc import Iterator

from ...report import Report
from ..chart import Chart
from ..costs import YEARLY
from ..marks.spans import Spans


def charts(report: Report) -> Iterator[Chart]:
    inputs = [row for row in report.rows if row["part"] == "input" and row.get("low_usd") and row.get("high_usd")]
    ends = [sorted((float(str(row["low_usd"])), float(str(row["high_usd"])))) for row in inputs]
    planned = next(float(str(row["annual_tco_usd"])) for row in report.rows if row["part"] == "plan")
    rows = tuple({"input": str(row["input"]), "from": low, "plan": planned, "to": high}
                 for row, (low, high) in zip(inputs, ends, strict=True))  # fmt: skip
    said = f"{rows[0]['input']} does most." if rows else ""
    mark = Spans("input", "from", "to", YEARLY, (("plan", "o"),))
    yield Chart("tornado", "What one input alone does to the yearly cost", said, rows, mark, in_tables=True)
