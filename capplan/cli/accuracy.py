"""Predicted against measured: by source, load type, engine, model and accelerator, with the worst rows.

$ capplan accuracy measured.csv --worst 5
"""

from pathlib import Path
from typing import Annotated

import typer

from capplan.errors import UserError

from ._charts import Charts, pictures, save_charts
from .common import Format, Out, Quiet, note, output_format, write

Measured = Annotated[list[Path], typer.Argument(metavar="MEASURED...", help="Points files or benchmark results.")]
Assume = Annotated[
    list[str] | None, typer.Option("--assume", metavar="COLUMN=VALUE", help="Fill a blank column; repeatable.")
]
Engine = Annotated[str | None, typer.Option("--profile", metavar="NAME|FILE", help="One engine profile for all rows.")]
Worst = Annotated[int, typer.Option("--worst", min=0, help="How many of the worst rows to list.")]
MaxMedian = Annotated[
    str | None, typer.Option("--max-median", metavar="13%", help="Exit 1 when the average median error is above.")
]
Readme = Annotated[
    Path | None,
    typer.Option("--readme", metavar="FILE.md", help="Paste the table of left-out errors there.", hidden=True),
]
VIOLATED = 1


def command(
    measured: Measured,
    assume: Assume = None,
    profile: Engine = None,
    worst: Worst = 10,
    chart: Charts = None,
    max_median: MaxMedian = None,
    format: Format = None,
    out: Out = None,
    readme: Readme = None,
    quiet: Quiet = False,
) -> None:
    name = output_format(format, out)
    pictures(chart)
    from capplan.measured.given import read_with
    from capplan.measured.outcome import estimates, predict_all
    from capplan.measured.pairs import PRIMARY
    from capplan.measured.points import resolve_table
    from capplan.measured.score import accuracy
    from capplan.report.charts.scatter import scatter
    from capplan.report.formats import render
    from capplan.report.scores import sheet
    from capplan.units import parse

    limit = parse(max_median, "ratio") if max_median else None
    table = read_with(measured, assume or ())
    read = resolve_table(table)
    scores = accuracy(table.rows, read, estimates(predict_all(read, profile), read))
    if not scores.pairs:
        raise UserError("no measured values: `primary_metric` with its column, out_tps_total, tpot_ms_* or ttft_ms_*")
    write(render(sheet(scores, worst), name), out)
    save_charts([scatter(scores)], chart or ())
    if readme is not None:
        from capplan.measured.generalise import generalise
        from capplan.reading import read_text
        from capplan.report.generalisation import pasted
        from capplan.writing import write_file

        write_file(readme, pasted(read_text(readme, 1 << 20), generalise(table.rows, read), scores.pairs))
    headline = next((one for one in scores.headlines if one.metric == PRIMARY), scores.headlines[0])
    if limit is not None and (headline.median is None or headline.median > limit):
        shown = "none" if headline.median is None else f"{100 * headline.median:.1f} %"
        note(f"average median error {shown} is above {100 * limit:g} %")
        raise typer.Exit(VIOLATED)
    if scores.refusals and not quiet:
        note(f"{len(scores.refusals)} of {len(table.rows)} rows could not be predicted")
