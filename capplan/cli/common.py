"""What commands share: options, loading with `--set`, and printing a report with the right exit code."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capplan.errors import InfeasibleError, PriceError, UnjudgedError, UserError

from . import _completion
from ._charts import Charts, pictures, save_charts

if TYPE_CHECKING:
    from capplan.report.report import Report
    from capplan.scenario.schema import Scenario

ScenarioFile = Annotated[
    str | None,
    typer.Argument(metavar="[SCENARIO]", help="Scenario file; left out, that of your settings, else the built-in."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Override a scenario key; repeatable.", autocompletion=_completion.settings
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help="table, json, csv, markdown, html ...",
        autocompletion=_completion.formats,
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write to a file; its suffix picks the format.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes and warnings on stderr.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (so does NO_COLOR).")]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit 4 where a price is undated or over 90 days old, or a target cannot be judged."),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="Judge prices as of this day, not of the day they were last read."),
]
AllowInfeasible = Annotated[
    bool, typer.Option("--allow-infeasible", help="Show plans that cannot be, marked so, and exit 0.")
]

# The options that `reports` adds to a command, in the order of its help.
_SHARED: dict[str, tuple[Any, object]] = {
    "format": (Format, None),
    "out": (Out, None),
    "chart": (Charts, None),
    "allow_infeasible": (AllowInfeasible, False),
    "strict": (Strict, False),
    "as_of": (AsOf, None),
    "quiet": (Quiet, False),
    "no_color": (NoColor, False),
}
# Longer than most paths.
_ENDLESS = re.compile(r"(\S{500})\S{500,}(\S{500})")
# Inputs of ours: a report must never be written over one, whatever `--out` says.
_INPUT_SUFFIXES = {".yaml", ".yml"}


def reports(command: Callable[..., Report]) -> Callable[..., None]:
    """Makes a function that returns a `Report` into a command that prints it under the shared options.

    The function's module must not postpone annotations (`from __future__ import annotations`): typer reads them.
    """

    @functools.wraps(command)
    def shown(**options: Any) -> None:
        shared = {name: options.pop(name) for name in _SHARED}
        output_format(shared["format"], shared["out"])  # a wrong one is told before the work, not after it
        pictures(shared["chart"])
        options |= {name: shared[name] for name in seen}
        emit(command(**options), **shared)

    keyword = inspect.Parameter.KEYWORD_ONLY
    given = inspect.signature(command).parameters
    # A command that works for minutes sees where its report goes, to keep there what is done.
    seen = [name for name in given if name in _SHARED]
    own = [one.replace(kind=keyword) for name, one in given.items() if name not in _SHARED]
    shared = [inspect.Parameter(name, keyword, default=to, annotation=what) for name, (what, to) in _SHARED.items()]
    shown.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    shown.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *shared]}
    return shown


def emit(
    report: Report,
    format: str | None = None,
    out: Path | None = None,
    chart: Sequence[str] | None = None,
    allow_infeasible: bool = False,
    strict: bool = False,
    as_of: str | None = None,
    quiet: bool = False,
    no_color: bool = False,
) -> None:
    """Prints a report, or writes it to `out`, and the charts asked for; warns of old prices, refuses them if `strict`.

    Prices are judged as of the day on which the catalogue last looked them up, or of `as_of`, never of the clock.
    Raises `PriceError` or, for a target that cannot be judged, `UnjudgedError` (exit 4) before printing,
    `InfeasibleError` (exit 3) after it, when no row can be and nobody allowed that.
    """
    from capplan.report.answer import Reported
    from capplan.report.formats import render
    from capplan.report.report import withheld
    from capplan.report.text import refusals

    old = old_prices(report, as_of)
    if strict and old:
        raise PriceError("\n".join(old))
    unjudged = unjudged_targets(report)
    if strict and unjudged:
        raise UnjudgedError("\n".join(unjudged))
    shown = report if allow_infeasible else withheld(report)
    if chart:
        from capplan.report.charts.of import charts

        save_charts(charts(shown), chart)
    width, name = columns(out), output_format(format, out)
    write(render(Reported(shown), name, width, colored(out, no_color)), out)
    if report.infeasible and not allow_infeasible:
        # On a terminal the table above has just given the reasons.
        raise InfeasibleError("no feasible plan" + ("" if width and name == "table" else f"\n{refusals(report)}"))
    if not all(report.feasible_rows) and not quiet:
        note(f"warning: {report.feasible_rows.count(False)} of {len(report.rows)} plans cannot be")
    if (old or unjudged) and not quiet:
        note("\n".join(f"warning: {said}" for said in (*old, *unjudged)))


def output_format(format: str | None, out: Path | None) -> str:
    """The format's name: as asked for, else by the suffix of `out`, else a table."""
    from capplan.report import formats

    if format is not None:
        if format not in formats.names():
            raise UserError(f"--format {format}: no such format (choose from {', '.join(formats.names())})")
        return format
    if out is None:
        return "table"
    _refuse_inputs(out)
    found = formats.of_suffix(out)
    if found is None:
        raise UserError(f"--out {out}: its suffix names no format (add --format, or use .json .csv .md .html .txt)")
    return found


def load(
    path: str | None, settings: Sequence[str] | None = None, flags: Mapping[str, object | None] | None = None
) -> Scenario:
    """The scenario of a file, under `--set` and the command's own flags.

    Without one, that of the project's settings (`_config`), else the built-in default.
    flags: scenario keys and what their flags were given, None where they were not; they win over `--set`.
    """
    from capplan.scenario import loader

    from ._config import setting

    given = [f"{key}={value}" for key, value in (flags or {}).items() if value is not None]
    return loader.load(path or setting("scenario") or loader.default_path(), [*(settings or ()), *given])


def old_prices(report: Report, as_of: str | None = None) -> list[str]:
    """What is wrong with the age of the catalogue's prices in a report, one sentence a price."""
    if not report.prices:
        return []
    from capplan.cost.age import day, stale

    return stale(report.prices, day(as_of) if as_of else None)


def unjudged_targets(report: Report) -> list[str]:
    """Targets that nothing is known to judge some plan by, one sentence each."""
    return list(dict.fromkeys(f"{said.key}: {said.source}" for said in report.assumptions if said.kind == "unjudged"))


def write(text: str, out: Path | None = None) -> None:
    """Text to stdout, or atomically to a file, so that no reader ever sees half a report."""
    if out is None:
        _to_stdout(text)
        return
    from capplan.writing import write_file

    _refuse_inputs(out)
    write_file(out, text)


def note(message: str) -> None:
    """A line for people, beside the data: notes, warnings, verdicts. Codes that steer a terminal are left out."""
    with contextlib.suppress(OSError):  # nobody can be told that there is nowhere to tell it
        typer.echo("".join(letter for letter in clipped(message) if letter.isprintable() or letter == "\n"), err=True)


def clipped(message: str) -> str:
    """A message without the middle of words that no eye reads: what somebody pasted, given back in an error.

    >>> len(clipped("no such key: " + "x" * 10**6))
    1016
    """
    return _ENDLESS.sub(r"\1...\2", message)


def is_scenario(path: Path) -> bool:
    """Whether a file that is there is somebody's scenario, in YAML or JSON."""
    from capplan.reading import Unreadable, parse_json, read_text
    from capplan.scenario.document import LARGEST_BYTES

    try:
        text = read_text(path, LARGEST_BYTES)
        tree = parse_json(text, str(path)) if text.lstrip().startswith("{") else None
    except Unreadable:
        return False
    if isinstance(tree, dict):
        return "workload" in tree and "schema" not in tree
    return any(line.startswith(("version: 1", "workload:")) for line in text.splitlines())


def _refuse_inputs(out: Path) -> None:
    if out.suffix.lower() in _INPUT_SUFFIXES or (out.is_file() and is_scenario(out)):
        raise UserError(f"--out {out}: would overwrite a scenario; reports end in .json .csv .md .html or .txt")


def _to_stdout(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except UnicodeEncodeError:
        sys.stdout.buffer.write(text.encode(sys.stdout.encoding, errors="replace"))
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer goes nowhere, or it would be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # Where the reader has seen enough (`| head`) the verdict still counts.
        if not isinstance(error, BrokenPipeError):
            raise UserError(f"stdout: cannot write ({error.strerror})") from None


def columns(out: Path | None) -> int | None:
    """Columns of the terminal that will show it; None for a file or a pipe, in which nothing is folded."""
    return typer.get_terminal_size().columns if out is None and sys.stdout.isatty() else None


def colored(out: Path | None, no_color: bool) -> bool:
    """Whether to use colours: on a terminal, or where FORCE_COLOR asks, unless --no-color or NO_COLOR says no."""
    wanted = columns(out) is not None or bool(os.environ.get("FORCE_COLOR"))
    return wanted and not no_color and not os.environ.get("NO_COLOR")
