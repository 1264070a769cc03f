"""The textbook engine's plans: one accelerator is one replica and serves one query."""

from collections.abc import Sequence
from typing import Any

from capplan.catalog.accelerators import accelerator
from capplan.catalog.figures import MissingFigure
from capplan.catalog.models import model
from capplan.catalog.prices import purchase
from capplan.cost.energy import annual_kg_co2e
from capplan.cost.lines import CostLine, usd_per
from capplan.cost.textbook import Terms, textbook_lines
from capplan.engine import textbook
from capplan.engine.architecture import kv_bytes_per_token, parameters
from capplan.engine.excuse import Assumption, Excuse
from capplan.scenario.schema import Scenario

_YEAR_S = 365 * 86400.0
_BYTES = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5, "int4": 0.5}
_PEAKS = {"bf16": "bf16", "fp8": "fp8", "int8": "int8", "fp4": "fp4", "int4": "bf16"}


def textbook_plan(
    scenario: Scenario,
) -> tuple[dict[str, Any], Sequence[CostLine], tuple[Excuse, ...], tuple[Assumption, ...]]:
    """(row, lines, excuses, assumptions) of the closed form; feasible only where the weights fit one accelerator."""
    found = model(scenario.model, base=scenario.path.parent if scenario.path else None)
    arch, chip, weights = found.architecture, accelerator(scenario.gpu), scenario.serving.weights
    peak = chip.peak_flop_per_s.get(_PEAKS[weights])
    if peak is None:
        raise MissingFigure(chip.name, f"peak.{_PEAKS[weights]}", "prefill of the textbook engine")
    size = _BYTES[weights]
    shape = textbook.TextbookModel(
        parameters=parameters(arch).total,
        layers=arch.layers,
        hidden=arch.hidden,
        bytes_per_parameter=size,
        kv_bytes_per_token=float(kv_bytes_per_token(arch, _BYTES[scenario.serving.kv_cache])),
    )
    tdp = chip.need("tdp_w", "energy of the textbook engine")
    rated = textbook.TextbookAccelerator(peak, chip.memory_bandwidth_bytes_per_s, tdp)
    reasoning, qps = scenario.reasoning, scenario.workload.qps
    k = 1 if reasoning.strategy == "direct" else reasoning.k
    tokens = reasoning.tokens_per_step if reasoning.given("tokens_per_step") else None
    answer = textbook.query(shape, rated, scenario.workload.prompt_tokens.mean_tokens, [k], tokens_per_step=tokens)
    time_s = float(answer.time_s[0])
    gpus = int(textbook.accelerators(time_s, qps))
    price = scenario.cost.purchase_price_usd or purchase(chip.name).usd
    lines = textbook_lines(gpus, price, tdp)
    needed = shape.parameters * size + shape.kv_bytes_per_token * scenario.workload.prompt_tokens.mean_tokens
    refused = _refused(found.name, needed, chip.name, chip.memory_bytes)
    kwh = gpus * tdp * 8760 / 1000 * Terms().pue
    total_cents = int(lines.total_cents.flat[0])
    output = float(answer.tokens[0])
    row = {
        "k": k,
        "samples": 1,
        "strategy": reasoning.strategy,
        "model": found.name,
        "gpu": chip.name,
        "weights": weights,
        "kv_cache": scenario.serving.kv_cache,
        "engine": "textbook",
        "tensor_parallel": 1,
        "pipeline_parallel": 1,
        "expert_parallel": 1,
        "attention_data_parallel": 1,
        "concurrency": 1,
        "prompt_tokens": scenario.workload.prompt_tokens.mean_tokens,
        "thinking_tokens": output,
        "answer_tokens": 0.0,
        "output_tokens": output,
        "ttft_s": float(answer.ttft_s[0]),
        "itl_s": float(answer.itl_s[0]),
        "ttfo_s": time_s,
        "tta_s": time_s,
        "tta_p95_s": None,
        "tta_p99_s": None,
        "energy_j_per_query": float(answer.energy_j[0]),
        "requests_per_s_per_replica": 1.0 / time_s,
        "output_tokens_per_s_per_gpu": output / time_s,
        "replicas": gpus,
        "gpus": gpus,
        "nodes": gpus // textbook.Conventions().node_accelerators,
        "utilization": qps * time_s / gpus,
        "annual_tco_usd": lines.total_usd(0),
        **{f"{c}_usd_per_year": lines.category_usd(c, 0) for c in ("capex", "energy", "maintenance", "rent")},
        "usd_per_1k_queries": usd_per(total_cents, qps * _YEAR_S, 1e3),
        "usd_per_m_output_tokens": usd_per(total_cents, qps * _YEAR_S * output, 1e6),
        "accuracy": None,
        "usd_per_correct_answer": None,
        "annual_kwh": kwh,
        "annual_kg_co2e": float(annual_kg_co2e(kwh, scenario.cost.carbon_intensity_kg_per_j)),
        "feasible": not refused,
        "bottleneck": "memory" if refused else "one query per accelerator",
    }
    return row, lines.row(0), refused, _ASSUMED


_ASSUMED = (
    Assumption("serving.engine", "textbook", "closed form of the tutorial, kept for teaching: one query per "
               "accelerator, 50 tokens a step, no answer tokens, mean load without a queue, TDP at all times"),
)  # fmt: skip


def _refused(name: str, needed: float, chip: str, available: float) -> tuple[Excuse, ...]:
    if needed <= available:
        return ()
    text = (
        f"{name} needs {needed / 1e9:,.0f} GB for its weights and the KV cache of one prompt, "
        f"and {chip} has {available / 1e9:,.0f} GB; "
        "the textbook engine knows no parallelism"
    )
    return (
        Excuse("memory", text, "serving.engine: vllm, which spreads a model over GPUs", {"serving.engine": "vllm"},
               needed, available, "bytes"),
    )  # fmt: skip
