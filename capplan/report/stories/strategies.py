"""`strategies`: the advice first, then the rows worth reading, then the frontier drawn."""

from collections.abc import Iterator

from ..blocks import Block, Heading, Text
from ..charts.of import beside_tables
from ..frontier import missed, worth_looking_at
from ..report import Report
from ..story_parts import cannot_be, plans_grid, rests_on
from ..text import identity


def tell(report: Report) -> Iterator[Block]:
    yield Heading(f"{report.name}: {identity(report)}", 1)
    if report.notes:
        yield Text(report.notes[0])
    shown = worth_looking_at(report)
    if len(shown.rows) < len(report.rows):
        left = len(report.rows) - len(shown.rows)
        yield Text(f"{left} of {len(report.rows)} rows are no step of the frontier; JSON and CSV have them all.")
    yield plans_grid(shown)
    yield from beside_tables(report)
    for sentence in report.notes[1:]:
        yield Text(sentence)
    yield from cannot_be(report) if len(shown.rows) == len(report.rows) else (Text(missed(report)),)
    yield Text(rests_on(report), "quiet")
