"""The shape of a language model: what the engine reads, and nothing else.

Identical layers stand together in a group (`AttentionLayers(layers=80, ...)`): a cost is a sum over a few groups.
A `layer` is a block of the residual stream: attention or a recurrent mixer, an MLP, or both.
All sizes are counts of values; bytes follow once a precision is chosen.
"""

from capplan.records import dataclass


@dataclass(frozen=True)
class Mla:
    """Multi-head latent attention: one compressed vector a token instead of keys and values for every head.

    Source: DeepSeek-V2, arXiv 2405.04434, section 2.1.
    """

    kv_lora_rank: int
    rope_dim: int
    nope_dim: int
    v_dim: int
    q_lora_rank: int | None = None


@dataclass(frozen=True)
class SparseIndex:
    """DeepSeek sparse attention: a small indexer scores every past token, attention reads the best `top_k`.

    layers: how many layers of the group own an indexer and its keys; None is all. The others reuse the last choice.
    Source: DeepSeek-V3.2-Exp report; GLM-5.2's `indexer_types` for shared indexers.
    """

    top_k: int
    heads: int
    head_dim: int
    layers: int | None = None


@dataclass(frozen=True)
class Compression:
    """Keys and values of `ratio` neighbouring tokens are pooled into one vector; the last `local_tokens` stay whole.

    ratio: None for a layer that keeps only its local tokens (0 in the published `compress_ratios`).
    q_lora_rank, output_groups, output_rank: the low-rank query and grouped output projections of this design.
    Source: DeepSeek-V4 as implemented in transformers 5.23.0, models/deepseek_v4.
    """

    ratio: int | None
    local_tokens: int
    q_lora_rank: int
    output_groups: int
    output_rank: int


@dataclass(frozen=True)
class AttentionLayers:
    """One group of identical attention layers.

    kv_heads: equal to `heads` is MHA, 1 is MQA, between is GQA; unused where `mla` is set.
    window_tokens: how far back a token sees (sliding window), or the chunk length if `chunked`; None is everything.
    compression: keys and values are pooled over neighbouring tokens (DeepSeek-V4); one vector is both key and value.
    gated: the query projection carries an output gate of the same size (Qwen3-Next).
    v_head_dim: size of a value head where it differs from `head_dim` (MiMo-V2).
    sinks: one learned logit a head that takes up spare attention (gpt-oss).
    shared_projection: values are the unrotated keys, so there is no value projection; both are still cached (Gemma 4).
    """

    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    window_tokens: int | None = None
    chunked: bool = False
    mla: Mla | None = None
    index: SparseIndex | None = None
    compression: Compression | None = None
    qkv_bias: bool = False
    output_bias: bool = False
    gated: bool = False
    qk_norm: bool = False
    v_head_dim: int | None = None
    sinks: bool = False
    shared_projection: bool = False


@dataclass(frozen=True)
class RecurrentLayers:
    """Layers that carry a state of constant size instead of a KV cache.

    kind: mamba2 | gated_deltanet | kimi_delta | lightning.
    state_bytes_per_sequence: all layers together, in fp32, the short convolution's state left out.
    """

    layers: int
    kind: str
    parameters_per_layer: int
    state_bytes_per_sequence: float


@dataclass(frozen=True)
class DenseMlp:
    """One group of identical MLPs; three matrices where gated (SwiGLU), two where plain."""

    layers: int
    intermediate: int
    matrices: int = 3
    bias: bool = False


@dataclass(frozen=True)
class Moe:
    """Mixture-of-experts layers.

    active: experts chosen for each token (top-k). shared_intermediate: total width of the experts every token passes.
    latent: width the routed experts work in, between one projection down and one up a layer; None is the hidden width.
    """

    layers: int
    experts: int
    active: int
    intermediate: int
    shared_intermediate: int = 0
    matrices: int = 3
    latent: int | None = None
    bias: bool = False
    shared_gate: bool = False


@dataclass(frozen=True)
class Architecture:
    """A model as the engine sees it.

    native_weights: the precision the weights were published in: bf16 | fp8 | mxfp4 | nvfp4 | int4.
    norms_per_layer: norm vectors of width `hidden` in each layer; norm_bias where each also has a shift (LayerNorm).
    learned_positions: rows of a learned position table, 0 for rotary or none.
    extra_parameters: whatever the groups cannot express, stated by the catalogue entry.
    mtp_layers: multi-token-prediction layers shipped beside the model; never counted in the totals.
    total_parameters_override: for models whose shape is not public; every parameter is then taken as active
        unless active_parameters_override says otherwise.
    unmodelled: why no plan can be computed from this shape; None where it can.
    """

    name: str
    layers: int
    hidden: int
    vocab: int
    tied_embeddings: bool
    max_context: int
    native_weights: str
    attention: tuple[AttentionLayers, ...]
    mlps: tuple[DenseMlp, ...] = ()
    moe: Moe | None = None
    recurrent: RecurrentLayers | None = None
    norms_per_layer: int = 2
    norm_bias: bool = False
    head_bias: bool = False
    learned_positions: int = 0
    extra_parameters: int = 0
    mtp_layers: int = 0
    total_parameters_override: float | None = None
    active_parameters_override: float | None = None
    unmodelled: str | None = None
