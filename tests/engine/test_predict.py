"""From measured points to predictions: refusals, blanks and one answer a point."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.catalog import files
from capplan.engine.point import LOAD_TYPES, Point, Pool
from capplan.engine.predict import predict

POINT = Point(
    row_id="one", model="llama-3.3-70b", accelerator="h100-sxm", engine="vllm", engine_version="0.11",
    engine_year=2025.8, weights="fp8", kv_cache="fp8", pool=Pool(tp=2), prompt_tokens=1000.0, output_tokens=500.0,
    load_type="concurrency", concurrency=32, request_rate_per_s=1.0, requests=320,
)  # fmt: skip


def test_points_that_do_not_fit_are_refused_wherever_they_stand() -> None:
    unfit = replace(POINT, pool=Pool(tp=1), weights="bf16")
    fit = replace(POINT, weights="bf16", pool=Pool(tp=4))
    for points in ([unfit, fit, fit], [fit, unfit, fit], [fit, fit, unfit], [unfit]):
        found = predict(points)
        assert [bool(one.refused) for one in found] == [p is unfit for p in points]
        refused = next(one.refused for one in found if one.refused)
        assert "141.1 GB" in refused and "1 x h100-sxm" in refused


@pytest.mark.parametrize("load", LOAD_TYPES)
def test_every_load_type_is_predicted(load: str) -> None:
    one = predict([replace(POINT, load_type=load)])[0]  # type: ignore[arg-type]
    assert one.refused is None
    figures = (one.out_tps_total, one.ttft_s, one.tpot_s, one.e2e_s)
    assert all(f is not None and f > 0 for f in figures)
    assert one.low < 1 < one.high


@settings(max_examples=25, deadline=None)
@given(st.floats(10, 30_000), st.floats(1, 3_000), st.integers(1, 2_000), st.integers(1, 4))
def test_clients_are_rate_times_time_in_every_predicted_closed_loop(
    prompt: float, output: float, clients: int, replicas: int
) -> None:
    point = replace(POINT, prompt_tokens=prompt, output_tokens=output, concurrency=clients,
                    pool=Pool(tp=2, replicas=replicas))  # fmt: skip
    one = predict([point])[0]
    assert one.out_tps_total is not None and one.e2e_s is not None
    assert one.out_tps_total / output * one.e2e_s == pytest.approx(clients, rel=0.02)


def test_a_point_is_predicted_the_same_in_any_company() -> None:
    points = [replace(POINT, concurrency=n, prompt_tokens=p) for n, p in ((1, 100.0), (64, 3000.0), (256, 9000.0))]
    alone = [predict([p])[0] for p in points]
    for one, other in zip(predict(points), alone, strict=True):
        assert one.out_tps_total == pytest.approx(other.out_tps_total, rel=1e-9)
        assert one.ttft_s == pytest.approx(other.ttft_s, rel=1e-9)


def test_two_pools_of_the_same_gpus_are_predicted() -> None:
    one = predict([replace(POINT, prefill=Pool(tp=2), pool=Pool(tp=2, replicas=2))])[0]
    assert one.out_tps_total and one.ttft_s and one.tpot_s


def test_a_rate_found_under_limits_keeps_both_of_them() -> None:
    load = replace(POINT, load_type="mlperf_server_poisson", request_rate_per_s=2.0)
    free, bound = predict([load, replace(load, ttft_limit_s=2.0, tpot_limit_s=0.03)])
    assert bound.ttft_s is not None and bound.ttft_s <= 2.0
    assert bound.tpot_s == pytest.approx(0.03, rel=0.01)
    # The rate is the measured one; how the replica stands follows from the limits, which are later than this rate.
    assert bound.out_tps_total == free.out_tps_total == pytest.approx(1000.0)
    assert free.tpot_s is not None and free.tpot_s < 0.03
    assert bound.prompt_s and bound.step_s and bound.step_s < bound.tpot_s


@pytest.mark.parametrize("most", [20, 100, 400])
def test_the_most_a_client_saw_in_flight_is_four_deviations_above_what_it_saw(most: int) -> None:
    one = predict([replace(POINT, concurrency=most, peak=True)])[0]
    assert one.out_tps_total is not None and one.e2e_s is not None
    flight = one.out_tps_total / POINT.output_tokens * one.e2e_s
    seen = flight * (1 + 1 / one.e2e_s)
    assert seen + 4 * seen**0.5 == pytest.approx(most, rel=0.02)


def test_an_engine_that_was_not_fitted_on_the_chip_says_so_and_is_less_sure() -> None:
    nvidia, amd = predict([replace(POINT, engine="trtllm", accelerator=gpu) for gpu in ("h200-sxm", "mi300x")])
    assert nvidia.notes == ()
    assert amd.notes == ("trtllm has no profile for AMD; the one for NVIDIA is used",)
    assert amd.high / amd.low > nvidia.high / nvidia.low


def test_a_model_that_its_file_calls_unmodelled_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = files.load_yaml(files.find("models", "llama-3.1-8b"))
    tree = {**tree, "name": "odd", "aliases": [], "unmodelled": "its attention is not described"}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "odd.yaml").write_text(json.dumps(tree))
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    odd, known = predict([replace(POINT, model="odd"), POINT])
    assert odd.refused == "odd: its attention is not described" and odd.out_tps_total is None
    assert known.refused is None
