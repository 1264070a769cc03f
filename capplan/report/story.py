"""How a report is told to people: the blocks, in order, that table, Markdown and HTML render."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from capplan.engine.excuse import Assumption

from .blocks import Block, Facts, Grid, Heading, Text, cleaned, grid
from .charts.chart import Chart
from .charts.of import beside_tables
from .frontier import missed, worth_looking_at
from .metrics import VIEWS, metric
from .report import Line, Report
from .show import cell, cents, column
from .text import identity, refusals, varying

_PLAN = (
    (
        "Replicas and GPUs",
        (
            "replicas",
            "spare_replicas",
            "verifier_replicas",
            "mean_replicas",
            "gpus",
            "nodes",
            "concurrency",
            "utilization",
            "bottleneck",
        ),
    ),
    (
        "Prefill pool",
        (
            "prefill_replicas",
            "prefill_nodes",
            "prefill_tensor_parallel",
            "prefill_pipeline_parallel",
            "prefill_expert_parallel",
            "prefill_attention_data_parallel",
            "kv_transfer_s",
        ),
    ),
    ("Latency", ("ttft_s", "ttft_p95_s", "itl_s", "itl_p95_s", "ttfo_s", "tta_s", "tta_p95_s", "tta_p99_s")),
    (
        "Simulated",
        (
            "simulated_ttft_s",
            "simulated_ttft_p95_s",
            "simulated_itl_p95_s",
            "simulated_tta_s",
            "simulated_tta_p95_s",
            "simulated_tta_p99_s",
        ),
    ),
    (
        "One query",
        ("prompt_tokens", "thinking_tokens", "answer_tokens", "output_tokens", "redone_tokens", "energy_j_per_query"),
    ),
    ("Throughput", ("requests_per_s_per_replica", "output_tokens_per_s_per_gpu")),
)
_UNIT_COSTS = (
    "usd_per_1k_queries", "usd_per_m_output_tokens", "usd_per_correct_answer", "accuracy",
    "annual_kwh", "annual_kg_co2e",
)  # fmt: skip
_UNITS = (
    "usd_per_m_thinking_tokens", "usd_per_m_answer_tokens", "usd_per_m_visible_tokens", "usd_per_user_month",
    "next_k_usd_per_year", "next_k_usd_per_1k_queries", "kwh_per_query", "kg_co2e_per_query", "annual_water_l",
    "embodied_kg_co2e_per_year",
)  # fmt: skip
_ANSWER = ("annual_tco_usd", "gpus", "tta_s", "usd_per_1k_queries")


def tell(report: Report) -> list[Block]:
    """The report as blocks: the answer first, then how it comes about, then what it rests on."""
    return [cleaned(block) for block in _teller(report.kind)(report) if not _empty(block)]


def _teller(kind: str) -> Callable[[Report], Iterator[Block]]:
    """How a kind of report is told: by its file under stories/, else as below, else row by row."""
    if kind not in TELLERS and (Path(__file__).with_name("stories") / f"{kind}.py").is_file():
        told: Callable[[Report], Iterator[Block]] = import_module(f"{__package__}.stories.{kind}").tell
        return told
    return TELLERS.get(kind, _rows)


def _rows(report: Report) -> Iterator[Block]:
    """Many plans side by side, with the sentences that explain them."""
    yield Heading(f"{report.name}: {identity(report)}", 1)
    yield plans_grid(report)
    yield from beside_tables(report)
    for sentence in report.notes:
        yield Text(sentence)
    yield from _cannot_be(report)
    yield Text(_rests_on(report), "quiet")


def _one(report: Report) -> Iterator[Block]:
    """One plan: what it costs, what it is, line by line."""
    yield Heading(f"{report.name}: {identity(report)}", 1)
    yield Text(_answer(report))
    yield from _cannot_be(report)
    for title, names in _PLAN:
        if facts := _facts(report, names).pairs:
            yield from (Heading(title), Facts(facts))
    if report.lines:
        yield from (Heading("Cost of a year"), lines_grid(report.lines), _facts(report, (*_UNIT_COSTS, *_UNITS)))
    for sentence in report.notes:
        yield Text(sentence)
    for trusted in filter(None, (_trust(report), _right(report))):
        yield Text(trusted)
    if report.assumptions:
        yield Heading("Rests on")
    yield Facts(tuple((said.key, f"{said.value}  ({_by_whom(said)})") for said in report.assumptions))


def _trust(report: Report) -> str:
    """How far throughput and latencies are likely off; '' for plans that were not predicted."""
    row = report.rows[0]
    low, high = row.get("band_low"), row.get("band_high")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return ""
    beyond = f"; extrapolates: {row['extrapolates']}" if row.get("extrapolates") else ""
    return f"Throughput and latencies within -{1 - low:.0%} / +{high - 1:.0%} in 8 of 10 cases{beyond}."


def _right(report: Report) -> str:
    """How well the accuracy is known; '' where it is not."""
    row = report.rows[0]
    low, right, high = (row.get(name) for name in ("accuracy_low", "accuracy", "accuracy_high"))
    if not isinstance(low, float) or not isinstance(right, float) or not isinstance(high, float):
        return ""
    return f"Accuracy {right:.1%} ({row['accuracy_status']}), between {low:.1%} and {high:.1%} in 9 of 10 cases."


def _strategies(report: Report) -> Iterator[Block]:
    """Ways of thinking side by side: the advice first, then the rows worth reading, then the frontier drawn."""
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
    yield from _cannot_be(report) if len(shown.rows) == len(report.rows) else (Text(missed(report)),)
    yield Text(_rests_on(report), "quiet")


TELLERS: dict[str, Callable[[Report], Iterator[Block]]] = {"tco": _one, "strategies": _strategies}


def plans_grid(report: Report) -> Grid:
    """One row a plan: what tells them apart, then the columns that this kind of report shows."""
    keys = varying(report)
    shown = [name for name in VIEWS.get(report.kind, VIEWS["sweep"]) if name not in keys and _any(report, name)]
    columns = [column(metric(name), [row.get(name) for row in report.rows]) for name in [*keys, *shown]]
    words = {at for at, name in enumerate(keys) if metric(name).unit == "text"}
    if not all(report.feasible_rows):
        fits = ["yes" if can else f"NO: {_constraint(report, at)}" for at, can in enumerate(report.feasible_rows)]
        columns.append(("fits", fits))
        words.add(len(columns) - 1)
    return grid(
        [heading for heading, _ in columns],
        [cells for _, cells in columns],
        words=frozenset(words),
        marks=tuple("" if can else "bad" for can in report.feasible_rows),
        keys=max(1, len(keys)),
    )


def lines_grid(lines: Sequence[Line]) -> Grid:
    """The items of a year's cost, adding up to the cent."""
    total = sum((line.usd_per_year for line in lines), start=lines[0].usd_per_year * 0) if lines else None
    rows = [(line.label, cents(line.usd_per_year), f"{line.formula}  [{line.source}]") for line in lines]
    if total is not None:
        rows.append(("total", cents(total), ""))
    return Grid(
        ("item", "USD/year", "how"),
        tuple(rows),
        words=frozenset({0, 2}),
        marks=(*("" for _ in lines), "total"),
        prose=True,
    )


def _answer(report: Report) -> str:
    """The one sentence that a reader takes away."""
    row = report.rows[0]
    if not report.feasible_rows[0] and row.get("annual_tco_usd") is None:
        return ""
    said = {name: cell(metric(name), row.get(name)) for name in _ANSWER}
    marked = "" if report.feasible_rows[0] else " (this plan cannot be: see below)"
    return (
        f"{said['annual_tco_usd']} a year on {said['gpus']} GPUs; {said['tta_s']} to the complete answer; "
        f"{said['usd_per_1k_queries']} per 1,000 queries{marked}"
    )


def _cannot_be(report: Report) -> Iterator[Block]:
    if report.excuses:
        yield Text(f"Cannot be:\n{refusals(report)}", "bad")


def _by_whom(said: Assumption) -> str:
    return said.source if said.source.startswith(said.kind) else f"{said.kind}: {said.source}"


def _rests_on(report: Report) -> str:
    count = len(report.assumptions)
    noun = "assumption" if count == 1 else "assumptions"
    return f"Rests on {count} stated {noun}; `--format json` lists each with its source." if count else ""


def _facts(report: Report, names: tuple[str, ...]) -> Facts:
    row = report.rows[0]
    known = [name for name in names if row.get(name) is not None]
    return Facts(tuple((metric(name).label, cell(metric(name), row[name])) for name in known))


def _any(report: Report, name: str) -> bool:
    return any(row.get(name) is not None for row in report.rows)


def _constraint(report: Report, at: int) -> str:
    return next((one.why.constraint for one in report.excuses if one.row == at), "infeasible")


def _empty(block: Block) -> bool:
    return not (
        block.rows if isinstance(block, Grid | Chart) else block.pairs if isinstance(block, Facts) else block.text
    )
