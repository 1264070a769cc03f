"""JSON: the `capplan.diff/1` object."""

import json

from ..result import Diff, document

SUFFIXES = (".json",)


def render(found: Diff, width: int | None, color: bool) -> str:
    """The comparison as an indented JSON object; the same comparison gives the same bytes."""
    return json.dumps(document(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
