"""CSV: one line a row, every contract column, empty where a value does not apply."""

import csv
import io

from ..document import columns, exact
from ..report import Report


def render(report: Report, width: int | None, color: bool) -> str:
    """The rows as RFC 4180 text with line feeds; money is written to the cent."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = columns(report)
    writer.writerow(names)
    for row in report.rows:
        writer.writerow([exact(row.get(name)) for name in names])
    return out.getvalue()
