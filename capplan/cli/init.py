"""Write a commented starter scenario to fill in.

$ capplan init --template chat --print
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from capplan.errors import UserError

from .common import note, write

DEFAULT = Path("scenario.yaml")


def command(
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="File to write.")] = DEFAULT,
    template: Annotated[str, typer.Option("--template", "-t", metavar="NAME", help="What to start from.")] = "chat",
    show: Annotated[bool, typer.Option("--print", help="Print it instead of writing a file.")] = False,
) -> None:
    from capplan.scenario.templates import text as text_of
    from capplan.writing import write_file

    text = text_of(template)
    if show:
        write(text)
        return
    if os.path.lexists(path):
        raise UserError(f"{path}: exists already; give another PATH, or --print to see the template")
    write_file(path, text)
    note(f"wrote {path}; next: capplan validate {path}")
