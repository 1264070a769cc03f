"""The budget of the years ahead: what is bought, rented and spent on running each year."""

from collections.abc import Iterator

from ...report import Report
from ..chart import Chart
from ..costs import YEARLY
from ..marks.bars import Bars

_PARTS = (("bought", "purchases_usd"), ("rent", "rent_usd"), ("running", "running_usd"))


def charts(report: Report) -> Iterator[Chart]:
    years = [row for row in report.rows if row["part"] == "year"]
    paid = [(label, name) for label, name in _PARTS if any(row.get(name) for row in years)]
    rows = tuple({"year": f"year {row['year']}", **{label: float(str(row.get(name) or 0)) for label, name in paid}}
                 for row in years)  # fmt: skip
    said = f"Paid over {len(years)} years, by what it is paid for."
    mark = Bars("year", YEARLY, tuple(label for label, _ in paid))
    yield Chart("budget", "The budget by year", said, rows, mark, in_tables=len(rows) > 1)
