"""`optimize`: the winner in one sentence, how firmly it stands, what comes after it, and the frontier."""

from collections.abc import Iterator

from ..blocks import Block, Grid, Heading, Text, grid
from ..metrics import metric
from ..report import Report
from ..show import column
from ..text import refusals

_PLAN = (
    "gpu", "engine", "weights", "kv_cache", "tensor_parallel", "pipeline_parallel", "expert_parallel",
    "prefill_replicas", "prefill_tensor_parallel", "decode_replicas", "concurrency",
    "pricing", "gpus", "annual_tco_usd", "ttft_s", "itl_s", "tta_p99_s", "annual_kg_co2e", "accuracy",
    "usd_per_correct_answer",
)  # fmt: skip
_VERIFIED = ("ttft_s", "ttft_p95_s", "itl_p95_s", "tta_s", "tta_p95_s", "tta_p99_s")
_CHOSEN = ("model", "strategy", "speculative_decoding")
_FIRST = 5


def tell(report: Report) -> Iterator[Block]:
    yield Heading(f"{report.name}: the cheapest plan that meets every target", 1)
    for sentence in report.notes[:_FIRST]:
        yield Text(sentence)
    if report.infeasible:
        yield Text(f"Cannot be:\n{refusals(report)}", "bad")
    yield from _part(report, "Winner and runners-up", ("winner", "runner-up", "nearest"))
    yield from _simulated(report)
    yield from _part(report, "Frontier of cost, time to answer, accuracy and carbon", ("winner", "frontier"))
    for sentence in report.notes[_FIRST:]:
        yield Text(sentence)


def _simulated(report: Report) -> Iterator[Block]:
    """The winner's latencies at peak as planned and as simulated, one below the other."""
    row = report.rows[0]
    names = [name for name in _VERIFIED if row.get(f"simulated_{name}") is not None]
    if not names:
        return
    yield Heading("The winner at peak, planned and simulated")
    columns = [column(metric(name), [row[name], row[f"simulated_{name}"]]) for name in names]
    yield grid(["", *(heading for heading, _ in columns)],
               [["planned", "simulated"], *(cells for _, cells in columns)], words=frozenset({0}))  # fmt: skip


def _part(report: Report, title: str, parts: tuple[str, ...]) -> Iterator[Block]:
    rows = [row for row in report.rows if row["part"] in parts]
    if not rows or (title.startswith("Frontier") and len(rows) < 2):
        return
    yield Heading(title)
    names = [name for name in _CHOSEN if len({str(row.get(name)) for row in rows}) > 1]
    names += [name for name in _PLAN if any(row.get(name) not in (None, 1) for row in rows)]
    columns = [("part", [str(row["part"]) for row in rows])]
    columns += [column(metric(name), [row.get(name) for row in rows]) for name in names]
    columns.append(("behind", [str(row.get("behind") or "") for row in rows]))
    words = {0, len(columns) - 1} | {at for at, name in enumerate(names, 1) if metric(name).unit == "text"}
    yield Grid(
        tuple(heading for heading, _ in columns),
        tuple(zip(*(cells for _, cells in columns), strict=True)),
        words=frozenset(words),
        prose=True,
    )
