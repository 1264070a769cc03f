"""Scores: the same numbers as the acceptance formula, and what each figure means."""

import importlib.util
import random
import statistics
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.measured.outcome import predicted_cells
from capplan.measured.pairs import LONG_OUTPUT, PRIMARY, Estimate
from capplan.measured.points import resolve_rows, resolve_table
from capplan.measured.ranks import ranks, spearman
from capplan.measured.saturation import below_saturation
from capplan.measured.score import Accuracy, accuracy
from capplan.measured.table import read_table

COMMON = Path(__file__).parents[2].parent / "shared" / "acceptance" / "common.py"
ROW = {"model": "Llama 3.1 8B", "gpu": "H100", "engine": "vLLM", "load_type": "concurrency", "concurrency": "8",
       "primary_metric": "out_tps_total", "out_tps_total": "100", "source": "s"}  # fmt: skip


def scored(rows: list[dict[str, str]], estimates: list[Estimate]) -> Accuracy:
    return accuracy(rows, resolve_rows(rows), estimates)


@pytest.fixture(scope="module")
def common() -> ModuleType:
    if not COMMON.is_file():
        pytest.skip("the acceptance helpers are not beside this checkout")
    spec = importlib.util.spec_from_file_location("acceptance_common", COMMON)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_primary_score_is_the_acceptance_score_to_the_last_digit(measured: Path, common: ModuleType) -> None:
    table = read_table(measured)
    read, source = resolve_table(table), random.Random(3)
    estimates = [
        Estimate(*(None if source.random() < 0.02 else source.lognormvariate(0, 2) for _ in range(4))) for _ in read
    ]
    mine = accuracy(table.rows, read, estimates).headlines[0]
    predictions: dict[str, dict[str, Any]] = {}
    for row, point, one in zip(table.rows, read, estimates, strict=True):
        from capplan.engine.predict import Prediction

        cells = predicted_cells(point, Prediction(one.out_tps_total, one.ttft_s, one.tpot_s, one.e2e_s))
        predictions[row["row_id"]] = cells
    theirs = common.score([dict(row) for row in table.rows], predictions)
    assert mine.median == pytest.approx(theirs["median"], rel=1e-12)
    assert mine.p90 == pytest.approx(theirs["p90"], rel=1e-12)
    assert mine.pooled.coverage == pytest.approx(theirs["coverage"], rel=1e-12)


def test_groups_weigh_the_same_however_many_rows_they_have() -> None:
    rows = [{**ROW, "row_id": str(at), "source": "small" if at == 0 else "large"} for at in range(10)]
    estimates = [Estimate(150.0 if at == 0 else 110.0) for at in range(10)]
    headline = scored(rows, estimates).headlines[0]
    assert headline.median == pytest.approx((0.5 + 0.1) / 2)
    assert headline.pooled.median == pytest.approx(0.1)


def test_a_refused_row_lowers_coverage_and_not_the_error() -> None:
    rows = [{**ROW, "row_id": str(at)} for at in range(4)]
    result = scored(rows, [Estimate(100.0)] * 3 + [Estimate(refused="does not fit")])
    pooled = result.headlines[0].pooled
    assert (pooled.coverage, pooled.median, pooled.within_20) == (0.75, 0.0, 1.0)
    assert result.refusals == (("3", "does not fit"),)


def test_ttft_is_held_against_a_band_of_its_own() -> None:
    rows = [ROW | {"ttft_ms_mean": "20"}]
    wide = Estimate(100.0, ttft_s=0.012, low=0.9, high=1.1, ttft_low=0.5, ttft_high=2.0)
    held = {h.metric: h.pooled.band_coverage for h in scored(rows, [wide]).headlines}
    assert held["ttft"] == 1.0 and held[PRIMARY] == 1.0
    narrow = Estimate(100.0, ttft_s=0.012, low=0.5, high=2.0, ttft_low=0.9, ttft_high=1.1)
    assert {h.metric: h.pooled.band_coverage for h in scored(rows, [narrow]).headlines}["ttft"] == 0.0


def test_the_band_holds_what_lies_between_its_factors() -> None:
    rows = [{**ROW, "row_id": str(at)} for at in range(4)]
    estimates = [Estimate(value, low=0.8, high=1.25) for value in (79.0, 81.0, 124.0, 126.0)]
    assert scored(rows, estimates).headlines[0].pooled.band_coverage == 0.5


def test_per_accelerator_throughput_is_compared_per_accelerator() -> None:
    row = {**ROW, "row_id": "0", "gpu_count": "4", "primary_metric": "out_tps_per_gpu", "out_tps_per_gpu": "50"}
    assert scored([row], [Estimate(200.0)]).headlines[0].pooled.median == 0.0


def test_the_worst_row_is_the_largest_factor_either_way() -> None:
    rows = [{**ROW, "row_id": name} for name in ("over", "under", "close")]
    result = scored(rows, [Estimate(180.0), Estimate(20.0), Estimate(99.0)])
    assert [pair.labels.row_id for pair in result.worst(2)] == ["under", "over"]


def test_long_outputs_are_a_slice_of_their_own() -> None:
    rows = [{**ROW, "row_id": "0", "isl": "1024", "osl": "8192"}, {**ROW, "row_id": "1", "isl": "8192", "osl": "1024"}]
    result = scored(rows, [Estimate(100.0)] * 2)
    slices = {g.group: g.summary.rows for g in result.grouped if g.metric == PRIMARY and g.by == "lengths"}
    assert slices == {LONG_OUTPUT: 1, "other": 1}


def test_ttft_is_scored_below_saturation_only() -> None:
    throughput = {1: 100, 2: 190, 4: 360, 8: 420, 16: 700}
    rows = [{**ROW, "concurrency": str(clients), "out_tps_total": str(tps), "ttft_ms_mean": "9"}
            for clients, tps in throughput.items()]  # fmt: skip
    # The step from 4 to 8 clients gains less than half; what follows is above saturation whatever it gains.
    assert below_saturation(rows) == [True, True, True, False, False]
    metrics = {h.metric: h.pooled.rows for h in scored(rows, [Estimate(100.0, ttft_s=0.009)] * 5).headlines}
    assert metrics["ttft"] == 3


def test_rows_that_differ_in_more_than_clients_are_no_series() -> None:
    rows = [{**ROW, "concurrency": "1"}, {**ROW, "concurrency": "8", "tp": "2"}]
    assert below_saturation(rows) == [True, True]
    assert below_saturation([{**ROW, "load_type": "offline_max"}]) == [False]


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=30))
def test_rank_correlation_ignores_any_rising_change_of_scale(values: list[int]) -> None:
    result = spearman(values, [value**3 + 5 for value in values])
    assert result is None if len(set(values)) == 1 else result == pytest.approx(1.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_ranks_add_up_whatever_is_tied(values: list[float]) -> None:
    assert sum(ranks(values)) == pytest.approx(len(values) * (len(values) + 1) / 2)


def test_rank_correlation_matches_the_textbook_formula_without_ties() -> None:
    first, second = [86, 97, 99, 100, 101, 103, 106, 110, 112, 113], [2, 20, 28, 27, 50, 29, 7, 17, 6, 12]
    squares = sum((a - b) ** 2 for a, b in zip(ranks(first), ranks(second), strict=True))
    assert spearman(first, second) == pytest.approx(1 - 6 * squares / (10 * 99))
    assert statistics.mean(ranks(first)) == 5.5
