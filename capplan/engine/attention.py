"""The time that attention takes in one step: reading the past for decode, and causal prefill."""

from typing import Any

import numpy as np

from capplan.catalog.architecture import AttentionLayers
from capplan.engine.attention_span import (
    attended_pairs,
    attended_tokens,
    attention_flop_per_pair,
    index_flop_per_pair,
    indexed_pairs,
    indexed_tokens,
    kv_values_per_entry,
)
from capplan.engine.projections import index_layers
from capplan.engine.rates import Rates
from capplan.engine.roofline import decode_attention_s, mla_decode_s, soft_max
from capplan.engine.work import Work


def attention_s(
    group: AttentionLayers,
    work: Work,
    rates: Rates,
    sequences: Any,
    context: Any,
    prefill: Any,
    prompt: Any,
    kv_reuse: float,
    past: Any,
    verify: float,
) -> Any:
    """All layers of one group: `sequences` decoding at `context`, and `prefill` tokens of prompts `prompt` long.

    sequences, prefill: of one attention-data-parallel rank; scalars or arrays.
    kv_reuse: as in `Overheads`. past, verify: as in `step`.
    """
    decode = _decode_s(group, work, rates, sequences, context, kv_reuse, verify)
    causal = _prefill_s(group, work, rates, prefill, prompt, past)
    return group.layers * (
        np.where(np.asarray(sequences) > 0, decode, 0.0) + np.where(np.asarray(prefill) > 0, causal, 0.0)
    )


def recurrent_s(work: Work, rates: Rates, sequences: Any) -> Any:
    """Recurrent layers read and write each sequence's state once a step, in about four small kernels a layer."""
    recurrent = work.architecture.recurrent
    if not recurrent:
        return 0.0
    kernel = rates.operators.gemm["bf16"]
    moved = 2.0 * recurrent.state_bytes_per_sequence * sequences / work.layout.stage_gpus
    fixed_s = recurrent.layers * 4 * kernel.fixed_s
    return moved / (rates.memory_bandwidth_bytes_per_s * kernel.memory) + fixed_s


def _decode_s(
    group: AttentionLayers, work: Work, rates: Rates, sequences: Any, context: Any, kv_reuse: float, verify: float
) -> Any:
    """Every sequence's cache is read once, however many of its tokens the step verifies; only arithmetic grows.

    A cache in a precision that no kernel was measured in is read by the kernel for 16 bit.
    """
    entries = sequences * attended_tokens(group, context)
    kv_bytes = entries * kv_values_per_entry(group) * work.precision.kv_bytes_per_value
    keys = sequences * indexed_tokens(group, context)
    index_s = _index_s(group, rates, verify * keys, keys)
    kv, bandwidth = work.precision.kv, rates.memory_bandwidth_bytes_per_s
    if group.mla or group.compression:
        latent = rates.operators.mla_decode
        flop = verify * entries * attention_flop_per_pair(group, decode=True) / work.layout.tensor
        peak = rates.peak_flop_per_s["bf16"]
        return index_s + mla_decode_s(sequences, flop, kv_bytes, latent.get(kv, latent["bf16"]), peak, bandwidth)
    kv_heads = work.layout.kv_heads(group.kv_heads)
    kv_bytes = kv_bytes * work.layout.kv_share(group.kv_heads) * (group.heads / group.kv_heads) ** (1.0 - kv_reuse)
    grouped = rates.operators.decode_attention
    return index_s + decode_attention_s(sequences, kv_heads, kv_bytes, grouped.get(kv, grouped["bf16"]), bandwidth)


def _prefill_s(group: AttentionLayers, work: Work, rates: Rates, prefill: Any, prompt: Any, past: Any) -> Any:
    """Causal attention: what prompts of that length cost behind their cached `past`, per token that is prefilled."""
    kernel = rates.operators.prefill_attention
    length = np.maximum(prompt, 1.0)
    new = np.maximum(length - past, 1.0)
    prompts = prefill / new
    flop = prompts * attended_pairs(group, length - new, new) * attention_flop_per_pair(group, decode=False)
    efficiency = np.interp(np.log(length), np.log(kernel.tokens), kernel.compute)
    causal_s = flop / work.layout.tensor / (rates.peak_flop_per_s["bf16"] * efficiency)
    index_s = _index_s(group, rates, prompts * indexed_pairs(group, length - new, new), 0.0)
    return causal_s + index_s + kernel.fixed_s


def _index_s(group: AttentionLayers, rates: Rates, pairs: Any, keys: Any) -> Any:
    """Scoring `pairs` with the indexer and reading `keys` of its small fp8 keys, a layer of the group on average.

    Prefill reads next to nothing beside what it scores. Each GPU of a tensor group does all of it for itself.
    """
    if not group.index:
        return 0.0
    kernel = rates.operators.gemm["bf16"]
    peak = rates.peak_flop_per_s.get("fp8", rates.peak_flop_per_s["bf16"])
    flop_s = pairs * index_flop_per_pair(group) / (peak * kernel.compute)
    moved_s = keys * group.index.head_dim / (rates.memory_bandwidth_bytes_per_s * kernel.memory)
    return index_layers(group) / group.layers * soft_max(flop_s, moved_s, 2.0)
