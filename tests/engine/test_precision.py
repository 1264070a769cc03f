"""What weights are stored as, group by group, and what the chip computes them in."""

from dataclasses import replace

import pytest

from capplan.catalog.accelerators import accelerator
from capplan.catalog.figures import MissingFigure
from capplan.catalog.models import model
from capplan.engine.precision import Precision, Storage, precision
from capplan.engine.rates import rates


def stored(name: str, weights: str, gpu: str, kv: str = "bf16") -> Precision:
    chip = rates(accelerator(gpu), "all_reduce")
    return precision(model(name).architecture, weights, kv, chip.operators, frozenset(chip.peak_flop_per_s))


@pytest.mark.parametrize(
    ("name", "weights", "attention", "mlp", "experts"),
    [
        ("llama-3.3-70b", "bf16", "bf16", "bf16", "bf16"),
        ("llama-3.3-70b", "fp8", "fp8", "fp8", "fp8"),
        ("llama-3.3-70b", "fp4", "nvfp4", "nvfp4", "nvfp4"),
        ("deepseek-r1", "fp8", "fp8_block", "fp8_block", "fp8_block"),  # published so, scaled in blocks
        ("deepseek-r1", "fp4", "fp8_block", "nvfp4", "nvfp4"),  # nvidia/DeepSeek-R1-FP4 keeps its attention
        ("deepseek-v2-lite", "nvfp4", "bf16", "nvfp4", "nvfp4"),  # published in bf16
        ("gpt-oss-120b", "fp4", "bf16", "bf16", "mxfp4"),  # only the experts are quantised
        ("gpt-oss-120b", "nvfp4", "nvfp4", "nvfp4", "nvfp4"),
    ],
)
def test_every_group_is_stored_as_its_checkpoint_stores_it(
    name: str, weights: str, attention: str, mlp: str, experts: str
) -> None:
    made = stored(name, weights, "b200-sxm")
    assert (made.attention.dtype, made.mlp.dtype, made.experts.dtype, made.head.dtype) == (
        attention, mlp, experts, "bf16"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gpu", "weights", "storage"),
    [
        ("b200-sxm", "fp4", Storage("nvfp4", 0.5625, "nvfp4", "fp4")),
        ("h100-sxm", "fp4", Storage("nvfp4", 0.5625, "bf16", "bf16")),  # unpacked on the way: bytes saved, no flop/s
        ("h100-sxm", "int4", Storage("int4", 0.51953125, "bf16", "bf16")),
        ("h100-sxm", "int8", Storage("int8", 1.0, "fp8", "int8")),  # no kernel of its own measured: the fp8 one's share
        ("a100-sxm-80gb", "int8", Storage("int8", 1.0, "bf16", "int8")),  # nor that one
        ("a100-sxm-80gb", "fp8", Storage("fp8", 1.0, "bf16", "bf16")),
        ("mi355x", "mxfp4", Storage("bf16", 2.0, "bf16", "bf16")),  # the dense part of an mxfp4 checkpoint
    ],
)
def test_arithmetic_runs_at_a_peak_that_the_chip_has_by_the_nearest_measured_kernel(
    gpu: str, weights: str, storage: Storage
) -> None:
    assert stored("llama-3.3-70b", weights, gpu).mlp == storage


@pytest.mark.parametrize(
    ("gpu", "name", "weights", "storage"),
    [
        ("b200-sxm", "gpt-oss-120b", "fp4", Storage("mxfp4", 0.53125, "mxfp4", "fp4")),
        ("mi355x", "gpt-oss-120b", "fp4", Storage("mxfp4", 0.53125, "bf16", "fp4")),  # no kernel of four bits measured
        ("h100-sxm", "gpt-oss-120b", "fp4", Storage("mxfp4", 0.53125, "bf16", "bf16")),
        ("h100-sxm", "deepseek-r1", "fp8", Storage("fp8_block", 1 + 1 / 4096, "fp8_block", "fp8")),
        ("a100-sxm-80gb", "deepseek-r1", "fp8", Storage("fp8_block", 1 + 1 / 4096, "bf16", "bf16")),
    ],
)
def test_experts_run_by_kernels_measured_for_experts(gpu: str, name: str, weights: str, storage: Storage) -> None:
    assert stored(name, weights, gpu).experts == storage


@pytest.mark.parametrize(("weights", "nearest"), [("mxfp4", "nvfp4"), ("fp8_block", "fp8"), ("int8", "fp8")])
def test_a_format_that_was_not_measured_runs_as_the_nearest_that_was(weights: str, nearest: str) -> None:
    whole = rates(accelerator("b200-sxm"), "all_reduce").operators
    few = replace(whole, moe={name: kernel for name, kernel in whole.moe.items() if name in ("bf16", nearest)})
    made = precision(
        model("llama-3.3-70b").architecture, weights, "bf16", few, frozenset({"bf16", "fp8", "int8", "fp4"})
    )
    assert (made.experts.dtype, made.experts.kernel) == (weights, nearest)


def test_fp4_scales_count_towards_the_bytes_of_a_value_of_the_cache() -> None:
    sizes = [stored("llama-3.3-70b", "fp8", "b200-sxm", kv).kv_bytes_per_value for kv in ("bf16", "fp8", "int8", "fp4")]
    assert sizes == [2.0, 1.0, 1.0, 0.5625]  # a byte of scale for 16 values


def test_a_chip_without_a_peak_in_bf16_cannot_be_rated() -> None:
    with pytest.raises(MissingFigure, match=r"peak\.bf16.*attention"):
        rates(accelerator("mi455x"), "all_reduce")
