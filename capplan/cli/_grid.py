"""The options that name a grid of plans: K, and any key of the scenario."""

from collections.abc import Sequence
from typing import Annotated

import typer

from capplan.errors import UserError

from . import _completion

K = Annotated[str | None, typer.Option("--k", metavar="1,4,8,16", help="Reasoning steps to compare.")]
Over = Annotated[
    list[str] | None,
    typer.Option(
        "--over",
        metavar="PATH=V1,V2",
        help="Sweep any scenario key; several give their grid.",
        autocompletion=_completion.settings,
    ),
]


def grid(k: str | None, over: Sequence[str] | None) -> dict[str, list[str]]:
    """Values by dotted key; raises UserError for a key that is given twice."""
    from capplan.search.axes import parse_over, split_values

    found: dict[str, list[str]] = {"reasoning.k": split_values(k)} if k else {}
    for path, values in map(parse_over, over or ()):
        if path in found:
            raise UserError(f"--over {path}: given twice")
        found[path] = values
    return found
