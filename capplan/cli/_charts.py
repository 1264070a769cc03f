"""`--chart`: what a command draws, saved as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

if TYPE_CHECKING:
    from capplan.report.charts.chart import Chart

Charts = Annotated[
    list[str] | None,
    typer.Option("--chart", metavar="[NAME=]FILE", help="Also a chart as .svg or .png; repeatable."),
]


def pictures(asked: Sequence[str] | None) -> list[tuple[str, Path]]:
    """The charts that `--chart` asks for: name, '' for the first, and file."""
    if not asked:
        return []
    from capplan.report.charts.draw import SUFFIXES

    made = []
    for text in asked:
        name, _, file = text.rpartition("=")
        if Path(file).suffix.lower() not in SUFFIXES:
            raise UserError(f"--chart {text}: a chart is written as .svg or .png")
        made.append((name, Path(file)))
    return made


def save_charts(charts: Sequence[Chart], asked: Sequence[str]) -> None:
    """Writes the charts asked for: by name, else that which the file is named after, else the first."""
    from capplan.report.charts.draw import picture
    from capplan.writing import write_file

    by_name = {chart.name: chart for chart in charts}
    for name, file in pictures(asked):
        found = by_name.get(name) if name else by_name.get(file.stem, next(iter(charts), None))
        if found is None:
            named = ", ".join(by_name) or "none"
            raise UserError(f"--chart {name or file}: no such chart (there are: {named})")
        write_file(file, picture(found, file))
