"""One self-contained page with charts, for people who will not open a terminal.

$ capplan report scenarios/default.yaml --format text

The page asks nothing of the network. Tornado, break-even, pools and the frontier come where the scenario has ranges, an
API, tiers or strategies.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import InfeasibleError, UserError

from ._charts import Charts, pictures, save_charts
from ._grid import K, Over, grid
from .common import AllowInfeasible, ScenarioFile, Settings, load, note, write

if TYPE_CHECKING:
    from capplan.report.page.page import Page

Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE.html", help="The page; stdout if left out.")]
Format = Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="html, or text for what it holds.")]


def command(
    scenario: ScenarioFile = None,
    out: Out = None,
    k: K = None,
    over: Over = None,
    chart: Charts = None,
    format: Format = "html",
    settings: Settings = None,
    allow_infeasible: AllowInfeasible = False,
) -> None:
    from capplan.report.page.gather import gather

    if format not in ("html", "text"):
        raise UserError(f"--format {format}: no such format (choose from html, text)")
    if out is not None and format == "html" and out.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--out {out}: the page is HTML; name a .html file")
    pictures(chart)
    page = gather(load(scenario, settings), grid(k, over), not allow_infeasible)
    save_charts(page.charts, chart or ())
    write(_text(page) if format == "text" else _page(page), out)
    if not page.possible and not allow_infeasible:
        raise InfeasibleError("no feasible plan; the page says why")


def _page(page: "Page") -> str:
    from capplan.report.charts.draw import lacking
    from capplan.report.page.render import render

    if page.charts and (why := lacking()):
        note(f"warning: the page has no charts: {why}")
    return render(page)


def _text(page: "Page") -> str:
    """The parts of the page and its charts' names, a line each."""
    lines = [page.title, page.answer]
    for section in page.sections:
        charts = [part.name for part in section.parts if part in page.charts]
        lines.append(f"  {section.title}{f'  (chart {chr(44).join(charts)})' if charts else ''}")
    return "\n".join(lines) + "\n"
