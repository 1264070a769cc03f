"""How a number of the plan came about: formulas and numbers down to the scenario and the catalogue.

The formulas are those that made the number, recorded while the plan was made.

$ capplan explain scenarios/default.yaml ttft_s
"""

from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

from . import _completion
from .common import NoColor, Out, Settings, colored, load, write

if TYPE_CHECKING:
    from pathlib import Path

    from capplan.plan.derivation.tree import Step

FORMATS = {"table": ".txt", "json": ".json", "markdown": ".md"}
Scenario = Annotated[str, typer.Argument(metavar="SCENARIO", help="Scenario file; `default` is the built-in one.")]
Metric = Annotated[
    str,
    typer.Argument(
        metavar="METRIC", help="A column of the report, such as annual_tco_usd.", autocompletion=_completion.columns
    ),
]
Format = Annotated[str | None, typer.Option("--format", "-f", metavar="FORMAT", help="table, json or markdown.")]
Depth = Annotated[str, typer.Option("--depth", metavar="LEVELS", help="How deep to go: a number, or all.")]


def command(
    scenario: Scenario,
    metric: Metric,
    format: Format = None,
    depth: Depth = "6",
    out: Out = None,
    settings: Settings = None,
    no_color: NoColor = False,
) -> None:
    name, levels = _format(format, out), _levels(depth)
    loaded = load(_named(scenario), settings)
    step = _step(loaded, metric)
    if name == "json":
        from capplan.report.derivation import to_json

        write(to_json(loaded.name, metric, step), out)
    elif name == "markdown":
        from capplan.report.derivation import markdown

        write(markdown(metric, step, levels), out)
    else:
        from capplan.report.blocks import cleaned
        from capplan.report.derivation import told
        from capplan.report.formats.table import lay_out

        # A tree that is folded is no tree: lines are as long as they need to be, on a terminal too.
        write(lay_out([cleaned(block) for block in told(metric, step, levels)], None, colored(out, no_color)), out)


def _step(scenario: object, metric: str) -> "Step":
    from capplan.plan.derivation.plans import derived
    from capplan.report.metrics import BY_NAME
    from capplan.scenario.kinds import nearest

    if metric not in BY_NAME:
        hint = nearest(metric, list(BY_NAME)) or "`capplan schema report` lists the columns"
        raise UserError(f"{metric}: no such column ({hint})")
    plan, steps = derived(scenario, [metric])  # type: ignore[arg-type]
    if metric in steps:
        return steps[metric]
    value = plan.row.get(metric)
    if value is None:
        raise UserError(f"{metric}: does not apply to this plan, so there is nothing to explain")
    raise UserError(f"{metric}: is '{value}', a word and not a number with a formula")


def _named(scenario: str) -> str:
    from capplan.scenario.loader import default_path

    return str(default_path()) if scenario == "default" else scenario


def _format(format: str | None, out: "Path | None") -> str:
    if format is not None and format not in FORMATS:
        raise UserError(f"--format {format}: no such format (choose from {', '.join(FORMATS)})")
    by_suffix = {suffix: name for name, suffix in FORMATS.items()}
    found = format or ("table" if out is None else by_suffix.get(out.suffix.lower()))
    if found is None:
        raise UserError(f"--out {out}: its suffix names no format (add --format, or use .txt .json .md)")
    return found


def _levels(depth: str) -> int | None:
    if depth != "all" and not depth.isdecimal():
        raise UserError(f"--depth {depth}: a number of levels or 'all' is needed")
    return None if depth == "all" else int(depth)
