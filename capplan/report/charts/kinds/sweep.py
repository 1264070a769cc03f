"""A sweep: what each row costs, and the multipliers where one numeric key is swept."""

from collections.abc import Iterator

from ...metrics import metric
from ...report import Report
from ..chart import Chart
from ..costs import costs
from ..marks.lines import Lines

MULTIPLIERS = ("latency_multiplier", "token_multiplier", "fleet_multiplier", "cost_multiplier")


def charts(report: Report) -> Iterator[Chart]:
    over = " and ".join(metric(name).label for name in report.axes)
    yield costs(report, f"USD a year over {over}", in_tables=True)
    if len(report.axes) == 1:
        yield _multipliers(report, report.axes[0])


def _multipliers(report: Report, axis: str) -> Chart:
    label, named = metric(axis).label, {name: metric(name).label for name in MULTIPLIERS}
    rows = tuple(
        {label: row[axis], "times": float(str(row[name])), "of": named[name]}
        for name in MULTIPLIERS for row in report.rows
        if isinstance(row.get(axis), (int, float)) and row.get(name) is not None
    )  # fmt: skip
    most = {of: max(float(str(row["times"])) for row in rows if row["of"] == of)
            for of in dict.fromkeys(row["of"] for row in rows)}  # fmt: skip
    said = "Times the first row at most: " + ", ".join(f"{of} {times:.1f}" for of, times in most.items()) + "."
    title = f"Latency, tokens, fleet and cost over {label}, as times the first"
    return Chart("multipliers", title, said, rows, Lines(label, "times", "of"))
