"""The yearly cost of each row of a report, which many commands draw."""

from ..report import Report
from ..text import row_name
from .chart import Chart
from .marks.bars import Bars

# More bars than these are no picture.
MOST = 40
YEARLY = "USD a year"


def costs(report: Report, title: str = "What a year costs", in_tables: bool = False) -> Chart:
    """Bars of the rows that have a cost; a row is called by what tells it from the others."""
    rows = [
        {"plan": row_name(report, at), YEARLY: float(str(row["annual_tco_usd"]))}
        for at, row in enumerate(report.rows) if row.get("annual_tco_usd") is not None
    ]  # fmt: skip
    if len(rows) > MOST or len(rows) < 2:
        rows = []
    ends = [row["plan"] for row in sorted(rows, key=lambda row: float(str(row[YEARLY])))]
    said = f"{ends[0]} is the cheapest, {ends[-1]} the dearest." if ends else ""
    return Chart("cost", title, said, tuple(rows), Bars("plan", YEARLY), in_tables)
