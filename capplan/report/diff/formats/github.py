"""GitHub's workflow commands: each finding as an annotation at the scenario's line."""

from ..result import Diff
from ..verdict import RULES

SUFFIXES: tuple[str, ...] = ()

_LEVELS = {"fail": "error", "warn": "warning", "exempt": "notice"}


def render(found: Diff, width: int | None, color: bool) -> str:
    """One command a finding; one notice where nothing was judged or all is well."""
    if found.verdict is None or not found.verdict.told:
        return f"::notice title=capplan diff::{data(found.headline)}\n"
    lines = []
    for one in found.verdict.told:
        place = found.place(one.row, one.scenario)
        where = f"file={prop(place.file)},line={place.line}," if place else ""
        name = RULES[one.rule][0]
        lines.append(f"::{_LEVELS[one.level]} {where}title=capplan {one.rule} {prop(name)}::{data(one.message)}\n")
    return "".join(lines)


def data(text: str) -> str:
    """Text of a command. Source: GitHub's `@actions/core`, which escapes these characters so."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def prop(text: str) -> str:
    """A property of a command, in which colons and commas part."""
    return data(text).replace(":", "%3A").replace(",", "%2C")
