"""What figures there are, where each comes from and how old it is; whether the catalogue is sound.

$ capplan catalog show h100-sxm
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from capplan.errors import UserError

from . import _completion
from ._catalog_import import import_
from ._listing import Format, Shape, as_json, lined_up, listed
from .common import Out, Quiet, note, write

if TYPE_CHECKING:
    from capplan.catalog.figures import Entry

app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


Kind = Annotated[
    str | None,
    typer.Argument(metavar="[KIND]", help="models, accelerators, sites ...; `capplan catalog list` tells all."),
]


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
    write(listed(rows, format), out)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name or alias of an entry.", autocompletion=_completion.entries)],
    kind: Annotated[
        str | None, typer.Option("--kind", "-k", metavar="KIND", help="Look among entries of this kind only.")
    ] = None,
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
        write(listed(rows, format), out)
        return
    first = found[0]
    write(as_json(_details(first)) if format is Format.json else _page(first), out)
    if len(found) > 1 and not quiet:
        note("; ".join(f"also in {other.kind}: add --kind {other.kind}" for other in found[1:]))


@app.command(short_help="Whether figures read, have a source and are within reason.")
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


app.command("import", short_help="Prices, or a model's config.json, into your own catalogue.")(import_)


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
    return "\n".join(head) + "\n\n" + lined_up(rows) + "\n" + lined_up(sources)
