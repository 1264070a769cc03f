"""InferenceMAX / InferenceX aggregates (`agg_*.json`): one object a run or a list, times in seconds.

`hw`, `framework`, `precision`, `model`, `tp`, `ep`, `dp_attention`, `conc`, `isl`, `osl`, `output_tput_per_gpu` and
`{mean,median,p99}_{ttft,tpot,itl,e2el}`; disaggregated runs add `num_prefill_gpu` and `num_decode_gpu`.
Source: SemiAnalysisAI/InferenceX, utils/process_result.py.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from capplan.measured.cells import cell, row, scaled
from capplan.measured.table import Row

NAME = "InferenceMAX JSON"
_STATISTICS = (("mean", "mean"), ("median", "p50"), ("p99", "p99"))
_KINDS = (("ttft", "ttft"), ("tpot", "tpot"), ("itl", "itl"), ("e2el", "e2e"))
_FRAMEWORKS = {"trt": "TensorRT-LLM", "trtllm": "TensorRT-LLM", "vllm": "vLLM", "sglang": "SGLang"}
_TRUE = frozenset({"true", "1", "yes"})
# Runner names carry the cluster after the chip: `h200-nb`, `b200-trt`, `gb200-nv`.
_CHIP = re.compile(r"^(?:gb|gh|b|h|a|l|mi|rtx)\d{1,4}\w*", re.IGNORECASE)


def matches(document: Any) -> bool:
    return any("output_tput_per_gpu" in run and "conc" in run for run in _runs(document))


def rows(document: Any) -> list[Row]:
    return [_row(run) for run in _runs(document) if "output_tput_per_gpu" in run]


def _runs(document: Any) -> Iterator[Mapping[str, Any]]:
    for run in document if isinstance(document, list) else [document]:
        if isinstance(run, Mapping):
            yield run


def _row(run: Mapping[str, Any]) -> Row:
    tp = _whole(run.get("tp"))
    prefill, decode = _whole(run.get("num_prefill_gpu")), _whole(run.get("num_decode_gpu"))
    disagg = bool(run.get("disagg")) and cell(run.get("disagg")).casefold() not in ("false", "0")
    gpus = prefill + decode if disagg else tp
    data_parallel = cell(run.get("dp_attention")).casefold() in _TRUE
    framework = cell(run.get("framework"))
    drafting = run.get("mtp") or run.get("spec_decoding")
    return {
        **row(
            model=run.get("infmax_model_prefix") or run.get("model"),
            hf_model=run.get("model"),
            gpu=_chip(cell(run.get("hw") or run.get("device"))),
            engine=_FRAMEWORKS.get(framework.casefold(), framework),
            engine_version=f"[{run['image']}]" if run.get("image") else "",
            weight_dtype=run.get("precision"),
            gpu_count=gpus or None,
            tp=None if disagg else tp or None,
            ep=None if disagg else _whole(run.get("ep")) or None,
            attn_dp=tp if data_parallel and tp and not disagg else None,
            disagg=disagg,
            spec_decode=_draft(drafting),
            isl=run.get("isl"),
            osl=run.get("osl"),
            load_type="concurrency",
            concurrency=run.get("conc"),
            submitter="SemiAnalysis InferenceMAX",
            date=run.get("date"),
            out_tps_per_gpu=run.get("output_tput_per_gpu"),
            primary_metric="out_tps_per_gpu",
            source="InferenceMAX",
        ),
        **_times(run),
    }


def _times(run: Mapping[str, Any]) -> Row:
    return row(
        **{
            f"{column}_ms_{statistic}": scaled(run.get(f"{prefix}_{kind}"), 1e3)
            for kind, column in _KINDS
            for prefix, statistic in _STATISTICS
        }
    )


def _chip(hardware: str) -> str:
    found = _CHIP.match(hardware)
    return found[0].upper() if found else hardware


def _draft(value: object) -> str:
    word = cell(value).casefold()
    if word in ("", "0", "off", "false", "none"):
        return "none"
    return "mtp" if word in ("on", "true", "1") else word


def _whole(value: object) -> int:
    try:
        return int(float(cell(value)))
    except (ValueError, OverflowError):
        return 0
