"""Accelerators: names as benchmark authors write them, dense peaks, links in one direction, inline changes."""

import csv
from pathlib import Path

import pytest

from capplan.catalog import files
from capplan.catalog.accelerators import Accelerator, accelerator
from capplan.catalog.figures import MissingFigure
from capplan.errors import UserError

ALL = [accelerator(name) for name in files.names("accelerators")]
SHARED = Path(__file__).parents[2].parent / "shared"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("H100", "h100-sxm"), ("H100-SXM", "h100-sxm"), ("H100-SXM-80GB", "h100-sxm"),
        ("A100", "a100-sxm-80gb"), ("A100-80GB", "a100-sxm-80gb"), ("A100-SXM-40GB", "a100-sxm-40gb"),
        ("H200", "h200-sxm"), ("H200-NVL", "h200-nvl"), ("H100-NVL", "h100-nvl"), ("H100-PCIe", "h100-pcie"),
        ("GH200", "gh200"), ("GB200", "gb200"), ("B200", "b200-sxm"), ("B300", "b300-sxm"), ("GB300", "gb300"),
        ("MI250", "mi250"), ("MI300X", "mi300x"), ("MI325X", "mi325x"), ("MI355X", "mi355x"),
        ("L4", "l4"), ("L40S", "l40s"), ("RTX PRO 6000 Blackwell SE", "rtx-pro-6000"),
        ("Arc Pro B60 Dual", "arc-pro-b60-dual"), ("TPU v5e", "tpu-v5e"), ("Ironwood", "tpu7x"),
        ("Gaudi2", "gaudi-2"), ("Gaudi 3", "gaudi-3"), ("Trainium2", "trainium2"), ("Inferentia2", "inferentia2"),
    ],
)  # fmt: skip
def test_names_resolve_as_benchmark_authors_write_them(written: str, name: str) -> None:
    assert accelerator(written).name == name
    assert accelerator(written.lower()).name == name


def test_every_accelerator_of_the_measured_results_resolves() -> None:
    measured = SHARED / "measured" / "dev.csv"
    if not measured.is_file():
        pytest.skip("no shared/measured/dev.csv beside the checkout")
    with measured.open(encoding="utf-8") as rows:
        written = {row["gpu"] for row in csv.DictReader(rows)}
    assert {accelerator(name).name for name in written if name} <= set(files.names("accelerators"))


@pytest.mark.parametrize(
    ("name", "dtype", "tflop_per_s"),
    [
        ("h100-sxm", "bf16", 989), ("h100-sxm", "fp8", 1979), ("h200-sxm", "fp8", 1979), ("b200-sxm", "fp8", 4500),
        ("b200-sxm", "fp4", 9000), ("gb200", "fp4", 10000), ("b300-sxm", "fp4", 14000), ("gb300", "fp4", 15000),
        ("mi300x", "fp8", 2614.9), ("mi355x", "fp4", 10066.3), ("a100-sxm-80gb", "bf16", 312),
    ],
)  # fmt: skip
def test_peaks_are_dense_as_the_datasheets_print_them(name: str, dtype: str, tflop_per_s: float) -> None:
    assert accelerator(name).peak(dtype) == pytest.approx(tflop_per_s * 1e12)


def test_fp16_runs_at_the_rate_of_bf16_and_an_absent_type_has_no_peak() -> None:
    h100 = accelerator("h100-sxm")
    assert h100.peak("fp16") == h100.peak("bf16")
    assert accelerator("b200-sxm").peak("nvfp4") == accelerator("b200-sxm").peak("fp4")
    assert h100.peak("fp4") is None


@pytest.mark.parametrize(
    ("name", "gb_per_s"), [("a100-sxm-80gb", 300), ("h100-sxm", 450), ("b200-sxm", 900), ("mi300x", 448), ("l40s", 32)]
)
def test_links_are_counted_in_one_direction(name: str, gb_per_s: float) -> None:
    assert accelerator(name).link_bandwidth_bytes_per_s == pytest.approx(gb_per_s * 1e9)


def test_a_rack_is_one_scale_up_domain_of_many_servers() -> None:
    rack, server = accelerator("gb200"), accelerator("h100-sxm")
    assert (rack.node_gpus, rack.scale_up_gpus) == (4, 72)
    assert (server.node_gpus, server.scale_up_gpus) == (8, 8)


@pytest.mark.parametrize("chip", ALL, ids=lambda chip: chip.name)
def test_no_chip_moves_data_to_its_peers_faster_than_to_its_memory(chip: Accelerator) -> None:
    assert (chip.link_bandwidth_bytes_per_s or 0) < chip.memory_bandwidth_bytes_per_s
    assert (chip.pcie_bandwidth_bytes_per_s or 0) < chip.memory_bandwidth_bytes_per_s


@pytest.mark.parametrize("chip", ALL, ids=lambda chip: chip.name)
def test_what_the_driver_reports_is_near_the_marketed_memory(chip: Accelerator) -> None:
    if chip.reported_memory_bytes is not None:
        assert 0.93 < chip.reported_memory_bytes / chip.memory_bytes < 1.08


def test_an_unknown_figure_is_an_error_that_names_chip_figure_and_need() -> None:
    with pytest.raises(MissingFigure, match="tpu-v5e has no 'tdp' figure, which the energy cost needs"):
        accelerator("tpu-v5e").need("tdp_w", "the energy cost")
    assert accelerator("h100").need("tdp_w", "the energy cost") == 700


def test_an_inline_chip_may_change_a_catalogued_one() -> None:
    capped = accelerator({"like": "H100", "name": "h100-500w", "tdp": "500 W", "peak": {"fp8": "1.5 PFLOP/s"}})
    h100 = accelerator("H100")
    assert (capped.name, capped.tdp_w, capped.peak("fp8")) == ("h100-500w", 500, 1.5e15)
    assert (capped.memory_bytes, capped.peak("bf16")) == (h100.memory_bytes, h100.peak("bf16"))


def test_an_inline_chip_can_stand_alone() -> None:
    chip = accelerator(
        {
            "name": "mine", "operators": "h100-sxm", "memory": "64 GB", "memory_bandwidth": "2 TB/s",
            "peak": {"bf16": "400 TFLOP/s"}, "node": {"gpus": 4, "scale_up_gpus": 4},
        }
    )  # fmt: skip
    assert (chip.memory_bytes, chip.node_gpus, chip.tdp_w) == (64e9, 4, None)


def test_every_fault_of_an_inline_chip_is_told_at_once() -> None:
    with pytest.raises(UserError) as fault:
        accelerator({"name": "mine", "memory": "64", "peak": {"bf17": "1 TFLOP/s"}, "speed": "2 TB/s"})
    for part in (
        "memory: 64: give a unit",
        "peak.bf17: unknown key",
        "speed: unknown key",
        "memory_bandwidth: missing",
    ):
        assert part in str(fault.value)
