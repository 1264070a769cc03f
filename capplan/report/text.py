"""Sentences that several formats and the command line say alike."""

import shlex
from collections.abc import Mapping

from capplan.engine.excuse import Excuse

from .metrics import IDENTITY, metric
from .report import Report
from .show import cell

_NUMBER_FORMATS = ("weights", "kv_cache")
_MOST_NAMED = 3
_PARALLEL = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "attention_data_parallel")


def row_name(report: Report, at: int) -> str:
    """What tells a row from the others, as a person would say it: `K = 8`, or the scenario's name."""
    row = report.rows[at]
    axes = [name for name in report.axes if row.get(name) is not None]
    return ", ".join(f"{metric(name).label} = {cell(metric(name), row[name])}" for name in axes) or report.name


def refusals(report: Report) -> str:
    """Every reason why rows cannot be, with its cure; rows that share a reason are named together."""
    grouped: dict[tuple[str, str, str], list[int]] = {}
    for one in report.excuses:
        if one.row is not None:
            grouped.setdefault((one.why.constraint, one.why.message, cure(one.why)), []).append(one.row)
    return "\n".join(
        f"  {_names(report, rows)}: {constraint}: {message}\n    cure: {mend}"
        for (constraint, message, mend), rows in grouped.items()
    )


def cure(why: Excuse) -> str:
    """How to mend a refusal, with the flags that do it."""
    flags = " ".join(f"--set {shlex.quote(f'{path}={_value(value)}')}" for path, value in why.changes.items())
    return f"{why.cure or 'none found by a single change'}{f'  ({flags})' if flags else ''}"


def identity(report: Report) -> str:
    """What all rows have in common, in one line: model, GPU, number formats, engine, layout, traffic."""
    constant = {name: report.rows[0].get(name) for name in IDENTITY if name not in varying(report)}
    parts = [
        str(constant["model"]) if constant.get("model") else "",
        f"on {constant['gpu']}" if constant.get("gpu") else "",
        *(f"{constant[name]} {metric(name).label}" for name in _NUMBER_FORMATS if constant.get(name)),
        str(constant.get("engine") or ""),
        *(f"{metric(name).label} {constant[name]}" for name in _PARALLEL if _many(constant.get(name))),
        traffic(report.scenario) if "workload.qps" not in report.axes else "",
    ]
    return ", ".join(part for part in parts if part).replace(", on ", " on ")


def varying(report: Report) -> list[str]:
    """Columns that tell rows apart: the swept ones first, then any identity column that is not the same in all."""
    values = {name: {str(row[name]) for row in report.rows if row.get(name) is not None} for name in IDENTITY}
    changed = [name for name in IDENTITY if len(values[name]) > 1]
    return [*report.axes, *(name for name in changed if name not in report.axes)]


def traffic(scenario: Mapping[str, object]) -> str:
    """`100 queries/s`, or '' where the scenario does not say."""
    workload = scenario.get("workload")
    qps = workload.get("qps_per_s", workload.get("qps")) if isinstance(workload, Mapping) else None
    return f"{qps:,.6g} queries/s" if isinstance(qps, int | float) else ""


def _names(report: Report, rows: list[int]) -> str:
    if len(rows) == len(report.rows) > 1:
        return "every row"
    named = "; ".join(row_name(report, at) for at in rows[:_MOST_NAMED])
    return f"{named} and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else named


def _many(value: object) -> bool:
    return isinstance(value, int | float) and value > 1


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
