"""Predicted serving performance of many configurations, one row each.

Reads CSV points, or what `vllm bench serve`, GuideLLM, AIPerf, genai-perf and InferenceMAX write. Blanks are filled by
what the engine or the benchmark would do, and the column `predicted_notes` says so. No measured column is looked at.

$ capplan predict points.csv -o predictions.csv
"""

from pathlib import Path
from typing import Annotated

import typer

from .common import Format, Out, Quiet, note, output_format, write

Points = Annotated[list[Path], typer.Argument(metavar="POINTS...", help="Points files or benchmark results.")]
Assume = Annotated[
    list[str] | None, typer.Option("--assume", metavar="COLUMN=VALUE", help="Fill a blank column; repeatable.")
]
Engine = Annotated[str | None, typer.Option("--profile", metavar="NAME|FILE", help="One engine profile for all rows.")]


def command(
    points: Points,
    assume: Assume = None,
    profile: Engine = None,
    format: Format = None,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    name = output_format(format, out)
    from capplan.measured.given import read_with
    from capplan.measured.outcome import PREDICTED, predict_all, predicted_cells
    from capplan.measured.points import resolve_table
    from capplan.report.formats import render
    from capplan.report.predictions import sheet

    table = read_with(points, assume or ())
    read = resolve_table(table)
    predictions = predict_all(read, profile)
    rows = [
        {**row, **predicted_cells(point, prediction)}
        for row, point, prediction in zip(table.rows, read, predictions, strict=True)
    ]
    columns = [*(column for column in table.columns if column not in PREDICTED), *PREDICTED]
    write(render(sheet(columns, rows), name), out)
    refused = sum(bool(prediction.refused) for prediction in predictions)
    if refused and not quiet:
        note(f"{refused} of {len(rows)} rows refused; the column `refused` says why")
