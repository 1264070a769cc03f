"""The matrices of a pass against the parameters that a token is multiplied with."""

from dataclasses import replace

import numpy as np
import pytest

from capplan.catalog import files
from capplan.catalog.architecture import (
    Architecture,
    AttentionLayers,
    Compression,
    DenseMlp,
    Mla,
    Moe,
    RecurrentLayers,
    SparseIndex,
)
from capplan.catalog.models import model
from capplan.catalog.operators import operators
from capplan.engine.architecture import parameters
from capplan.engine.layout import Layout
from capplan.engine.precision import Precision, Storage, precision
from capplan.engine.work import Gemm, Work, work

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


STORED = Precision(*(Storage(name, 1.0, "bf16", "bf16") for name in ("attention", "mlp", "experts", "head")), kv="bf16")
BARE = Architecture(
    "made-up",
    layers=3,
    hidden=100,
    vocab=1000,
    tied_embeddings=False,
    max_context=0,
    native_weights="bf16",
    attention=(),
)
HEAD = Gemm(1, 500, 100, STORED.head, sampled_rows=True)
INDEX = SparseIndex(top_k=9, heads=5, head_dim=6, layers=2)
MLA = Mla(kv_lora_rank=20, rope_dim=4, nope_dim=12, v_dim=8, q_lora_rank=30)
POOL = Compression(ratio=4, local_tokens=16, q_lora_rank=30, output_groups=2, output_rank=7)
GROUPED = AttentionLayers(3, heads=8, kv_heads=2, head_dim=10, v_head_dim=6)
LATENT = AttentionLayers(3, heads=8, kv_heads=8, head_dim=16, mla=MLA)
POOLED = AttentionLayers(3, heads=8, kv_heads=1, head_dim=10, compression=POOL)


def matrices(*shapes: tuple[float, float], layers: int = 3) -> list[Gemm]:
    return [Gemm(layers, outputs, inputs, STORED.attention) for outputs, inputs in shapes]


# On each of two GPUs, outputs by inputs: four of the eight query heads, one of two KV heads.
LATENT_REST = matrices((4 * (12 + 8), 20), (100, 4 * 8))
POOLED_REST = matrices((4 * 10, 30), (7, 4 * 10), (100, 2 * 7 / 2))
LAYERS = {
    "grouped": (GROUPED, matrices((4 * 10 + 10 + 6, 100), (100, 4 * 6))),
    "gated": (replace(GROUPED, gated=True), matrices((2 * 4 * 10 + 10 + 6, 100), (100, 4 * 6))),
    "values are the keys": (replace(GROUPED, shared_projection=True), matrices((4 * 10 + 10, 100), (100, 4 * 6))),
    "grouped, indexed": (
        replace(GROUPED, index=INDEX),
        matrices((4 * 10 + 10 + 6, 100), (100, 4 * 6)) + matrices((5 * 6, 100), (6 + 5, 100), layers=2),
    ),
    # Down to 20 + 4 for keys and values and to 30 for queries on each GPU whole; up again for four heads.
    "latent": (LATENT, matrices((54, 100), (4 * 16, 30)) + LATENT_REST),
    "latent, gated": (replace(LATENT, gated=True), matrices((54 + 4 * 8, 100), (4 * 16, 30)) + LATENT_REST),
    "latent, queries from the whole width": (
        replace(LATENT, mla=replace(MLA, q_lora_rank=None)), matrices((24, 100), (4 * 16, 100)) + LATENT_REST
    ),
    "latent, indexed": (
        replace(LATENT, index=INDEX),
        matrices((54, 100), (4 * 16, 30)) + LATENT_REST + matrices((5 * 6, 30), (6 + 5, 100), layers=2),
    ),
    # Down to 30 for queries and to one vector of 10, beside values and gates of the pool.
    "pooled": (POOLED, matrices((30 + 10 + 2 * 10, 100)) + POOLED_REST),
    "local": (replace(POOLED, compression=replace(POOL, ratio=None)), matrices((30 + 10, 100)) + POOLED_REST),
    # Overlapping windows pool twice the columns, the indexer's own keys too.
    "pooled, indexed": (
        replace(POOLED, index=INDEX),
        matrices((30 + 10 + 4 * 10, 100)) + POOLED_REST + matrices((5 * 6, 30), (4 * 6 + 5, 100), layers=2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYERS)
def test_the_matrices_of_attention_on_one_of_two_gpus_by_hand(kind: str) -> None:
    group, wanted = LAYERS[kind]
    made = work(replace(BARE, attention=(group,)), Layout(2), STORED)
    assert list(made.gemms) == [*wanted, HEAD]
    assert made.reductions == 3.0


def test_the_matrices_of_mlps_experts_and_recurrent_layers_on_one_of_two_gpus_by_hand() -> None:
    arch = replace(
        BARE,
        mlps=(DenseMlp(2, 40), DenseMlp(3, 40, matrices=2)),
        moe=Moe(4, experts=16, active=2, intermediate=10, shared_intermediate=12, latent=50),
        recurrent=RecurrentLayers(5, "mamba2", parameters_per_layer=60_000, state_bytes_per_sequence=1.0),
    )
    made = work(arch, Layout(2), STORED)
    assert list(made.gemms) == [
        # Gate and up in one matrix where there are three; half of the columns.
        Gemm(2, 2 * 20, 100, STORED.mlp), Gemm(2, 100, 20, STORED.mlp),
        Gemm(3, 20, 100, STORED.mlp), Gemm(3, 100, 20, STORED.mlp),
        # The router whole; the experts that every token passes; down to the latent width and up again.
        Gemm(4, 16, 100, STORED.head),
        Gemm(4, 2 * 6, 100, STORED.mlp), Gemm(4, 100, 6, STORED.mlp),
        Gemm(2 * 4, 50, 100, STORED.mlp),
        # 60,000 / 100 / 2 columns, two thirds of them before the scan.
        Gemm(5, 200, 100, STORED.attention), Gemm(5, 100, 100, STORED.attention),
        HEAD,
    ]  # fmt: skip
    assert made.reductions == 2 + 3 + 4 + 5
    plain = work(replace(BARE, moe=Moe(4, experts=16, active=2, intermediate=10)), Layout(2), STORED)
    assert list(plain.gemms) == [Gemm(4, 16, 100, STORED.head), HEAD]
    assert plain.reductions == 4


def test_a_model_known_by_its_total_is_a_square_matrix_a_layer_of_what_is_active() -> None:
    arch = replace(BARE, total_parameters_override=9e6, active_parameters_override=6e4)
    # 60,000 / 3 layers / 100 inputs, halved.
    square = Gemm(3, 100, 100, STORED.mlp)
    assert work(arch, Layout(2), STORED) == Work(arch, Layout(2), STORED, (square,), reductions=6.0)
