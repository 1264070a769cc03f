"""How far a prediction may be off, and what is said where it may be further off than usual."""

from dataclasses import replace

import numpy as np
import pytest

from capplan.catalog.accelerators import accelerator
from capplan.catalog.bands import Kind, bands
from capplan.catalog.engines import profile
from capplan.catalog.models import model
from capplan.engine.band import Band, band


def around(prompt: object = 1000.0, gpu: str = "h100-sxm", engine: str = "vllm", steady: bool = True) -> Band:
    chip = accelerator(gpu)
    arch = model("llama-3.3-70b").architecture
    return band(arch, chip, profile(engine, chip.vendor), prompt, 500.0, 64.0, steady)


def test_a_load_beyond_what_was_measured_is_wider_and_says_what_lies_beyond() -> None:
    known = bands()
    both = around(np.array([1000.0, 2 * known.prompt_tokens]))
    assert both.spread[1] == pytest.approx(both.spread[0] * known.beyond)
    assert both.first_token[1] == pytest.approx(both.first_token[0] * known.beyond)
    assert both.extrapolates_each()[0] == ()
    assert both.extrapolates_each()[1] == both.extrapolates == (f"prompt beyond {known.prompt_tokens:,.0f}",)


def test_an_engine_that_was_not_fitted_on_the_vendors_chips_is_wider_for_every_load() -> None:
    chip = accelerator("h100-sxm")
    arch, fitted = model("llama-3.3-70b").architecture, profile("vllm", chip.vendor)
    loads = np.array([1000.0, 2000.0])
    made = [band(arch, chip, engine, loads, 500.0, 64.0) for engine in (fitted, replace(fitted, exact=False))]
    assert made[1].spread == pytest.approx(made[0].spread * bands().unfitted)
    assert made[0].extrapolates == ()
    assert made[1].extrapolates == made[1].extrapolates_each()[1] == ("vllm was not fitted on NVIDIA chips",)


def test_a_chip_known_by_its_datasheet_is_wider_than_one_with_measured_kernels() -> None:
    assert around(gpu="mi300x").spread > around().spread


def test_a_load_as_large_as_the_largest_that_was_measured_is_within_it() -> None:
    known, fitted = bands(), profile("vllm", "NVIDIA")
    chip, arch = accelerator("h100-sxm"), model("llama-3.3-70b").architecture
    most = (known.prompt_tokens, known.output_tokens, known.sequences)
    assert band(arch, chip, fitted, *most).extrapolates == ()
    for at, word in enumerate(("prompt", "answer", "batch")):
        beyond = [one * (1.01 if i == at else 1.0) for i, one in enumerate(most)]
        assert band(arch, chip, fitted, *beyond).extrapolates == (f"{word} beyond {most[at]:,.0f}",)
    lasting = band(arch, chip, fitted, *most)
    assert lasting.spread == known.spread[Kind(False, True, True)]
    assert around(steady=False).spread == known.spread[Kind(False, True, False)]
