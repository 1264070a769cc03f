"""Whether scenario files are right: every fault at file:line:column, with what to do.

$ capplan validate scenarios/cot-k-sweep.yaml
"""

from typing import Annotated

import typer

from capplan.errors import UserError

from .common import Quiet, Settings, load, note, write

Files = Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Scenario files.", show_default=False)]


def command(scenarios: Files, settings: Settings = None, quiet: Quiet = False) -> None:
    faults = [fault for fault in (_fault(path, settings) for path in scenarios) if fault]
    good = len(scenarios) - len(faults)
    if faults:
        raise UserError("\n".join([*faults, f"{len(faults)} of {len(scenarios)} files have faults"]))
    if not quiet:
        write("".join(f"{path}: ok\n" for path in scenarios))
        note(f"{good} of {len(scenarios)} files are right")


def _fault(path: str, settings: list[str] | None) -> str:
    """The faults of one file, all of them, or nothing; the next files are looked at either way."""
    try:
        load(path, settings)
    except UserError as faults:
        return str(faults)
    return ""
