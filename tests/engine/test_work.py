"""The matrices of a pass against the parameters that a token is multiplied with."""

import numpy as np
import pytest

from capplan.catalog import files
from capplan.catalog.models import model
from capplan.catalog.operators import operators
from capplan.engine.architecture import parameters
from capplan.engine.layout import Layout
from capplan.engine.precision import precision
from capplan.engine.work import Work, work

MODELS = [name for name in files.names("models") if name != "gpt-4-rumoured"]


def of(name: str, layout: Layout) -> Work:
    arch = model(name).architecture
    stored = precision(arch, "bf16", "bf16", operators("h100-sxm"), frozenset({"bf16", "fp8"}))
    return work(arch, layout, stored)


def multiplied(job: Work) -> float:
    return float(sum(g.layers * np.asarray(g.outputs * g.inputs) for g in job.gemms))


@pytest.mark.parametrize("name", MODELS)
def test_the_matrices_of_a_pass_hold_every_active_parameter_once(name: str) -> None:
    # Routed experts are an operator of their own; norms and what no group expresses are no matrices; biases are few.
    p, arch = parameters(model(name).architecture), model(name).architecture
    matrices = p.active - p.active_experts - p.norms - arch.extra_parameters
    assert multiplied(of(name, Layout())) == pytest.approx(matrices, rel=5e-4)


@pytest.mark.parametrize("name", ["llama-3.3-70b", "gpt-oss-120b", "qwen3-next-80b-a3b", "gpt-4-textbook"])
def test_a_tensor_group_shares_the_matrices_out(name: str) -> None:
    # 8 KV heads at least: none is held twice. Only the router is whole on each GPU.
    whole, share = (multiplied(of(name, Layout(n))) for n in (1, 2))
    moe = model(name).architecture.moe
    router = moe.layers * moe.experts * model(name).architecture.hidden if moe else 0
    assert share - router == pytest.approx((whole - router) / 2)


def test_a_latent_cache_is_projected_down_whole_on_every_gpu() -> None:
    # 61 layers x 7168 x (1536 + 512 + 64), and 58 routers of 7168 x 256: what a group of 8 cannot share out.
    whole, share = (multiplied(of("deepseek-r1", Layout(n))) for n in (1, 8))
    kept = 61 * 7168 * (1536 + 512 + 64) + 58 * 7168 * 256
    assert share - kept == pytest.approx((whole - kept) / 8)


def test_a_step_has_two_reductions_a_layer_and_one_where_a_layer_is_only_a_mixer_or_an_mlp() -> None:
    assert of("llama-3.3-70b", Layout(2)).reductions == 160
    assert of("gpt-4-textbook", Layout(2)).reductions == 240
    hybrid = model("nemotron-h-56b").architecture
    assert of("nemotron-h-56b", Layout(2)).reductions == hybrid.layers
