"""The winner and its frontier: time to answer over cost, by accelerator."""

from collections.abc import Iterator

from ...report import Report
from ..chart import Chart
from ..costs import YEARLY
from ..marks.points import Points

_PARTS = ("winner", "frontier", "runner-up")


def charts(report: Report) -> Iterator[Chart]:
    plans = [
        (float(str(row["annual_tco_usd"])), float(str(row["tta_p99_s"])), row)
        for row in report.rows if row["part"] in _PARTS and row.get("annual_tco_usd") and row.get("tta_p99_s")
    ]  # fmt: skip
    rows, fastest = [], float("inf")
    for cost, wait, row in sorted(plans, key=lambda plan: plan[:2]):
        named = {"GPU": str(row["gpu"]), "plan": str(row["part"])}
        rows.append({YEARLY: cost, "TTA p99 in s": wait, **named, "frontier": "yes" if wait < fastest else "no"})
        fastest = min(fastest, wait)
    said = "Dearer plans to the right, slower ones up; solid where more money buys a faster answer."
    mark = Points(YEARLY, "TTA p99 in s", "GPU", "frontier")
    title = "Cost and time to the answer of the plans that meet every target"
    yield Chart("frontier", title, said, tuple(rows), mark)
