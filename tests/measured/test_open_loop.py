"""TTFT percentiles of rows with an offered rate: predicted around the mean, scored, and left out beyond capacity."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from capplan.engine.point import Point
from capplan.engine.predict import predict
from capplan.measured.open_loop import waits_s
from capplan.measured.outcome import estimates, predict_all
from capplan.measured.points import resolve_rows
from capplan.measured.score import accuracy

SERVER = {"model": "Llama 3.1 8B", "gpu": "H100", "engine": "vLLM", "load_type": "request_rate", "request_rate": "4",
          "isl": "2000", "osl": "300", "ttft_ms_p50": "40", "ttft_ms_p99": "90", "source": "s"}  # fmt: skip


def at(point: Point, **changes: object) -> dict[str, float]:
    found = replace(point, **changes)
    return dict(waits_s(found, predict([found])[0]) or {})


def test_percentiles_surround_the_predicted_mean(point: Callable[..., Point]) -> None:
    served = replace(point(**SERVER), prompt_cv=0.5)
    prediction = predict([served])[0]
    found = waits_s(served, prediction)
    assert found and prediction.ttft_s
    assert 0.5 * prediction.ttft_s < found["p50"] < prediction.ttft_s < found["p95"] < found["p99"]


def test_more_load_and_more_uneven_prompts_stretch_the_tail(point: Callable[..., Point]) -> None:
    served = point(**SERVER)
    assert at(served, prompt_cv=0.2)["p99"] < at(served, prompt_cv=1.5)["p99"]
    assert at(served)["p99"] < at(served, request_rate_per_s=6.0)["p99"]


def test_beyond_capacity_and_in_closed_loop_there_is_no_percentile(point: Callable[..., Point]) -> None:
    assert not at(point(**SERVER), request_rate_per_s=500.0)
    assert not at(point())


def test_a_benchmark_that_raises_the_rate_to_its_limits_is_predicted_there(point: Callable[..., Point]) -> None:
    """MLPerf's server rows: within the limit on TPOT, and at it where memory allows as many sequences."""
    for load_type, limit_s in (("mlperf_server_poisson", 0.2), ("mlperf_interactive_poisson", 0.04)):
        row = {"model": "Llama 2 70B Chat", "gpu": "H200", "gpu_count": "8", "tp": "2", "weight_dtype": "fp8",
               "engine": "TensorRT-LLM", "load_type": load_type, "request_rate": "10"}  # fmt: skip
        served = point(**row)
        assert served.tpot_limit_s == limit_s
        found = predict([served])[0]
        assert found.tpot_s is not None and 0.5 * limit_s < found.tpot_s <= limit_s * (1 + 1e-6)
        assert found.out_tps_total == pytest.approx(10 * served.output_tokens, rel=1e-4)
        percentiles = at(served)
        # A prompt waits for the running step and rides in the next one.
        assert found.tpot_s < percentiles["p50"] < percentiles["p99"] < 20 * limit_s


def test_accuracy_reports_the_errors_of_both_percentiles() -> None:
    read = resolve_rows([SERVER])
    scores = accuracy([SERVER], read, estimates(predict_all(read), read))
    found = {one.metric: one.pooled for one in scores.headlines}
    for metric in ("ttft p50", "ttft p99"):
        assert (found[metric].rows, found[metric].predicted) == (1, 1)
        assert found[metric].median == pytest.approx(next(pair.error for pair in scores.pairs if pair.metric == metric))
