"""Power follows the work: laws, published kernel powers, and measured runs where they lie beside the checkout."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog.accelerators import accelerator
from capplan.catalog.figures import MissingFigure
from capplan.cost.energy import (
    annual_kg_co2e,
    annual_kwh,
    fleet_power_w,
    idle_w,
    power_law,
    power_w,
)

B200 = accelerator("b200-sxm")
MEASURED = Path(__file__).parents[2].parent / "shared" / "measured" / "dev.csv"

used = st.floats(0, 1.5)


@given(used, used, used, st.floats(0, 1))
def test_more_work_never_draws_less_power(compute: float, one: float, other: float, busy: float) -> None:
    low, high = sorted((one, other))
    assert power_w(B200, compute, low, busy) <= power_w(B200, compute, high, busy)
    assert power_w(B200, low, compute, busy) <= power_w(B200, high, compute, busy)


@given(used, used, st.floats(0, 1))
def test_power_lies_between_idle_and_rated(compute: float, bandwidth: float, busy: float) -> None:
    drawn = float(power_w(B200, compute, bandwidth, busy))
    assert idle_w(B200) - 1e-9 <= drawn <= 1000


def test_power_is_never_tdp_times_time() -> None:
    assert float(power_w(B200, 0.02, 0.3)) < 0.7 * 1000


def test_an_idle_share_draws_idle_power_for_its_time() -> None:
    running, idle = float(power_w(B200, 0.1, 0.5)), float(power_w(B200, 0.1, 0.5, 0.0))
    assert idle == idle_w(B200)
    assert float(power_w(B200, 0.1, 0.5, 0.25)) == pytest.approx(0.25 * running + 0.75 * idle)


# Kernels on B200 at a limit of 1000 W (aiconfigurator-core 0.12.0): the band, and what such a kernel uses.
@pytest.mark.parametrize(
    ("bandwidth", "compute", "low_w", "high_w"),
    [(0.93, 0.02, 450, 730), (0.85, 0.03, 590, 790)],
    ids=["decode attention", "mixture of experts"],
)
def test_memory_bound_kernels_lie_in_their_measured_band(
    bandwidth: float, compute: float, low_w: float, high_w: float
) -> None:
    assert low_w <= float(power_w(B200, compute, bandwidth)) <= high_w


def test_prefill_draws_nearly_all_that_is_allowed() -> None:
    # Measured 820 to 950 W; the ceiling of the law is the highest sustained power of whole runs, 980 W.
    assert 820 <= float(power_w(B200, 0.6, 0.15)) <= 980


def test_a_chip_without_a_rated_power_is_refused() -> None:
    with pytest.raises(MissingFigure, match="tdp"):
        power_w(SimpleNamespace(name="nameless", tdp_w=None), 0.1, 0.1)


@pytest.mark.parametrize("work", [(-0.1, 0.1, 1.0), (0.1, float("nan"), 1.0), (0.1, 0.1, 1.2), (float("inf"), 0, 1)])
def test_impossible_utilizations_are_refused(work: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="utilization"):
        power_w(B200, *work)


def test_a_years_energy_counts_hosts_and_cooling() -> None:
    it_w = fleet_power_w(500.0, 8)
    assert float(it_w) == pytest.approx(8 * 500 * (1 + power_law().host))
    kwh = annual_kwh(it_w, 1.2)
    assert float(kwh) == pytest.approx(float(it_w) * 1.2 * 8.76)
    assert float(annual_kg_co2e(kwh, 0.4 / 3.6e6)) == pytest.approx(float(kwh) * 0.4)


# Shapes for counting what a run moves and computes: parameters, active, layers, hidden, expert width, heads, head
# dimension, KV bytes a token; experts 256 of which 8, both models.
SHAPES = {
    "MiniMax-M2.5": (228.7e9, 10.2e9, 62, 3072, 1536, 48, 128, 126_976),
    "DeepSeek-R1": (671e9, 36.6e9, 58, 7168, 2048, 128, 192, 35_136),
}
TRUE_LENGTH = 0.88  # of the nominal lengths of these runs


def _measured_and_modelled_w(row: dict[str, str]) -> tuple[float, float]:
    """Board power of a run, and the power that its counted bytes and flop suggest."""
    parameters, active, layers, hidden, width, heads, dim, kv_bytes = SHAPES[row["model"]]
    gpus, clients, isl, osl = (float(row[key]) for key in ("gpu_count", "concurrency", "isl", "osl"))
    tokens_per_s = float(row["total_tps"])
    output_per_s = tokens_per_s * osl / (isl + osl)
    input_per_s = tokens_per_s - output_per_s
    context = TRUE_LENGTH * (isl + osl / 2)
    experts = 3 * hidden * width * layers * 256
    dense = parameters - experts
    expert_bytes = experts * {"fp8": 1.0, "nvfp4": 0.5625}[row["weight_dtype"]]
    hit = 1 - np.exp(-clients * 8 / 256)
    decode = (
        output_per_s / clients * (dense * float(row["attn_dp"]) + expert_bytes * hit + kv_bytes * context * clients)
    )
    prefill = input_per_s / 8192 * (dense + expert_bytes)  # chunks of 8,192 tokens read everything once
    attention = 2 * layers * heads * dim * (input_per_s * TRUE_LENGTH * isl + 2 * output_per_s * context)
    flop_per_s = 2 * active * tokens_per_s + attention
    modelled = power_w(B200, flop_per_s / gpus / B200.peak_flop_per_s["bf16"], (decode + prefill) / gpus / 8e12)
    return float(row["j_per_out_token"]) * output_per_s / gpus, float(modelled)


def test_measured_runs_are_met_within_the_error_that_the_catalogue_states() -> None:
    if not MEASURED.exists():
        pytest.skip("the measured runs are not beside this checkout")
    with MEASURED.open(newline="") as file:
        runs = [_measured_and_modelled_w(row) for row in csv.DictReader(file) if row["j_per_out_token"]]
    measured, modelled = np.array(runs).T
    error = np.abs(modelled / measured - 1)
    assert len(runs) == 36
    assert np.median(error) == pytest.approx(0.07, abs=0.02)
    assert np.quantile(error, 0.9) == pytest.approx(0.18, abs=0.03)
    # The shortcut that this replaces: rated power around the clock.
    assert np.median(1000 / measured - 1) > 0.4
    assert modelled.sum() == pytest.approx(measured.sum(), rel=0.06)
