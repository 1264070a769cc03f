"""AIPerf's `profile_export_aiperf.{json,csv}` and genai-perf's `profile_export_genai_perf.{json,csv}`.

JSON: one object, each metric {unit, avg, p50, p99, ...}, and `input_config` with model, concurrency and rate. CSV: a
block "Metric,avg,min,...", then "Metric,Value" lines, units in brackets; it names no model, which the caller gives.
Source: ai-dynamo/aiperf, docs/tutorials/working-with-profile-exports.md.
"""

import csv
import re
from collections.abc import Mapping
from typing import Any

from capplan.measured.cells import cell, dig, row, scaled
from capplan.measured.table import Row

NAME = "AIPerf or genai-perf JSON or CSV"
_TIMES = (("ttft", "time_to_first_token"), ("itl", "inter_token_latency"), ("e2e", "request_latency"))
_TO_MS = {"ms": 1.0, "s": 1e3, "sec": 1e3, "us": 1e-3, "ns": 1e-6}
_UNIT = re.compile(r"\s*\(([^)]*)\)\s*$")


def matches(document: Any) -> bool:
    if isinstance(document, str):
        return document.lstrip("\ufeff").startswith("Metric,avg") and "Time To First Token" in _titled(document)
    return isinstance(dig(document, "time_to_first_token"), Mapping) and "request_throughput" in document


def rows(document: Any) -> list[Row]:
    return [_row(_from_csv(document) if isinstance(document, str) else document)]


def _row(run: Mapping[str, Any]) -> Row:
    load = dig(run, "input_config", "loadgen") or _genai_load(run)
    clients, rate = load.get("concurrency"), load.get("request_rate")
    model = _model(run)
    return {
        **row(
            model=model,
            hf_model=model,
            load_type="concurrency" if clients else "request_rate" if rate else "",
            concurrency=clients,
            request_rate=None if clients else rate,
            num_prompts=dig(run, "request_count", "avg"),
            isl_mean_actual=dig(run, "input_sequence_length", "avg"),
            osl_mean_actual=dig(run, "output_sequence_length", "avg"),
            out_tps_total=dig(run, "output_token_throughput", "avg"),
            req_per_s=dig(run, "request_throughput", "avg"),
            primary_metric="out_tps_total",
            source="AIPerf",
        ),
        **_times(run),
    }


def _times(run: Mapping[str, Any]) -> Row:
    """Both tools average the gap over a request, (latency - TTFT) / (tokens - 1): their inter-token latency is TPOT."""
    cells: dict[str, object] = {}
    for column, name in _TIMES:
        factor = _TO_MS.get(cell(dig(run, name, "unit")).casefold(), 1.0)
        for statistic, key in (("mean", "avg"), ("p50", "p50"), ("p99", "p99")):
            cells[f"{column}_ms_{statistic}"] = scaled(dig(run, name, key), factor)
    for statistic in ("mean", "p50", "p99"):
        cells[f"tpot_ms_{statistic}"] = cells[f"itl_ms_{statistic}"]
    return row(**cells)


def _genai_load(run: Mapping[str, Any]) -> Mapping[str, Any]:
    """genai-perf keeps the load under `perf_analyzer.stimulus`, older versions beside the other options."""
    stimulus = dig(run, "input_config", "perf_analyzer", "stimulus")
    if isinstance(stimulus, Mapping):
        return stimulus
    config = dig(run, "input_config")
    return config if isinstance(config, Mapping) else {}


def _model(run: Mapping[str, Any]) -> str:
    for place in (("endpoint", "model_names"), ("model_names",), ("model",), ("formatted_model_name",)):
        found = dig(run, "input_config", *place)
        if found:
            return cell(found[0] if isinstance(found, list) else found)
    return ""


def _from_csv(text: str) -> dict[str, Any]:
    """The JSON shape of a CSV export."""
    metrics: dict[str, Any] = {}
    header: list[str] = []
    for values in csv.reader(text.lstrip("\ufeff").splitlines()):
        if not values or not values[0]:
            header = []
        elif values[0] in ("Metric", "Endpoint"):
            header = values
        elif header[:1] == ["Metric"]:
            unit = _UNIT.search(values[0])
            name = re.sub(r"\W+", "_", _UNIT.sub("", values[0]).strip().casefold())
            keys = ["avg" if key == "Value" else key for key in header[1:]]
            fields = dict(zip(keys, map(_number, values[1:]), strict=False))
            metrics[name] = {"unit": unit[1] if unit else "", **fields}
    return metrics


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def _titled(text: str) -> str:
    return text.title()
