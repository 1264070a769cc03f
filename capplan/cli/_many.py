"""What commands of many plans share: workers, and winners written as scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capplan.errors import UserError

from .common import emit, is_scenario, note, write

if TYPE_CHECKING:
    from capplan.report.report import Report
    from capplan.scenario.schema import Scenario
    from capplan.search.many import Work

Jobs = Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Processes of this machine.")]
Cluster = Annotated[
    str | None, typer.Option("--cluster", metavar="ADDRESS", help="An existing Dask cluster (extra: capplan[cluster]).")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run that wrote to --out.")]


def working(
    jobs: int, cluster: str | None, label: str, out: Path | None = None, resume: bool = False
) -> AbstractContextManager[Work]:
    """The workers that the options ask for; what is done is kept beside `out` while they work."""
    from capplan.search.many import work

    if resume and out is None:
        raise UserError("--resume: needs --out, beside which the interrupted run kept what was done")
    return work(jobs, cluster, label, out.with_name(f"{out.name}.part") if out else None, resume)


def interrupted(report: Report, out: Path | None, done: int) -> None:
    """Writes what is done to the output file, and says how to go on."""
    if out is None or not done:
        note("interrupted" + ("" if out else "; with --out and --resume a long run goes on where it stopped"))
        return
    emit(report, None, out, allow_infeasible=True, quiet=True)
    note(f"interrupted: {out} holds the {done} rows that are done; --resume goes on")


@contextmanager
def going_on(
    jobs: int, cluster: str | None, label: str, out: Path | None, resume: bool
) -> Iterator[Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]]:
    """The workers' map, for a command whose report needs all of its parts: an interrupt leaves what is done beside
    `out`, and `--resume` goes on from there."""
    try:
        with working(jobs, cluster, label, out, resume) as work:
            yield work.map
    except KeyboardInterrupt:
        kept = f"; {label} that are done lie beside {out}, and --resume goes on with them" if out else ""
        note(f"interrupted{kept or '; with --out, --resume would go on where it stopped'}")
        raise


def write_scenario(scenario: Scenario, out: Path, command: str) -> None:
    """A scenario as YAML; a file that somebody else wrote is never overwritten."""
    from capplan.scenario.written import as_yaml, ours
    from capplan.writing import write_file

    if out.is_file() and not ours(out):
        raise UserError(f"--out {out}: would overwrite a scenario that capplan did not write; choose another name")
    write_file(out, as_yaml(scenario, out.parent, command))


def write_text(text: str, out: Path | None) -> None:
    """Text of another kind than a report to stdout or a file; a scenario is never overwritten."""
    from capplan.writing import write_file

    if out is None:
        write(text)
        return
    if out.is_file() and is_scenario(out):
        raise UserError(f"--out {out}: would overwrite a scenario; choose another name")
    write_file(out, text)
