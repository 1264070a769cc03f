"""A report as a sweep gives it, built by hand so that every value in it is known."""

from decimal import Decimal

import pytest

from capplan.engine.excuse import Assumption, Excuse
from capplan.report.report import Line, Refusal, Report

NAMES = {"model": "llama-3.3-70b", "gpu": "h100-sxm", "weights": "fp8", "kv_cache": "fp8", "engine": "vllm"}


def row(k: int, feasible: bool = True) -> dict[str, object]:
    return {
        "k": k,
        "strategy": "chain_of_thought",
        **NAMES,
        "tensor_parallel": 2,
        "concurrency": 120.25,
        "output_tokens": 300 + 256 * k,
        "ttft_s": 0.214,
        "itl_s": 0.01834,
        "tta_s": 0.9 * k,
        "replicas": 3 * k,
        "gpus": 6 * k,
        "annual_tco_usd": Decimal("1234567.89") * k,
        "usd_per_1k_queries": Decimal("0.001234"),
        "latency_multiplier": 0.9 * k,
        "token_multiplier": 1.0 * k,
        "fleet_multiplier": 1.1 * k,
        "cost_multiplier": 1.05 * k,
        "accuracy": None,
        "feasible": feasible,
        "bottleneck": "memory bandwidth" if feasible else "memory",
    }


TOO_LARGE = "140 GB of weights do not fit 80 GB"
WHY = Excuse("memory", TOO_LARGE, "tensor_parallel 2", {"serving.tensor_parallel": 2}, 140e9, 80e9, "bytes")
EXCUSE = Refusal(2, WHY)
LINES = (
    Line(0, "gpu", "GPUs", Decimal("1000000.10"), "6 x 25,000 USD / 4 years", "prices"),
    Line(0, "energy", "electricity", Decimal("234567.79"), "2 GWh x 0.12 USD/kWh", "sites"),
)
STATED = (Assumption("cost.pue", 1.12, "the contract's default", "default"),)
CATALOG = {"hash": "0123456789ab", "date": "2026-11-21", "oldest_price": "2026-10-01"}


@pytest.fixture
def sweep() -> Report:
    """Three rows, of which the last cannot be."""
    return Report(
        "sweep",
        (row(1), row(8), row(16, feasible=False)),
        {"name": "support", "workload": {"qps": 100}},
        axes=("k",),
        excuses=(EXCUSE,),
        assumptions=STATED,
        notes=("K = 8: tokens x 8.0, because.",),
        catalog=CATALOG,
        tool_version="0.1.0",
    )


@pytest.fixture
def tco() -> Report:
    """One plan with its cost lines."""
    return Report(
        "tco",
        (row(1),),
        {"name": "support", "workload": {"qps": 100}},
        lines=LINES,
        assumptions=STATED,
        catalog=CATALOG,
        tool_version="0.1.0",
    )
