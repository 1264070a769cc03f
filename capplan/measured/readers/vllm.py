"""`vllm bench serve --save-result` JSON, which SGLang's `bench_serving` and InferenceMAX's client write alike.

One object a run: `max_concurrency`, `request_rate` ("inf" for all at once), token totals, `output_throughput` and
`{mean,median,p99}_{ttft,tpot,itl,e2el}_ms`. Whatever was given by `--metadata KEY=VALUE` stands beside them.
Source: vllm-project/vllm, vllm/benchmarks/serve.py.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from capplan.measured.cells import cell, dig, quotient, row
from capplan.measured.table import Row

NAME = "vllm bench serve JSON"
_STATISTICS = (("mean", "mean"), ("median", "p50"), ("p99", "p99"))
_KINDS = (("ttft", "ttft"), ("tpot", "tpot"), ("itl", "itl"), ("e2el", "e2e"))
_BACKENDS = {"vllm": "vLLM", "sglang": "SGLang", "tensorrt-llm": "TensorRT-LLM", "trt": "TensorRT-LLM"}
# Metadata that people add, under the names of the launch options.
_METADATA = {
    "gpu": ("gpu", "gpu_type", "accelerator", "hardware"),
    "gpu_count": ("gpu_count", "num_gpus", "gpus"),
    "tp": ("tp", "tensor_parallel_size"),
    "pp": ("pp", "pipeline_parallel_size"),
    "attn_dp": ("attn_dp", "data_parallel_size"),
    "ep": ("ep", "expert_parallel_size"),
    "weight_dtype": ("weight_dtype", "quantization", "precision"),
    "kv_dtype": ("kv_dtype", "kv_cache_dtype"),
    "engine": ("engine", "framework"),
    "engine_version": ("engine_version", "vllm_version", "sglang_version", "version"),
    "row_id": ("row_id", "run_id"),
}


def matches(document: Any) -> bool:
    return any("output_throughput" in run and "mean_ttft_ms" in run for run in _runs(document))


def rows(document: Any) -> list[Row]:
    return [_row(run) for run in _runs(document) if "output_throughput" in run]


def _runs(document: Any) -> Iterator[Mapping[str, Any]]:
    """One run, or a list of them."""
    for run in document if isinstance(document, list) else [document]:
        if isinstance(run, Mapping):
            yield run


def _row(run: Mapping[str, Any]) -> Row:
    requests = run.get("completed") or run.get("num_prompts")
    clients = run.get("max_concurrency")
    rate = run.get("request_rate")
    infinite = rate is None or cell(rate).casefold() in ("inf", "infinity")
    load_type = "concurrency" if clients else "request_rate_inf" if infinite else "request_rate"
    model = run.get("model_id") or run.get("model")
    return {
        **row(
            model=model,
            hf_model=model,
            engine=_BACKENDS.get(str(run.get("backend", "")).casefold(), ""),
            date=run.get("date"),
            load_type=load_type,
            concurrency=clients,
            request_rate=None if infinite else rate,
            num_prompts=run.get("num_prompts") or run.get("completed"),
            isl_mean_actual=quotient(run.get("total_input_tokens"), requests),
            osl_mean_actual=quotient(run.get("total_output_tokens"), requests),
            out_tps_total=run.get("output_throughput"),
            total_tps=run.get("total_token_throughput"),
            req_per_s=run.get("request_throughput"),
            primary_metric="out_tps_total",
            source="vllm bench serve",
        ),
        **_times(run),
        **_metadata(run),
    }


def _times(run: Mapping[str, Any]) -> Row:
    return row(
        **{
            f"{column}_ms_{statistic}": run.get(f"{prefix}_{kind}_ms")
            for kind, column in _KINDS
            for prefix, statistic in _STATISTICS
        }
    )


def _metadata(run: Mapping[str, Any]) -> Row:
    found = {
        column: next((value for name in names if (value := dig(run, name)) is not None), None)
        for column, names in _METADATA.items()
    }
    return row(**found)
