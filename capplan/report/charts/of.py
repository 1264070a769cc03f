"""The charts of a report, by its kind: one file each under kinds/."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ..report import Report
from .chart import Chart


def charts(report: Report) -> list[Chart]:
    """What can be drawn of a report, the telling one first; none where its kind has no charts or nothing to show."""
    if not Path(__file__).with_name("kinds").joinpath(f"{report.kind}.py").is_file():
        return []
    drawn = import_module(f"{__package__}.kinds.{report.kind}").charts(report)
    return [chart for chart in drawn if chart.rows]


def beside_tables(report: Report) -> list[Chart]:
    """Those that stand beside the tables of a report."""
    return [chart for chart in charts(report) if chart.in_tables]
