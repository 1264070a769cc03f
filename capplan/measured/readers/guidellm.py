"""GuideLLM's `benchmarks.json`: a list of benchmarks, each a strategy (concurrent, constant, poisson, throughput) with
distributions of its metrics under `metrics.<name>.successful.{mean, median, percentiles.p99}`.

Source: vllm-project/guidellm, docs/guides/outputs.md and metrics.md; the layouts of versions 0.2 to 0.8 are read.
"""

import re
from collections.abc import Mapping
from typing import Any

from capplan.measured.cells import cell, dig, row, scaled
from capplan.measured.table import Row

NAME = "GuideLLM JSON"
_CLOSED = frozenset({"synchronous", "concurrent"})
_OPEN = frozenset({"constant", "poisson", "async"})
_TIMES = (
    ("ttft", "time_to_first_token_ms", 1.0),
    ("itl", "inter_token_latency_ms", 1.0),
    ("e2e", "request_latency", 1e3),  # seconds
)


def matches(document: Any) -> bool:
    runs = dig(document, "benchmarks")
    return isinstance(runs, list) and any(isinstance(dig(run, "metrics"), Mapping) for run in runs)


def rows(document: Any) -> list[Row]:
    return [_row(document, run) for run in document["benchmarks"] if isinstance(dig(run, "metrics"), Mapping)]


def _row(document: Any, run: Mapping[str, Any]) -> Row:
    strategy = _strategy(run)
    kind = cell(strategy.get("type_") or strategy.get("kind")).casefold()
    streams = strategy.get("streams") or strategy.get("max_concurrency") or strategy.get("concurrency")
    clients = 1 if kind == "synchronous" else streams if kind in _CLOSED else None
    rate = strategy.get("rate") if kind in _OPEN else None
    model = _model(document, run)
    return {
        **row(
            model=model,
            hf_model=model,
            load_type="concurrency" if clients else "request_rate" if rate else "request_rate_inf",
            concurrency=clients,
            request_rate=rate,
            num_prompts=dig(run, "metrics", "request_totals", "successful"),
            isl_mean_actual=_value(run, "prompt_token_count", "mean"),
            osl_mean_actual=_value(run, "output_token_count", "mean"),
            out_tps_total=_value(run, "output_tokens_per_second", "mean"),
            total_tps=_value(run, "tokens_per_second", "mean"),
            req_per_s=_value(run, "requests_per_second", "mean"),
            primary_metric="out_tps_total",
            source="GuideLLM",
        ),
        **_times(run),
    }


def _times(run: Mapping[str, Any]) -> Row:
    """GuideLLM's time per output token counts the first token too; its inter-token latency is our TPOT."""
    cells: dict[str, object] = {}
    for column, name, factor in _TIMES:
        for statistic, key in (("mean", "mean"), ("p50", "median"), ("p99", "p99")):
            cells[f"{column}_ms_{statistic}"] = scaled(_value(run, name, key), factor)
    for statistic in ("mean", "p50", "p99"):
        cells[f"tpot_ms_{statistic}"] = cells[f"itl_ms_{statistic}"]
    return row(**cells)


def _value(run: Mapping[str, Any], metric: str, key: str) -> Any:
    found = dig(run, "metrics", metric, "successful")
    if key == "p99":
        return dig(found, "percentiles", "p99")
    return dig(found, key)


def _strategy(run: Mapping[str, Any]) -> Mapping[str, Any]:
    for place in (("args", "strategy"), ("config", "strategy"), ("scheduler", "strategy"), ("strategy",)):
        found = dig(run, *place)
        if isinstance(found, Mapping):
            return found
    return {}


def _model(document: Any, run: Mapping[str, Any]) -> str:
    places = (
        dig(document, "args", "model"),
        dig(run, "worker", "backend_model"),
        dig(run, "benchmarker", "backend", "model"),
        dig(run, "config", "backend", "model"),
        dig(document, "config", "spec", "backend", "model"),
        dig(document, "args", "processor"),
        dig(document, "metadata", "model"),
    )
    text = next((cell(place) for place in places if place), "")
    return re.sub(r"^(hosted_vllm|openai|vllm)/(?=[^/]+/)", "", text)
