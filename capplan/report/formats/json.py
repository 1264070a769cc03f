"""JSON: the contract's `capplan.report/1` object."""

import json

from ..document import document
from ..report import Report


def render(report: Report, width: int | None, color: bool) -> str:
    """The report as an indented JSON object; the same report gives the same bytes."""
    return json.dumps(document(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
