"""`tco`: what one plan costs, what it is, and its bill line by line."""

from collections.abc import Iterator

from capplan.engine.excuse import Assumption

from ..blocks import Block, Facts, Heading, Text
from ..metrics import metric
from ..report import Report
from ..show import cell
from ..story_parts import cannot_be, lines_grid
from ..text import identity

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
    "usd_per_m_thinking_tokens", "usd_per_m_answer_tokens", "usd_per_m_visible_tokens", "usd_per_user_month",
    "next_k_usd_per_year", "next_k_usd_per_1k_queries", "kwh_per_query", "kg_co2e_per_query", "annual_water_l",
    "embodied_kg_co2e_per_year",
)  # fmt: skip
_ANSWER = ("annual_tco_usd", "gpus", "tta_s", "usd_per_1k_queries")


def tell(report: Report) -> Iterator[Block]:
    yield Heading(f"{report.name}: {identity(report)}", 1)
    yield Text(_answer(report))
    yield from cannot_be(report)
    for title, names in _PLAN:
        if facts := _facts(report, names).pairs:
            yield from (Heading(title), Facts(facts))
    if report.lines:
        yield from (Heading("Cost of a year"), lines_grid(report.lines), _facts(report, _UNIT_COSTS))
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


def _by_whom(said: Assumption) -> str:
    return said.source if said.source.startswith(said.kind) else f"{said.kind}: {said.source}"


def _facts(report: Report, names: tuple[str, ...]) -> Facts:
    row = report.rows[0]
    known = [name for name in names if row.get(name) is not None]
    return Facts(tuple((metric(name).label, cell(metric(name), row[name])) for name in known))
