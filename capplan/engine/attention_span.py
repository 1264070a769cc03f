"""How much past each new token reads, and what reading it costs: the part of attention that grows with context."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.catalog.architecture import AttentionLayers
from capplan.engine.architecture import kv_values_per_token
from capplan.engine.projections import value_head_dim

Floats = NDArray[np.float64]


def attended_tokens(group: AttentionLayers, context_tokens: ArrayLike) -> Floats:
    """Cache entries that one new token reads in one layer, itself included, at a context of `context_tokens`.

    Sliding window: at most the window. Chunked: half a chunk on average, once past the first (the true span runs from
    1 to the whole chunk). Sparse index: the best `top_k`. Pooled cache: local tokens and one entry per `ratio` tokens.

    >>> local = AttentionLayers(18, heads=64, kv_heads=8, head_dim=64, window_tokens=128)
    >>> attended_tokens(local, [64, 4096]).tolist()
    [64.0, 128.0]
    """
    context = np.asarray(context_tokens, dtype=np.float64)
    if group.compression:
        pooled = context / group.compression.ratio if group.compression.ratio else 0.0
        chosen = np.minimum(pooled, group.index.top_k) if group.index else pooled
        return np.asarray(np.minimum(context, group.compression.local_tokens) + chosen)
    if group.window_tokens is not None and group.chunked:
        return np.where(context <= group.window_tokens, context, (group.window_tokens + 1) / 2)
    limits = [group.window_tokens, group.index.top_k if group.index else None]
    return np.asarray(np.minimum(context, min((n for n in limits if n is not None), default=np.inf)))


def attended_pairs(group: AttentionLayers, past_tokens: ArrayLike, new_tokens: ArrayLike) -> Floats:
    """Query-key pairs of one layer when `new_tokens` follow `past_tokens` already in the cache (causal, exact).

    past_tokens, new_tokens: broadcast against each other.

    >>> full = AttentionLayers(1, heads=1, kv_heads=1, head_dim=1)
    >>> float(attended_pairs(full, 0, 4)), float(attended_pairs(full, 3, 1))  # 1 + 2 + 3 + 4; the fourth alone
    (10.0, 4.0)
    """
    past = np.asarray(past_tokens)
    return _pairs_up_to(group, past + np.asarray(new_tokens)) - _pairs_up_to(group, past)


def indexed_tokens(group: AttentionLayers, context_tokens: ArrayLike) -> Floats:
    """Indexer keys that one new token is scored against in one layer that has an indexer."""
    return np.asarray(np.asarray(context_tokens) / _ratio(group))


def indexed_pairs(group: AttentionLayers, past_tokens: ArrayLike, new_tokens: ArrayLike) -> Floats:
    """Query-key pairs that the indexer of one layer scores; it looks at the whole past, only cheaply."""
    past = np.asarray(past_tokens)
    return np.asarray((_triangle(past + np.asarray(new_tokens)) - _triangle(past)) / _ratio(group))


def attention_flop_per_pair(group: AttentionLayers, *, decode: bool) -> float:
    """Flop per query-key pair in one layer, all heads: scores and weighted sum, 2 flop per multiply-add.

    decode: MLA then works on the compressed vectors (its up-projections absorbed into queries and output), which reads
    576 values a token instead of 40,960 but multiplies more; in prefill engines expand the heads.

    >>> float(attention_flop_per_pair(AttentionLayers(1, heads=32, kv_heads=8, head_dim=128), decode=True))
    16384.0
    """
    if group.mla and decode:
        width = 2 * group.mla.kv_lora_rank + group.mla.rope_dim
    elif group.mla:
        width = group.mla.nope_dim + group.mla.rope_dim + group.mla.v_dim
    else:
        width = group.head_dim + value_head_dim(group)
    return 2.0 * group.heads * width


def index_flop_per_pair(group: AttentionLayers) -> float:
    """Flop per query-key pair of one layer's indexer, all its heads."""
    return 2.0 * group.index.heads * group.index.head_dim if group.index else 0.0


def kv_values_per_entry(group: AttentionLayers) -> float:
    """Values of one cache entry that attention reads in one layer: `attended_tokens` counts such entries.

    Differs from `kv_values_per_token` where several tokens are pooled into one entry.
    """
    return float(group.head_dim) if group.compression else float(kv_values_per_token(group))


def _ratio(group: AttentionLayers) -> int:
    return group.compression.ratio if group.compression and group.compression.ratio else 1


def _triangle(tokens: Floats) -> Floats:
    return np.asarray(tokens * (tokens + 1) / 2)


def _capped_triangle(tokens: Floats, cap: float) -> Floats:
    """Sum of min(i, cap) for i = 1..tokens."""
    inside = np.minimum(tokens, cap)
    return _triangle(inside) + (tokens - inside) * cap


def _pairs_up_to(group: AttentionLayers, tokens: Floats) -> Floats:
    if group.compression:
        ratio = group.compression.ratio
        local = _capped_triangle(tokens, group.compression.local_tokens)
        if ratio is None:
            return local
        if group.index is None:
            return local + _triangle(tokens) / ratio
        return local + _capped_triangle(tokens, group.index.top_k * ratio) / ratio
    if group.window_tokens is not None and group.chunked:
        chunks = np.floor(tokens / group.window_tokens)
        return chunks * _triangle(np.asarray(float(group.window_tokens))) + _triangle(
            tokens - chunks * group.window_tokens
        )
    limits = [group.window_tokens, group.index.top_k if group.index else None]
    cap = min((n for n in limits if n is not None), default=None)
    return _triangle(tokens) if cap is None else _capped_triangle(tokens, cap)
