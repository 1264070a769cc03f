"""CSV: one line for each figure that changed, and for each cause of a change of cost."""

import csv
import io

from ..compare import TOTAL
from ..result import Diff

SUFFIXES = (".csv",)

COLUMNS = ("scenario", "row", "status", "metric", "cause", "base", "head", "change", "relative")


def render(found: Diff, width: int | None, color: bool) -> str:
    """Lines with a `cause` are shares of the change of the yearly cost; empty where something does not apply."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in found.rows:
        name = (row.scenario, row.key, row.status)
        if row.status in ("added", "removed"):
            change = row.change(TOTAL)
            writer.writerow([*name, TOTAL, "", _cell(change.base), _cell(change.head), "", ""])
        for one in row.changes if row.status not in ("added", "removed") else ():
            cells = (one.base, one.head, one.absolute, one.relative)
            writer.writerow([*name, one.metric, "", *map(_cell, cells)])
        for cause, cents in row.causes.items():
            writer.writerow([*name, TOTAL, cause, "", "", f"{cents / 100:.2f}", ""])
    return out.getvalue()


def _cell(value: object) -> object:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value
