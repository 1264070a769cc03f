"""Weights of attention layers: the projections around each kind of attention."""

from capplan.catalog.architecture import AttentionLayers, Compression, Mla, SparseIndex


def attention_parameters(group: AttentionLayers, hidden: int) -> int:
    """Parameters of all layers of one attention group: projections, biases and its own small norms."""
    if group.compression:
        per_layer = _compressed_attention(group, group.compression, hidden)
    elif group.mla:
        per_layer = _latent_attention(group, group.mla, hidden)
    else:
        per_layer = _grouped_attention(group, hidden)
    indexers = index_layers(group) * _indexer(group, group.index, hidden) if group.index else 0
    return group.layers * per_layer + indexers


def value_head_dim(group: AttentionLayers) -> int:
    """Width of one head's value."""
    return group.head_dim if group.v_head_dim is None else group.v_head_dim


def index_layers(group: AttentionLayers) -> int:
    """Layers of the group that own an indexer and cache its keys."""
    if group.index is None:
        return 0
    return group.layers if group.index.layers is None else group.index.layers


def _grouped_attention(group: AttentionLayers, hidden: int) -> int:
    queries = group.heads * group.head_dim * (2 if group.gated else 1)
    keys = group.kv_heads * group.head_dim
    values = 0 if group.shared_projection else group.kv_heads * value_head_dim(group)
    output = group.heads * value_head_dim(group)
    total = hidden * (queries + keys + values + output)
    total += queries + keys + values if group.qkv_bias else 0
    total += hidden if group.output_bias else 0
    total += 2 * group.head_dim if group.qk_norm else 0
    return total + (group.heads if group.sinks else 0)


def _latent_attention(group: AttentionLayers, mla: Mla, hidden: int) -> int:
    queries = group.heads * (mla.nope_dim + mla.rope_dim)
    rank = mla.q_lora_rank
    query = hidden * queries if rank is None else hidden * rank + rank + rank * queries
    down = hidden * (mla.kv_lora_rank + mla.rope_dim) + mla.kv_lora_rank
    up = mla.kv_lora_rank * group.heads * (mla.nope_dim + mla.v_dim)
    gate = hidden * group.heads * mla.v_dim if group.gated else 0
    return query + down + up + gate + group.heads * mla.v_dim * hidden


def _compressed_attention(group: AttentionLayers, pooling: Compression, hidden: int) -> int:
    rank, width = pooling.q_lora_rank, group.head_dim
    query = hidden * rank + rank + rank * group.heads * width
    key_value = hidden * width + width
    output = group.heads * width * pooling.output_rank + pooling.output_groups * pooling.output_rank * hidden
    pool = _pooling(pooling.ratio, hidden, width, overlapping=group.index is not None)
    return query + key_value + output + pool + (group.heads if group.sinks else 0)


def _pooling(ratio: int | None, hidden: int, width: int, overlapping: bool) -> int:
    """Weights that pool `ratio` tokens into one: value and gate projections, a bias a position, a norm."""
    if ratio is None:
        return 0
    columns = width * (2 if overlapping else 1)
    return 2 * hidden * columns + ratio * columns + width


def _indexer(group: AttentionLayers, index: SparseIndex, hidden: int) -> int:
    """Queries from the low-rank query where there is one, one key a token with its LayerNorm, a weight a head."""
    rank = group.compression.q_lora_rank if group.compression else group.mla.q_lora_rank if group.mla else None
    queries = (rank or hidden) * index.heads * index.head_dim
    if group.compression:
        keys = _pooling(group.compression.ratio, hidden, index.head_dim, overlapping=True)
    else:
        keys = hidden * index.head_dim + 2 * index.head_dim
    return queries + keys + hidden * index.heads
