"""What changed between two reports or scenarios, why, and whether it may pass.

BASE and HEAD are JSON reports, scenario files, or folders of either. With `--git`, one file against itself at another
revision. `--policy` and `--max-increase` judge the change: exit 1 where it fails.

$ capplan diff scenarios/default.yaml scenarios/cot-k-sweep.yaml
"""

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

from .common import NoColor, Out, Quiet, Settings, colored, columns, note, write

if TYPE_CHECKING:
    from capplan.report.diff.policy import Policy
    from capplan.report.diff.sides import Side
    from capplan.report.diff.verdict import Verdict

Base = Annotated[str, typer.Argument(metavar="BASE", help="What was: a report, a scenario or a folder of them.")]
Head = Annotated[str | None, typer.Argument(metavar="[HEAD]", help="What is now; left out with --git.")]
Git = Annotated[str | None, typer.Option("--git", metavar="REVISION", help="Compare the file with this revision's.")]
PolicyFile = Annotated[str | None, typer.Option("--policy", metavar="FILE", help="Limits, noise floor, exemptions.")]
MaxIncrease = Annotated[
    str | None, typer.Option("--max-increase", metavar="5%", help="Most that the yearly cost of any plan may grow.")
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="Judge exemptions and prices as of this day, not today."),
]
Format = Annotated[
    str | None,
    typer.Option("--format", "-f", metavar="FORMAT", help="table, json, csv, markdown, github, junit or sarif."),
]
Causes = Annotated[bool, typer.Option("--causes/--no-causes", help="Tell what each change of cost is due to.")]
Annotate = Annotated[
    str | None, typer.Option("--scenario", metavar="FILE", help="Scenario whose lines annotations of reports point at.")
]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit 0 whatever the verdict.")]


def command(
    base: Base,
    head: Head = None,
    git: Git = None,
    policy: PolicyFile = None,
    max_increase: MaxIncrease = None,
    as_of: AsOf = None,
    format: Format = None,
    out: Out = None,
    causes: Causes = True,
    scenario: Annotate = None,
    settings: Settings = None,
    exit_zero: ExitZero = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    from capplan.report.diff.formats import render
    from capplan.report.diff.result import diff

    name = _format(format, out)
    limits, day = _policy(policy, max_increase), _day(as_of)
    before, after = _sides(base, head, git, settings or [])
    if settings and not any(one.planned for one in (*before.values(), *after.values())):
        raise UserError(f"--set {settings[0]}: reports stand as they were written; name a scenario for BASE or HEAD")
    names = (f"{git}:{base}" if git else base, head or base)
    found = diff(before, after, names, limits, day, causes, _annotated(scenario))
    write(render(found, name, columns(out), colored(out, no_color)), out)
    if found.verdict is not None:
        _tell(found.verdict, quiet)
        if found.verdict.word == "FAIL" and not exit_zero:
            raise typer.Exit(1)


def _tell(verdict: "Verdict", quiet: bool) -> None:
    """The findings and the verdict, after the data."""
    if not quiet:
        for one in verdict.told:
            note(f"{one.level}: {one.message}")
    note(verdict.word)


def _sides(
    base: str, head: str | None, git: str | None, settings: list[str]
) -> tuple[dict[str, "Side"], dict[str, "Side"]]:
    from capplan.report.diff.sides import read, read_at

    if git is not None:
        return read_at(git, base, settings), read(head or base, settings)
    if head is None:
        raise UserError("HEAD is missing: name two files, or one with --git REVISION")
    return read(base, settings), read(head, settings)


def _annotated(path: str | None) -> "Side | None":
    from capplan.report.diff.sides import read

    if path is None:
        return None
    if Path(path).is_dir():
        raise UserError(f"--scenario {path}: a folder, not a file")
    return read(path)[""]


def _policy(path: str | None, max_increase: str | None) -> "Policy | None":
    """The file's policy, with the limit of the command line on top; None where neither is given.

    Where no file is named, that of the project's settings (`_config`) is taken.
    """
    from ._config import setting

    path = path or setting("policy")
    if path is None and max_increase is None:
        return None
    from capplan.report.diff.compare import TOTAL
    from capplan.report.diff.policy import Limits, Policy, amount, load

    made = load(path) if path else Policy()
    if max_increase is None:
        return made
    try:
        amount(TOTAL, max_increase)
    except ValueError as wrong:
        raise UserError(f"--max-increase {max_increase}: {wrong}") from None
    own = made.fail.get(TOTAL, Limits()).model_copy(update={"increase": (max_increase,)})
    return made.model_copy(update={"fail": {**made.fail, TOTAL: own}})


def _day(given: str | None) -> datetime.date:
    """The day to judge at: as given, that of SOURCE_DATE_EPOCH for runs that must repeat, else today.

    Only exemptions and the age of prices depend on it.
    """
    if given is not None:
        try:
            return datetime.date.fromisoformat(given)
        except ValueError:
            raise UserError(f"--as-of {given}: no day (write 2026-11-21)") from None
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdecimal():
        return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC).date()
    return datetime.date.today()


def _format(format: str | None, out: Path | None) -> str:
    from capplan.report.diff import formats

    if format is not None and format not in formats.names():
        raise UserError(f"--format {format}: no such format (choose from {', '.join(formats.names())})")
    found = format or (formats.of_suffix(out) if out else "table")
    if found is None:
        raise UserError(f"--out {out}: its suffix names no format (add --format, or use .json .csv .md .xml .sarif)")
    return found
