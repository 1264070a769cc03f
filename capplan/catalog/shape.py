"""From the `shape:` mapping of a model file, or an inline model, to an Architecture.

Shared sizes stand at the top; a list under `attention` or `mlp` describes groups of layers that differ, each entry
giving its `layers` and only what is its own:

    shape:
      layers: 36
      hidden: 2880
      heads: 64
      kv_heads: 8
      head_dim: 64
      attention:
        - {layers: 18}
        - {layers: 18, window: 128}
"""

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
from capplan.catalog.fields import Fields
from capplan.catalog.recurrent import recurrent_layers

NATIVE_WEIGHTS = ("bf16", "fp8", "int8", "mxfp4", "nvfp4", "int4")
_MLA = ("kv_lora_rank", "q_lora_rank", "rope_dim", "nope_dim", "v_dim")
_INDEX = ("top_k", "heads", "head_dim", "layers")
_COMPRESSION = ("local_tokens", "q_lora_rank", "output_groups", "output_rank")
_ATTENTION = (
    *("heads", "kv_heads", "head_dim", "v_head_dim", "mla", "index", "compression"),
    *("qkv_bias", "output_bias", "gated_attention", "qk_norm", "sinks", "shared_projection"),
)
_MLP = ("intermediate", "mlp_matrices", "mlp_bias")
_MOE = (
    *("layers", "experts", "active", "intermediate", "shared_intermediate"),
    *("matrices", "latent", "bias", "shared_gate"),
)
_MODEL = (
    *("layers", "hidden", "vocab", "tied_embeddings", "max_context", "native_weights"),
    *("attention", "mlp", "moe", "recurrent", "norms_per_layer", "norm_bias", "head_bias", "learned_positions"),
    *("extra_parameters", "mtp_layers", "total_parameters", "active_parameters"),
)
SHAPE_KEYS = (*_MODEL, *_ATTENTION, *_MLP)


def architecture(name: str, shape: Fields, unmodelled: str | None = None) -> Architecture:
    """Read a whole shape. Raises UserError naming every faulty key.

    Left out, `attention` means that every layer that is not recurrent has full attention, and `mlp` that every layer
    that is not a mixture of experts has one dense MLP of `intermediate`. A shape known only by its total
    (`total_parameters`) needs neither `vocab` nor `intermediate`.
    """
    shape.only(SHAPE_KEYS)
    layers, hidden = shape.whole("layers", most=10_000), shape.whole("hidden")
    recurrent = _recurrent(shape, hidden)
    moe = _moe(shape, layers)
    only_total = shape.has("total_parameters")
    arch = Architecture(
        name=name,
        layers=layers,
        hidden=hidden,
        vocab=shape.whole("vocab", default=0 if only_total else None),
        tied_embeddings=shape.flag("tied_embeddings"),
        max_context=shape.whole("max_context"),
        native_weights=shape.word("native_weights", NATIVE_WEIGHTS, default="bf16"),
        attention=_attention(shape, layers, recurrent),
        mlps=() if only_total and not shape.has("intermediate") else _mlps(shape, layers, moe),
        moe=moe,
        recurrent=recurrent,
        norms_per_layer=shape.whole("norms_per_layer", default=2, least=0, most=16),
        norm_bias=shape.flag("norm_bias"),
        head_bias=shape.flag("head_bias"),
        learned_positions=shape.whole("learned_positions", default=0, least=0),
        extra_parameters=shape.whole("extra_parameters", default=0, least=0, most=10**13),
        mtp_layers=shape.whole("mtp_layers", default=0, least=0, most=100),
        total_parameters_override=shape.number("total_parameters", least=1.0),
        active_parameters_override=shape.number("active_parameters", least=1.0),
        unmodelled=unmodelled,
    )
    _check_layers(shape, arch)
    shape.finish()
    return arch


def _attention(shape: Fields, layers: int, recurrent: RecurrentLayers | None) -> tuple[AttentionLayers, ...]:
    groups = shape.groups("attention")
    if groups is None:
        return (_attention_group(shape, shape, layers - (recurrent.layers if recurrent else 0)),)
    for group in groups:
        group.only(("layers", "window", "chunk", "ratio", *_ATTENTION))
    return tuple(_attention_group(group, shape, group.whole("layers", most=10_000)) for group in groups)


def _attention_group(own: Fields, shape: Fields, layers: int) -> AttentionLayers:
    def holder(key: str) -> Fields:
        return own if own.has(key) else shape

    heads = holder("heads").whole("heads")
    kv_heads = holder("kv_heads").whole("kv_heads", default=heads)
    if heads % kv_heads:
        holder("kv_heads").fault("kv_heads", f"{kv_heads} does not divide heads ({heads})")
    listed = own is not shape
    window = own.optional_whole("window", most=10**9) if listed else None
    chunk = own.optional_whole("chunk", most=10**9) if listed else None
    if window and chunk:
        own.fault("chunk", "a layer has a window or a chunk, not both")
    return AttentionLayers(
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=_head_dim(holder("head_dim"), shape, heads),
        window_tokens=window or chunk,
        chunked=chunk is not None,
        mla=_mla(holder("mla")),
        index=_index(holder("index")),
        compression=_compression(holder("compression"), own.optional_whole("ratio") if listed else None),
        qkv_bias=holder("qkv_bias").flag("qkv_bias"),
        output_bias=holder("output_bias").flag("output_bias"),
        gated=holder("gated_attention").flag("gated_attention"),
        qk_norm=holder("qk_norm").flag("qk_norm"),
        v_head_dim=holder("v_head_dim").optional_whole("v_head_dim"),
        sinks=holder("sinks").flag("sinks"),
        shared_projection=holder("shared_projection").flag("shared_projection"),
    )


def _head_dim(fields: Fields, shape: Fields, heads: int) -> int:
    if fields.has("head_dim"):
        return fields.whole("head_dim")
    if mla := shape.group("mla"):
        return mla.whole("nope_dim") + mla.whole("rope_dim")
    hidden = shape.whole("hidden")
    if hidden % heads:
        shape.fault("head_dim", f"missing, and heads ({heads}) does not divide hidden ({hidden})")
    return max(1, hidden // heads)


def _mla(fields: Fields) -> Mla | None:
    if (mla := fields.group("mla")) is None:
        return None
    mla.only(_MLA)
    return Mla(
        kv_lora_rank=mla.whole("kv_lora_rank"),
        rope_dim=mla.whole("rope_dim", least=0),
        nope_dim=mla.whole("nope_dim"),
        v_dim=mla.whole("v_dim"),
        q_lora_rank=mla.optional_whole("q_lora_rank"),
    )


def _index(fields: Fields) -> SparseIndex | None:
    if (index := fields.group("index")) is None:
        return None
    index.only(_INDEX)
    return SparseIndex(
        top_k=index.whole("top_k"),
        heads=index.whole("heads"),
        head_dim=index.whole("head_dim"),
        layers=index.optional_whole("layers", most=10_000),
    )


def _compression(fields: Fields, ratio: int | None) -> Compression | None:
    if (pooling := fields.group("compression")) is None:
        return None
    pooling.only(_COMPRESSION)
    return Compression(
        ratio=ratio,
        local_tokens=pooling.whole("local_tokens"),
        q_lora_rank=pooling.whole("q_lora_rank"),
        output_groups=pooling.whole("output_groups"),
        output_rank=pooling.whole("output_rank"),
    )


def _recurrent(shape: Fields, hidden: int) -> RecurrentLayers | None:
    fields = shape.group("recurrent")
    return recurrent_layers(fields, hidden) if fields else None


def _moe(shape: Fields, layers: int) -> Moe | None:
    if (moe := shape.group("moe")) is None:
        return None
    moe.only(_MOE)
    experts, active = moe.whole("experts"), moe.whole("active")
    if active > experts:
        moe.fault("active", f"{active} experts of {experts} cannot be active")
    return Moe(
        layers=moe.whole("layers", default=layers, most=10_000),
        experts=experts,
        active=active,
        intermediate=moe.whole("intermediate"),
        shared_intermediate=moe.whole("shared_intermediate", default=0, least=0),
        matrices=moe.whole("matrices", default=3, least=2, most=3),
        latent=moe.optional_whole("latent"),
        bias=moe.flag("bias"),
        shared_gate=moe.flag("shared_gate"),
    )


def _mlps(shape: Fields, layers: int, moe: Moe | None) -> tuple[DenseMlp, ...]:
    groups = shape.groups("mlp")
    if groups is None:
        dense = layers - (moe.layers if moe else 0)
        return (_mlp(shape, shape, dense),) if dense > 0 else ()
    for group in groups:
        group.only(("layers", *_MLP))
    return tuple(_mlp(group, shape, group.whole("layers", most=10_000)) for group in groups)


def _mlp(own: Fields, shape: Fields, layers: int) -> DenseMlp:
    def holder(key: str) -> Fields:
        return own if own.has(key) else shape

    return DenseMlp(
        layers=layers,
        intermediate=holder("intermediate").whole("intermediate"),
        matrices=holder("mlp_matrices").whole("mlp_matrices", default=3, least=2, most=3),
        bias=holder("mlp_bias").flag("mlp_bias"),
    )


def _check_layers(shape: Fields, arch: Architecture) -> None:
    """No kind of layer may outnumber the model's layers, nor mixers together."""
    mixers = sum(group.layers for group in arch.attention) + (arch.recurrent.layers if arch.recurrent else 0)
    feeds = sum(group.layers for group in arch.mlps) + (arch.moe.layers if arch.moe else 0)
    if not arch.attention or any(group.layers < 1 for group in arch.attention):
        shape.fault("attention", "no layer is left for attention")
    if mixers > arch.layers:
        shape.fault("attention", f"{mixers} attention and recurrent layers in a model of {arch.layers}")
    if feeds > 2 * arch.layers:  # a dense MLP may stand beside the experts of one layer
        shape.fault("mlp", f"{feeds} MLP and expert layers in a model of {arch.layers}")
