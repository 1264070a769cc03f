"""Results of benchmark tools, read into the columns of a points file."""

import json
from pathlib import Path
from typing import Any

import pytest

from capplan.engine.point import Point
from capplan.errors import UserError
from capplan.measured.faults import PointFaults
from capplan.measured.given import read_with
from capplan.measured.observed import observed
from capplan.measured.points import resolve_table
from capplan.measured.table import Row

VLLM: dict[str, Any] = {
    "date": "20251105-101112", "backend": "vllm", "model_id": "meta-llama/Llama-3.1-8B-Instruct", "num_prompts": 320,
    "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 32, "duration": 100.0, "completed": 320,
    "total_input_tokens": 320000, "total_output_tokens": 64000, "request_throughput": 3.2, "output_throughput": 640.0,
    "total_token_throughput": 3840.0, "mean_ttft_ms": 120.5, "median_ttft_ms": 100.0, "p99_ttft_ms": 900.0,
    "mean_tpot_ms": 9.5, "median_tpot_ms": 9.4, "p99_tpot_ms": 12.0, "mean_itl_ms": 9.6, "median_itl_ms": 9.1,
    "mean_e2el_ms": 2000.0, "tensor_parallel_size": "2", "gpu": "H200",
}  # fmt: skip
GUIDELLM: dict[str, Any] = {
    "metadata": {"version": 1, "guidellm_version": "0.3.0"},
    "benchmarks": [{
        "args": {"strategy": {"type_": "concurrent", "streams": 16}},
        "worker": {"backend_model": "meta-llama/Llama-3.1-8B-Instruct"},
        "metrics": {
            "request_totals": {"successful": 100, "errored": 0},
            "prompt_token_count": {"successful": {"mean": 512.0}},
            "output_token_count": {"successful": {"mean": 128.0}},
            "output_tokens_per_second": {"successful": {"mean": 1000.0}},
            "requests_per_second": {"successful": {"mean": 7.8}},
            "request_latency": {"successful": {"mean": 2.0, "median": 1.9}},
            "time_to_first_token_ms": {"successful": {"mean": 80.0, "median": 70.0, "percentiles": {"p99": 300.0}}},
            "inter_token_latency_ms": {"successful": {"mean": 15.0, "median": 14.8}},
        },
    }],
}  # fmt: skip
AIPERF: dict[str, Any] = {
    "request_throughput": {"unit": "requests/sec", "avg": 13.2},
    "output_token_throughput": {"unit": "tokens/sec", "avg": 1274.6},
    "request_latency": {"unit": "ms", "avg": 6550.4, "p50": 5799.9, "p99": 9381.6},
    "time_to_first_token": {"unit": "ms", "avg": 1588.8, "p50": 787.5},
    "inter_token_latency": {"unit": "ms", "avg": 51.8, "p50": 52.0},
    "output_sequence_length": {"unit": "tokens", "avg": 96.85},
    "input_sequence_length": {"unit": "tokens", "avg": 550.0},
    "request_count": {"unit": "requests", "avg": 200.0},
    "input_config": {"endpoint": {"model_names": ["openai/gpt-oss-20b"]}, "loadgen": {"concurrency": 100}},
}
INFERENCEMAX: dict[str, Any] = {
    "hw": "b200-nv", "framework": "trt", "precision": "fp8", "model": "deepseek-ai/DeepSeek-R1-0528", "tp": 8, "ep": 8,
    "dp_attention": "true", "conc": 64, "isl": 1024, "osl": 1024, "tput_per_gpu": 600.0, "output_tput_per_gpu": 300.0,
    "mean_ttft": 0.25, "median_ttft": 0.2, "mean_tpot": 0.02, "median_tpot": 0.019, "mean_e2el": 18.0,
}  # fmt: skip


def read(tmp_path: Path, document: Any, *assume: str, name: str = "result.json") -> tuple[Row, Point]:
    path = tmp_path / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    table = read_with([path], assume)
    (point,) = resolve_table(table)
    assert isinstance(point, Point), point
    return table.rows[0], point


def test_vllm_bench_serve_json_gives_load_lengths_and_times(tmp_path: Path) -> None:
    row, point = read(tmp_path, VLLM)
    assert (point.load_type, point.concurrency, point.requests) == ("concurrency", 32, 320)
    assert (point.prompt_tokens, point.output_tokens, point.pool.tp) == (1000, 200, 2)
    assert (point.engine, point.accelerator, point.model) == ("vllm", "h200-sxm", "llama-3.1-8b")
    seen = observed(row)
    assert (seen.out_tps_total, seen.ttft_s, seen.tpot_s, seen.e2e_s) == (640, 0.1205, 0.0095, 2.0)


def test_vllm_runs_without_clients_are_a_rate_or_all_at_once(tmp_path: Path) -> None:
    open_loop = {**VLLM, "max_concurrency": None, "request_rate": 4.5}
    _, point = read(tmp_path, open_loop)
    assert (point.load_type, point.request_rate_per_s) == ("request_rate", 4.5)
    _, point = read(tmp_path, {**open_loop, "request_rate": "inf"})
    assert point.load_type == "request_rate_inf"


def test_guidellm_json_gives_one_row_a_benchmark(tmp_path: Path) -> None:
    row, point = read(tmp_path, GUIDELLM, "gpu=H100", "engine=vLLM")
    assert (point.concurrency, point.requests, point.prompt_tokens) == (16, 100, 512)
    seen = observed(row)
    assert (seen.out_tps_total, seen.ttft_s, seen.tpot_s, seen.e2e_s) == (1000, 0.08, 0.015, 2.0)


def test_aiperf_json_and_csv_give_the_same_measurements(tmp_path: Path) -> None:
    row, point = read(tmp_path, AIPERF, "gpu=H100")
    assert (point.model, point.concurrency, point.prompt_tokens, point.output_tokens) == (
        "gpt-oss-20b", 100, 550, 96.85,
    )  # fmt: skip
    text = (
        "Metric,avg,min,max,p50,p99\n"
        'Request Latency (ms),"6,550.4",1,2,5799.9,9381.6\n'
        "Time to First Token (ms),1588.8,1,2,787.5,3\n"
        "Inter Token Latency (ms),51.8,1,2,52.0,3\n"
        "Output Sequence Length (tokens),96.85,1,2,97,97\nInput Sequence Length (tokens),550,1,2,550,550\n\n"
        "Metric,Value\nRequest Throughput (requests/sec),13.2\nRequest Count,200.00\n"
        "Output Token Throughput (tokens/sec),1274.6\n"
    )
    flat, same = read(tmp_path, text, "gpu=H100", "model=gpt-oss-20b", "load_type=concurrency", "concurrency=100",
                      name="profile_export_aiperf.csv")  # fmt: skip
    assert observed(flat).of("ttft") == observed(row).of("ttft") == 1.5888
    assert observed(flat).of("throughput") == observed(row).of("throughput") == 1274.6
    assert same.output_tokens == point.output_tokens


def test_inferencemax_json_scales_seconds_and_counts_per_accelerator(tmp_path: Path) -> None:
    row, point = read(tmp_path, INFERENCEMAX)
    assert (point.pool.attn_dp, point.pool.ep, point.pool.gpus) == (8, 8, 8)
    assert point.prompt_tokens == pytest.approx(0.88 * 1024)
    seen = observed(row)
    assert (seen.out_tps_total, seen.primary_value, seen.tpot_s) == (2400, 300, 0.02)


def test_files_of_several_formats_are_read_together(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([VLLM, VLLM]))
    (tmp_path / "b.json").write_text(json.dumps(INFERENCEMAX))
    assert len(read_with([tmp_path / "a.json", tmp_path / "b.json"]).rows) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not JSON"), ('{"a": 1}', "no known result format"), ("[]", "no known result format")],
)
def test_what_is_no_result_says_so(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=message):
        read_with([tmp_path / "x.json"])


def test_what_a_tool_does_not_write_down_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(GUIDELLM))
    with pytest.raises(PointFaults, match="gpu: the file does not tell"):
        read_with([tmp_path / "x.json"])


def test_an_assumption_fills_blanks_only(tmp_path: Path) -> None:
    _, point = read(tmp_path, VLLM, "gpu=H100", "kv_dtype=fp8")
    assert (point.accelerator, point.kv_cache) == ("h200-sxm", "fp8")


@pytest.mark.parametrize(("text", "message"), [("gpu", "write COLUMN=VALUE"), ("gpuu=H100", "did you mean 'gpu'")])
def test_a_wrong_assumption_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(VLLM))
    with pytest.raises(Exception, match=message):
        read_with([tmp_path / "x.json"], [text])
