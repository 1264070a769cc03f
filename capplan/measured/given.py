"""What the caller says about result files that do not say it themselves: `--assume gpu=H100`."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from capplan.errors import UserError
from capplan.measured.readers import read_results
from capplan.measured.table import INPUTS, Table


def read_with(paths: Sequence[Path], assume: Sequence[str] = ()) -> Table:
    """Rows of result files of any known format, blanks filled by `COLUMN=VALUE` texts; raises UserError."""
    return read_results(paths, dict(_pair(text) for text in assume))


def _pair(text: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    column = column.strip()
    if not equals or not value.strip():
        raise UserError(f"--assume {text}: write COLUMN=VALUE, e.g. gpu=H100")
    if column not in INPUTS:
        near = difflib.get_close_matches(column, INPUTS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(sorted(INPUTS))}"
        raise UserError(f"--assume {text}: no column '{column}' ({hint})")
    return column, value.strip()
