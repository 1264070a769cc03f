"""What figures there are, where each comes from and how old it is; whether the catalogue is sound.

$ capplan catalog show h100-sxm
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capplan.errors import UserError

from . import _completion
from .common import Out, Quiet, note, write

if TYPE_CHECKING:
    from capplan.catalog.figures import Entry
    from capplan.catalog.imports.writing import Change

app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


class Format(StrEnum):
    """How a listing is written."""

    table = "table"
    json = "json"


Kind = Annotated[str | None, typer.Argument(metavar="[KIND]", help="models, accelerators, sites, workloads, ...")]
Shape = Annotated[Format, typer.Option("--format", "-f", help="table or json.")]


@app.command("list")
def list_(kind: Kind = None, format: Shape = Format.table, out: Out = None) -> None:
    """The kinds of entries, or the entries of one kind.

    $ capplan catalog list accelerators
    """
    from capplan.catalog import files

    if kind is None:
        rows = [{"kind": one, "entries": str(len(files.names(one)))} for one in files.KINDS]
    else:
        rows = [_summary(one, name) for one in _kinds(kind) for name in files.names(one)]
    write(_json(rows) if format is Format.json else _columns([list(row.values()) for row in rows]), out)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name or alias of an entry.", autocompletion=_completion.entries)],
    kind: Annotated[str | None, typer.Option("--kind", "-k", metavar="KIND", help="Where to look.")] = None,
    format: Shape = Format.table,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Every figure of an entry, with its source.

    $ capplan catalog show h100-sxm
    """
    found = _entries(name, kind)
    if not found:
        rows = _hosted(name)
        write(_json(rows) if format is Format.json else _columns([list(row.values()) for row in rows]), out)
        return
    first = found[0]
    write(_json(_details(first)) if format is Format.json else _page(first), out)
    if len(found) > 1 and not quiet:
        note("; ".join(f"also in {other.kind}: add --kind {other.kind}" for other in found[1:]))


@app.command()
def check(kind: Kind = None, quiet: Quiet = False) -> None:
    """Whether every file reads and every figure has a source and is within reason; exit 2 where not.

    $ capplan catalog check
    """
    from capplan.catalog import check as checks
    from capplan.catalog import files

    kinds = _kinds(kind) if kind else list(files.KINDS)
    problems = [problem for one in kinds for problem in checks.check(one)]
    entries = sum(len(files.names(one)) for one in kinds)
    if problems:
        raise UserError("\n".join([*map(str, problems), f"{len(problems)} problems in {entries} files"]))
    if not quiet:
        write(f"{entries} files, no problems\n")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="LiteLLM's JSON, SkyPilot's CSV, a CSV of your own; or a config.json.")],
    on: Annotated[
        str, typer.Option("--on", metavar="DAY", help="The day on which the prices held, or the config was read.")
    ] = "",
    provider: Annotated[str, typer.Option("--provider", metavar="NAME", help="Whose SkyPilot file it is.")] = "",
    tier: Annotated[str, typer.Option("--tier", metavar="TIER", help="hyperscaler, neocloud or long_tail.")] = "",
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What a config's model is called.")] = "",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Your own catalogue; else CAPPLAN_CATALOG.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show prices that did not change, too.")] = False,
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
        _import_model(file, on, name, folder, format, out, quiet)
        return
    if name:
        raise UserError(f"--name {name}: names the model of a config.json, and {file} holds prices")
    if tier and tier not in ("hyperscaler", "neocloud", "long_tail"):
        raise UserError(f"--tier {tier}: no such tier (choose from hyperscaler, neocloud, long_tail)")
    read = reading.read(text, str(file), on, provider)
    found = writing.changes(read)
    rows = [_change(one) for one in found if every or not one.same]
    write(_json(rows) if format is Format.json else _columns([list(row.values()) for row in rows]), out)
    paths = writing.write(writing.news(read), folder, f"{file.name} ({read.kind})", tier) if folder else []
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
    shown = made.text if not made.known else _columns([list(row.values()) for row in rows])
    write(_json(rows) if format is Format.json else shown, out)
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


def _kinds(kind: str) -> list[str]:
    """The kinds that a word stands for: `prices` for all three of them."""
    from capplan.catalog import files

    kinds = [one for one in files.KINDS if one == kind or one.startswith(f"{kind}/")]
    if not kinds:
        raise UserError(f"no kind '{kind}' in the catalogue (choose from {', '.join(files.KINDS)})")
    return kinds


def _entries(name: str, kind: str | None) -> "list[Entry]":
    from capplan.catalog import files
    from capplan.catalog.figures import entry

    kinds = _kinds(kind) if kind else list(files.KINDS)
    found = [entry(one, name) for one in kinds if files.exists(one, name)]
    if found or _hosted(name):
        return found
    if "sites" in kinds and (file := _file_of_region(name)):
        return [entry("sites", file)]
    near = [close for one in kinds for close in _near(one, name)]
    hint = f"did you mean {' or '.join(near[:4])}? " if near else ""
    raise UserError(f"no '{name}' in the catalogue ({hint}`capplan catalog list` shows the kinds)")


def _file_of_region(name: str) -> str:
    """The file that holds a region such as `us-iowa`, '' where there is none."""
    from capplan.catalog.files import UnknownName
    from capplan.catalog.sites import place

    try:
        return place(name)[0]
    except UnknownName:
        return ""


def _hosted(name: str) -> list[dict[str, str]]:
    """Who hosts a model of that name, and for how much."""
    from capplan.catalog.api_prices import hosts
    from capplan.units import show

    return [
        {
            "provider": offer.provider,
            "model": offer.model,
            "input": show(offer.input_usd_per_token, "usd_per_token"),
            "output": show(offer.output_usd_per_token, "usd_per_token"),
            "on": offer.date,
            "source": offer.source,
        }
        for offer in hosts(name)
    ]


def _near(kind: str, name: str) -> tuple[str, ...]:
    from capplan.catalog import files

    try:
        files.find(kind, name)
    except files.UnknownName as unknown:
        return unknown.suggestions[:2]
    return ()


def _summary(kind: str, name: str) -> dict[str, str]:
    from capplan.catalog import files

    return {"kind": kind, "name": name, "title": str(files.load(kind, name).get("title", ""))}


def _details(held: "Entry") -> dict[str, Any]:
    figures = [
        {
            "path": figure.path,
            "value": figure.value,
            "source": figure.source.title if figure.source else None,
            "source_kind": figure.source.kind if figure.source else None,
            "read": (figure.source.read or None) if figure.source else None,
            "recalled": figure.source.recalled if figure.source else None,
            "on": figure.on or None,
            "note": figure.note or None,
        }
        for figure in held.figures()
    ]
    head: dict[str, Any] = {key: held.tree[key] for key in ("title", "aliases") if key in held.tree}
    return {"kind": held.kind, "name": held.name, **head, "file": held.path.name, "figures": figures}


def _page(held: "Entry") -> str:
    """Head, figures with the key of their source, and the sources below."""
    head = [f"{held.name}: {held.tree.get('title', '')} ({held.kind})"]
    words = {key: value for key, value in held.tree.items() if isinstance(value, str) and key not in ("name", "title")}
    aliases = held.tree.get("aliases")
    if isinstance(aliases, list) and aliases:
        head.append(f"also called: {', '.join(map(str, aliases))}")
    rows = [[key, value, "", ""] for key, value in words.items() if key != "from"]
    for figure in held.figures():
        remarks = "; ".join(part for part in (figure.on, figure.note) if part)
        rows.append([figure.path, figure.value, f"[{figure.source.key}]" if figure.source else "[no source]", remarks])
    sources = [[f"[{source.key}]", str(source)] for source in held.sources.values()]
    return "\n".join(head) + "\n\n" + _columns(rows) + "\n" + _columns(sources)


def _columns(rows: list[list[str]]) -> str:
    """Rows with their columns under each other, nothing cut; the last column is as wide as it is."""
    if not rows:
        return ""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
