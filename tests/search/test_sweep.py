"""Sweeps hold everything but what is swept, and measure every row against the first."""

import pytest

from capplan.errors import UserError
from capplan.search.sweep import sweep


def test_without_lists_a_sweep_is_over_k(planned, scenario) -> None:
    assert [row["k"] for row in sweep(scenario()).rows] == [1, 4, 8, 16]


def test_lists_in_the_file_are_swept_and_more_axes_join_them(planned, scenario) -> None:
    swept = sweep(scenario("reasoning: {k: [2, 4]}"), {"workload.qps": ["50", "100"]})
    assert [(row["k"], row["workload.qps"]) for row in swept.rows] == [(2, 50), (2, 100), (4, 50), (4, 100)]
    assert swept.columns == ("k", "workload.qps")


def test_an_axis_given_anew_takes_the_place_of_the_files(planned, scenario) -> None:
    assert [row["k"] for row in sweep(scenario("reasoning: {k: [2, 4]}"), {"reasoning.k": [3]}).rows] == [3]


def test_one_layout_is_held_for_all_k_and_the_note_says_which(planned, scenario) -> None:
    swept = sweep(scenario(), {"reasoning.k": [1, 4, 16]})
    assert {row["tensor_parallel"] for row in swept.rows} == {2}
    assert any("held to one layout: tensor_parallel 2" in note for note in swept.notes)


def test_a_layout_that_the_planner_chose_for_all_needs_no_note(planned, scenario) -> None:
    swept = sweep(scenario(), {"reasoning.k": [1, 4]})
    assert {row["tensor_parallel"] for row in swept.rows} == {1}
    assert not any("layout" in note for note in swept.notes)


def test_a_layout_that_is_swept_is_not_held(planned, scenario) -> None:
    swept = sweep(scenario(), {"serving.tensor_parallel": [1, 2], "reasoning.k": [1, 8]})
    assert [row["tensor_parallel"] for row in swept.rows] == [1, 1, 2, 2]


def test_each_gpu_of_a_sweep_keeps_a_layout_of_its_own(planned, scenario) -> None:
    swept = sweep(scenario(), {"gpu": ["h100-sxm", "b200-sxm"], "reasoning.k": [1, 16]})
    assert [(row["gpu"], row["k"], row["tensor_parallel"]) for row in swept.rows] == [
        ("h100-sxm", 1, 2), ("h100-sxm", 16, 2), ("b200-sxm", 1, 2), ("b200-sxm", 16, 2),
    ]  # fmt: skip


def test_latency_is_compared_at_concurrency_1_whatever_the_fleet_runs_at(planned, scenario) -> None:
    swept = sweep(scenario(), {"reasoning.k": [1, 4]})
    assert swept.rows[0]["concurrency"] > 1
    assert swept.rows[1]["latency_multiplier"] == pytest.approx((0.5 + 13.24) / (0.5 + 5.56))
    assert swept.rows[1]["token_multiplier"] == pytest.approx(1324 / 556)


def test_a_point_that_cannot_be_is_a_row_that_says_so(planned, scenario) -> None:
    swept = sweep(scenario("serving: {tensor_parallel: 1}"), {"reasoning.k": [8, 12]})
    assert [row["feasible"] for row in swept.rows] == [True, False]
    assert swept.plans[1].excuses[0].constraint == "memory"


def test_a_sweep_is_a_handful_of_calls_however_many_rows(planned, scenario) -> None:
    sweep(scenario(), {"reasoning.k": range(1, 200)})
    assert len(planned) <= 6


def test_an_unknown_key_or_value_is_refused(planned, scenario) -> None:
    with pytest.raises(UserError, match="wieghts"):
        sweep(scenario(), {"serving.wieghts": ["fp8"]})
    with pytest.raises(UserError, match="fp7"):
        sweep(scenario(), {"serving.weights": ["fp8", "fp7"]})
