"""Prices of a file, or the model of a config.json, into a catalogue."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

from ._listing import Format, Shape, listed
from .common import Out, Quiet, note, write

if TYPE_CHECKING:
    from capplan.catalog.imports.writing import Change


def import_(
    file: Annotated[Path, typer.Argument(help="LiteLLM's JSON, SkyPilot's CSV, a CSV of your own; or a config.json.")],
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="DAY", help="The day on which the prices held, or the config was read."),
    ] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="NAME", help="Provider of the prices in a SkyPilot file.")
    ] = None,
    tier: Annotated[
        str | None,
        typer.Option("--tier", metavar="TIER", help="What kind of provider: hyperscaler, neocloud or long_tail."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name to give the model of a config.json.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Your own catalogue; else CAPPLAN_CATALOG.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show also prices that did not change.")] = False,
    format: Shape = Format.table,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Prices of a file, or the model of a config.json, beside what stood; with a folder, into your own catalogue.

    $ capplan catalog import prices.csv --to my-catalogue

    A price of zero, or none, is absent, never free. Own columns: model, provider, input, output (0.55 USD/Mtoken) or
    accelerator, provider, price (2.40 USD/hour), and date, term, region.
    """
    import os

    from capplan.catalog.imports import reading, writing
    from capplan.reading import read_text

    folder = to or (Path(os.environ["CAPPLAN_CATALOG"]) if os.environ.get("CAPPLAN_CATALOG") else None)
    text = read_text(file, reading.MOST_BYTES)
    if reading.is_config(text):
        _import_model(file, on or "", name or "", folder, format, out, quiet)
        return
    if name:
        raise UserError(f"--name {name}: names the model of a config.json, and {file} holds prices")
    if tier and tier not in ("hyperscaler", "neocloud", "long_tail"):
        raise UserError(f"--tier {tier}: no such tier (choose from hyperscaler, neocloud, long_tail)")
    read = reading.read(text, str(file), on or "", provider or "")
    found = writing.changes(read)
    rows = [_change(one) for one in found if every or not one.same]
    write(listed(rows, format), out)
    paths = writing.write(writing.news(read), folder, f"{file.name} ({read.kind})", tier or "") if folder else []
    if quiet:
        return
    for reason, count in read.skipped.items():
        note(f"left out: {count} rows: {reason}")
    far = sum(one.far for one in found)
    if far:
        note(f"warning: {far} prices are more than {writing.FAR:g} times off those that stood; check their unit")
    same = sum(one.same for one in found)
    written = f"{len(paths)} files written below {folder}" if folder else "nothing written (add --to FOLDER)"
    note(f"{read.kind}: {len(found)} prices, {same} as they stood; {written}")


def _import_model(
    file: Path, on: str, name: str, folder: Path | None, format: Format, out: Path | None, quiet: bool
) -> None:
    from capplan.catalog.imports.models import read_model, write_model

    made = read_model(file, on, name)
    rows = [{"figure": figure, "stood": before, "now": now} for figure, before, now in made.differences]
    write(made.text if format is Format.table and not made.known else listed(rows, format), out)
    where = f"written to {write_model(made, folder)}" if folder else "nothing written (add --to FOLDER)"
    if quiet:
        return
    for assumption in made.assumptions:
        note(f"warning: {assumption}")
    stood = f"{len(rows)} figures differ from those that stood" if made.known else "a new model"
    note(f"{made.name}: {stood}; {where}")


def _change(one: "Change") -> dict[str, str]:
    from capplan.units import show

    before = "-" if one.before is None else show(one.before, one.unit)
    ratio = "new" if one.before is None else "same" if one.same else f"{one.after / one.before - 1:+.1%}"
    return {"price": one.what, "stood": before, "now": show(one.after, one.unit), "change": ratio,
            "look": "far off" if one.far else ""}  # fmt: skip
