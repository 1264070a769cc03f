"""What each GPU holds, and how many sequences fit beside the weights."""

from typing import Any

import numpy as np

from capplan.catalog.architecture import Architecture, AttentionLayers
from capplan.catalog.engines import Profile
from capplan.engine.architecture import index_bytes_per_token, kv_values_per_token, parameters
from capplan.engine.layout import Layout
from capplan.engine.precision import Precision
from capplan.records import dataclass


@dataclass(frozen=True)
class Memory:
    """Bytes on the fullest GPU of a replica; scalars, or arrays over layouts.

    kv_bytes: what is left for the cache, negative where the weights do not fit.
    """

    weight_bytes: Any
    reserved_bytes: Any
    kv_bytes: Any
    device_bytes: float


def weight_bytes_per_gpu(arch: Architecture, layout: Layout, precision: Precision) -> Any:
    """Weights on one GPU: attention and dense MLPs whole on each attention-data-parallel rank, experts spread over all.

    Embedding and head are split over the tensor group and stay in 16 bit; the first and last stage of a pipeline hold
    one of them each, so the fullest stage is charged one.
    """
    p = parameters(arch)
    tables = (p.embedding + (0.0 if arch.tied_embeddings else p.head)) * precision.head.bytes_per_weight
    attention = (p.attention + p.recurrent) * precision.attention.bytes_per_weight
    small = (p.norms + p.router) * 2.0
    dense = (p.dense_mlp + p.shared_experts + p.other) * precision.mlp.bytes_per_weight
    experts = p.experts * precision.experts.bytes_per_weight / layout.stage_gpus
    per_stage = (attention + dense) / layout.tensor + small + experts
    return per_stage / layout.pipeline + tables / layout.tensor / np.minimum(layout.pipeline, 2)


def memory(
    arch: Architecture,
    layout: Layout,
    precision: Precision,
    profile: Profile,
    device_bytes: float,
    draft_bytes: Any,
) -> Memory:
    """Weights, workspace and what the engine leaves for KV on one GPU.

    draft_bytes: weights of a model that drafts for this one, on the same GPU.
    Workspace: context and graphs (`reserved_bytes` of the profile) and the activations of a full step in 16 bit, about
    the two widest tensors of a layer. Source of the utilisations: each engine's documentation, `configs/engines`.
    """
    weights = weight_bytes_per_gpu(arch, layout, precision) + draft_bytes
    widest = max([g.intermediate for g in arch.mlps] + [4 * arch.hidden])
    activations = profile.max_batched_tokens * (4.0 * arch.hidden + 2.0 * widest / layout.tensor) * 2.0
    reserved = profile.reserved_bytes + activations
    if profile.utilization_of_free:
        kv = profile.memory_utilization * (device_bytes - weights - reserved)
    else:
        kv = profile.memory_utilization * device_bytes - weights - reserved
    return Memory(weights, reserved, kv, device_bytes)


def kv_bytes_per_gpu(arch: Architecture, layout: Layout, precision: Precision, tokens: Any) -> Any:
    """Cache of one sequence of `tokens` on each GPU of its tensor group (MLA and surplus ranks replicate it)."""
    size = precision.kv_bytes_per_value
    total: Any = 0.0
    for group in arch.attention:
        held = tokens if group.window_tokens is None else np.minimum(tokens, group.window_tokens)
        values = group.layers * kv_values_per_token(group) * held
        if group.compression:
            values = values + group.layers * np.minimum(tokens, group.compression.local_tokens) * group.head_dim
        total = total + values * size * _share(group, layout)
    state = arch.recurrent.state_bytes_per_sequence / layout.tensor if arch.recurrent else 0.0
    return (total + index_bytes_per_token(arch) * tokens + state) / layout.pipeline


def sequences_that_fit(
    arch: Architecture, layout: Layout, precision: Precision, kv_bytes: Any, tokens: Any, draft_bytes: Any = 0.0
) -> Any:
    """Whole sequences of `tokens` in the caches of one replica; 0 where the weights leave nothing.

    tokens: what one sequence holds; its mean over life (prompt + half of the output) in steady state.
    draft_bytes: what a draft model caches of such a sequence on each GPU.
    """
    each = kv_bytes_per_gpu(arch, layout, precision, tokens) + draft_bytes
    return np.floor(np.maximum(kv_bytes, 0.0) / each + 1e-9) * layout.attention_data


def _share(group: AttentionLayers, layout: Layout) -> Any:
    if group.mla or group.compression:
        return 1.0
    return layout.kv_share(group.kv_heads)
