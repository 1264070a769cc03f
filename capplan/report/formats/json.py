"""JSON: the object of an answer, such as the contract's `capplan.report/1`."""

import json

from ..answer import Answer

SUFFIXES = (".json",)


def render(answer: Answer, width: int | None, color: bool) -> str:
    """An indented object; the same answer gives the same bytes."""
    return json.dumps(answer.document(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
