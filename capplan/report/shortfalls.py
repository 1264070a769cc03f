"""Where predictions are known to fall short: one table of measured over predicted, for the README's remarks."""

import statistics
from collections.abc import Mapping, Sequence

from capplan.measured.observed import TPOT, TTFT
from capplan.measured.pairs import PRIMARY, Pair

_GPUSTACK, _MLPERF, _TRTLLM = "gpustack_perf_lab", "mlperf_inference", "trtllm_perf_overview"
# What the rows are, the metric, and what they are labelled with. Why each is off stands in the README.
_PLACES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("GPUStack: bursts at H100", PRIMARY,
     {"source": _GPUSTACK, "load_type": "request_rate_inf", "accelerator": "h100-sxm"}),
    ("GPUStack: TPOT of Qwen3.5 9B", TPOT, {"source": _GPUSTACK, "model": "qwen3.5-9b"}),
    ("GPUStack: TPOT of Qwen3.5 35B-A3B", TPOT, {"source": _GPUSTACK, "model": "qwen3.5-35b-a3b"}),
    ("offline, TensorRT-LLM: Llama 4 Maverick", PRIMARY, {"source": _TRTLLM, "model": "llama-4-maverick-17b-128e"}),
    ("offline, TensorRT-LLM: Qwen3 30B-A3B", PRIMARY, {"source": _TRTLLM, "model": "qwen3-30b-a3b"}),
    ("offline, TensorRT-LLM: gpt-oss-20b", PRIMARY, {"source": _TRTLLM, "model": "gpt-oss-20b"}),
    ("offline, TensorRT-LLM: gpt-oss-120b", PRIMARY, {"source": _TRTLLM, "model": "gpt-oss-120b"}),
    ("RTX PRO 6000, all layouts", PRIMARY, {"accelerator": "rtx-pro-6000"}),
    ("TPOT of Llama 3.1 8B in vLLM", TPOT, {"engine": "vllm", "model": "llama-3.1-8b"}),
    ("MLPerf offline: Llama 2 70B at B200", PRIMARY,
     {"source": _MLPERF, "load_type": "offline_max", "model": "llama-2-70b", "accelerator": "b200-sxm"}),
    ("MLPerf offline: DeepSeek-R1 at B200", PRIMARY,
     {"source": _MLPERF, "load_type": "offline_max", "model": "deepseek-r1", "accelerator": "b200-sxm"}),
    ("MLPerf server rates: TTFT p50", "ttft p50", {"source": _MLPERF}),
    ("MLPerf server rates: TTFT p99", "ttft p99", {"source": _MLPERF}),
    ("TTFT in SGLang", TTFT, {"engine": "sglang"}),
    ("TTFT in TensorRT-LLM", TTFT, {"engine": "trtllm"}),
    ("TTFT in vLLM", TTFT, {"engine": "vllm"}),
)  # fmt: skip


def shortfalls(pairs: Sequence[Pair]) -> list[tuple[str, int, float, float, float]]:
    """(place, rows, tenth, median and ninetieth percentile of measured / predicted); places without two rows left out.

    >>> from capplan.measured.pairs import Labels, Pair
    >>> labels = Labels("r", "s", "concurrency", "vllm", "llama-3.1-8b", "h100-sxm", False)
    >>> twice = [Pair(labels, "ttft", "ttft_ms_mean", measured, 1.0) for measured in (2.0, 2.0)]
    >>> shortfalls(twice)
    [('TTFT in vLLM', 2, 2.0, 2.0, 2.0)]
    """
    found = []
    for place, metric, labels in _PLACES:
        ratios = [
            pair.measured / pair.predicted
            for pair in pairs
            if pair.predicted and pair.metric == metric
            and all(getattr(pair.labels, name) == value for name, value in labels.items())
        ]  # fmt: skip
        if len(ratios) > 1:
            tenths = statistics.quantiles(ratios, n=10, method="inclusive")
            found.append((place, len(ratios), tenths[0], statistics.median(ratios), tenths[-1]))
    return found
