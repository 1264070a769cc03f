"""What commands of many plans share: workers, and winners written as scenarios."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario
    from capplan.search.workers import Crew

Jobs = Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Processes of this machine.")]
Cluster = Annotated[
    str | None, typer.Option("--cluster", metavar="ADDRESS", help="An existing Dask cluster (extra: capplan[cluster]).")
]


def working(jobs: int, cluster: str | None, label: str, quiet: bool = False) -> AbstractContextManager[Crew]:
    """The workers that the options ask for."""
    from capplan.search.workers import crew

    return crew(jobs, cluster, label, quiet)


def write_scenario(scenario: Scenario, out: Path, command: str) -> None:
    """A scenario as YAML; a file that somebody else wrote is never overwritten."""
    from capplan.scenario.written import as_yaml, ours

    draft = out.with_name(f".{out.name}.draft")
    try:
        if out.exists() and not ours(out):
            raise UserError(f"--out {out}: would overwrite a scenario that capplan did not write; choose another name")
        draft.write_text(as_yaml(scenario, out.parent, command), encoding="utf-8")
        draft.replace(out)
    except OSError as error:
        raise UserError(f"--out {out}: cannot write ({error.strerror})") from error
