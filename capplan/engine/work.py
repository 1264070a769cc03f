"""The operators of one forward pass: which matrices of what size run on each GPU of a layout."""

from typing import Any

from capplan.catalog.architecture import Architecture, AttentionLayers, DenseMlp, Moe
from capplan.engine.architecture import parameters, value_head_dim
from capplan.engine.layout import Layout
from capplan.engine.precision import Precision, Storage
from capplan.engine.projections import index_layers
from capplan.records import dataclass


@dataclass(frozen=True)
class Gemm:
    """A weight matrix `inputs` x `outputs` on each GPU, `layers` times a pass, for the tokens of the GPU's own rank.

    sampled_rows: only the positions that are sampled from pass it (the output head).
    """

    layers: float
    outputs: Any
    inputs: Any
    storage: Storage
    sampled_rows: bool = False


@dataclass(frozen=True)
class Work:
    """Everything that one GPU of the layout does in a pass, before rates are known.

    reductions: sums over the tensor group in a pass: one after each attention (or its recurrent stand-in), one after
    each MLP.
    """

    architecture: Architecture
    layout: Layout
    precision: Precision
    gemms: tuple[Gemm, ...]
    reductions: float


def work(arch: Architecture, layout: Layout, precision: Precision) -> Work:
    """The matrices of `arch` under `layout`; sizes are arrays where the layout's degrees are."""
    if arch.total_parameters_override is not None:
        return Work(arch, layout, precision, (_blob(arch, layout, precision),), 2.0 * arch.layers)
    gemms = [g for group in arch.attention for g in _attention(group, arch.hidden, layout, precision)]
    gemms += [g for group in arch.mlps for g in _mlp(group, arch.hidden, layout, precision)]
    gemms += _moe(arch.moe, arch.hidden, layout, precision) if arch.moe else []
    gemms += _recurrent(arch, layout, precision)
    gemms.append(Gemm(1, arch.vocab / layout.tensor, arch.hidden, precision.head, sampled_rows=True))
    mixers = sum(g.layers for g in arch.attention) + (arch.recurrent.layers if arch.recurrent else 0)
    mlps = sum(g.layers for g in arch.mlps) + (arch.moe.layers if arch.moe else 0)
    return Work(arch, layout, precision, tuple(gemms), float(mixers + mlps))


def _attention(group: AttentionLayers, hidden: int, layout: Layout, precision: Precision) -> list[Gemm]:
    tensor, storage = layout.tensor, precision.attention
    if group.compression:
        pooling, heads = group.compression, group.heads / tensor
        pooled = 2 * group.head_dim * (2 if group.index else 1) if pooling.ratio else 0
        gemms = [
            Gemm(group.layers, pooling.q_lora_rank + group.head_dim + pooled, hidden, storage),
            Gemm(group.layers, heads * group.head_dim, pooling.q_lora_rank, storage),
            Gemm(group.layers, pooling.output_rank, heads * group.head_dim, storage),
            Gemm(group.layers, hidden, pooling.output_groups * pooling.output_rank / tensor, storage),
        ]
    elif group.mla:
        mla = group.mla
        heads = group.heads / tensor
        q_in = mla.q_lora_rank or hidden
        down = mla.kv_lora_rank + mla.rope_dim + (mla.q_lora_rank or 0)
        gate = heads * mla.v_dim if group.gated else 0
        gemms = [
            Gemm(group.layers, down + gate, hidden, storage),
            Gemm(group.layers, heads * (mla.nope_dim + mla.rope_dim), q_in, storage),
            # The up-projections, absorbed into query and output: one small matrix a head.
            Gemm(group.layers, heads * (mla.nope_dim + mla.v_dim), mla.kv_lora_rank, storage),
            Gemm(group.layers, hidden, heads * mla.v_dim, storage),
        ]
    else:
        queries = group.heads * group.head_dim * (2 if group.gated else 1) / tensor
        values = 0 if group.shared_projection else value_head_dim(group)
        gemms = [
            Gemm(group.layers, queries + layout.kv_heads(group.kv_heads) * (group.head_dim + values), hidden, storage),
            Gemm(group.layers, hidden, group.heads * value_head_dim(group) / tensor, storage),
        ]
    if group.index:
        rank = group.compression.q_lora_rank if group.compression else group.mla.q_lora_rank if group.mla else None
        owners, index = index_layers(group), group.index
        # Keys of a pooled cache are pooled too: values and gates of overlapping windows.
        keys = index.head_dim * (4 if group.compression else 1)
        gemms.append(Gemm(owners, index.heads * index.head_dim, rank or hidden, storage))
        gemms.append(Gemm(owners, keys + index.heads, hidden, storage))
    return gemms


def _mlp(group: DenseMlp, hidden: int, layout: Layout, precision: Precision) -> list[Gemm]:
    """Dense MLPs follow attention: every attention-data-parallel rank holds its own."""
    width = group.intermediate / layout.tensor
    return [
        Gemm(group.layers, (group.matrices - 1) * width, hidden, precision.mlp),
        Gemm(group.layers, hidden, width, precision.mlp),
    ]


def _moe(moe: Moe, hidden: int, layout: Layout, precision: Precision) -> list[Gemm]:
    """Router and shared experts; the routed experts are an operator of their own."""
    gemms = [Gemm(moe.layers, moe.experts, hidden, precision.head)]
    if moe.shared_intermediate:
        width = moe.shared_intermediate / layout.tensor
        gemms += [
            Gemm(moe.layers, (moe.matrices - 1) * width, hidden, precision.mlp),
            Gemm(moe.layers, hidden, width, precision.mlp),
        ]
    if moe.latent:
        gemms.append(Gemm(2 * moe.layers, moe.latent, hidden, precision.mlp))
    return gemms


def _recurrent(arch: Architecture, layout: Layout, precision: Precision) -> list[Gemm]:
    if not arch.recurrent:
        return []
    columns = arch.recurrent.parameters_per_layer / arch.hidden / layout.tensor
    # Projections in and out hold nearly all parameters of a recurrent layer; two thirds stand before the scan.
    return [
        Gemm(arch.recurrent.layers, columns * 2 / 3, arch.hidden, precision.attention),
        Gemm(arch.recurrent.layers, arch.hidden, columns / 3, precision.attention),
    ]


def _blob(arch: Architecture, layout: Layout, precision: Precision) -> Gemm:
    """A model known only by its total: one square-ish matrix a layer."""
    per_layer = parameters(arch).active / arch.layers
    return Gemm(arch.layers, per_layer / arch.hidden / layout.tensor, arch.hidden, precision.mlp)
