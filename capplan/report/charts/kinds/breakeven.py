"""Self-host or API: what both cost a month over the volume, and where they swap places."""

from collections.abc import Iterator

from ...report import Report
from ..chart import Chart
from ..marks.lines import Lines

MONTHLY = "USD a month"


def charts(report: Report) -> Iterator[Chart]:
    curve = [row for row in report.rows if row["part"] == "curve"]
    rows = tuple(
        {"queries a month": float(str(row["queries_per_month"])), MONTHLY: float(str(row[name])), "paid for": what}
        for name, what in (("fleet_usd_per_month", "self-hosting"), ("api_usd_per_month", "API")) for row in curve
        if float(str(row["queries_per_month"])) > 0 and row.get(name)
    )  # fmt: skip
    today = next(row for row in report.rows if row["part"] == "today")
    volume = today.get("stays_queries_per_month")
    swap = (float(str(volume)), f"{float(str(volume)):,.0f} queries a month") if volume else None
    ends = [float(str(row["queries_per_month"])) for row in curve]
    inside = swap if swap and ends and ends[0] <= swap[0] <= ends[-1] else None
    said = f"Self-hosting stays cheaper from {inside[1]} on." if inside else "Neither curve crosses the other for good."
    mark = Lines("queries a month", MONTHLY, "paid for", log_x=True, log_y=True, points=False, upright=inside)
    yield Chart(
        "break-even", "Self-hosting or API: what a month costs over its queries", said, rows, mark, in_tables=True
    )
