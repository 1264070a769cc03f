"""The attention part of a Hugging Face config: which layers see how far, and with which heads."""

from collections import Counter
from collections.abc import Mapping

from capplan.catalog.fields import Fields
from capplan.catalog.hf_conventions import Convention

Shape = dict[str, object]

_WHOLE_CONTEXT = ("full_attention", "attention", "deepseek_sparse_attention")


def attention_shape(config: Fields, convention: Convention, model_type: str) -> Shape:
    """Heads, head sizes, latent and sparse attention, and the groups of layers whose span differs."""
    heads = config.whole("num_attention_heads")
    kv_heads = config.whole("num_key_value_heads", default=heads)
    if heads % kv_heads:
        config.fault("num_key_value_heads", f"{kv_heads} does not divide num_attention_heads ({heads})")
    bias = config.flag("attention_bias", convention.attention_bias)
    shape: Shape = {
        "heads": heads,
        "kv_heads": kv_heads,
        "head_dim": _head_dim(config, heads),
        "qkv_bias": bias,
        "output_bias": bias and convention.output_bias,
        "qk_norm": config.flag("use_qk_norm", convention.qk_norm) and model_type != "llama4_text",
        "gated_attention": config.flag("attn_output_gate", convention.gated_attention),
        "sinks": convention.sinks and model_type != "mimo_v2_flash",
        "v_head_dim": None if config.has("kv_lora_rank") else config.optional_whole("v_head_dim"),
        "mla": _mla(config),
        "index": _index(config),
    }
    groups = _groups(config, convention, model_type)
    if groups != [{"layers": config.whole("num_hidden_layers", most=10_000)}]:
        shape["attention"] = groups
    return shape


def layer_kinds(config: Fields, key: str, layers: int) -> list[str] | None:
    """A per-layer list of words as long as the model, None where absent."""
    kinds = config.texts(key)
    if kinds is None:
        return None
    if len(kinds) < layers:
        config.fault(key, f"{len(kinds)} entries for num_hidden_layers = {layers}")
    return [str(kind) for kind in kinds[:layers]]


def _head_dim(config: Fields, heads: int) -> int:
    if config.has("kv_lora_rank"):
        return config.whole("qk_nope_head_dim") + config.whole("qk_rope_head_dim", least=0)
    if config.has("head_dim"):
        return config.whole("head_dim")
    hidden = config.whole("hidden_size")
    if hidden % heads:
        config.fault("head_dim", f"missing, and num_attention_heads ({heads}) does not divide hidden_size ({hidden})")
    return max(1, hidden // heads)


def _mla(config: Fields) -> Shape | None:
    if not config.has("kv_lora_rank"):
        return None
    return {
        "kv_lora_rank": config.whole("kv_lora_rank"),
        "q_lora_rank": config.optional_whole("q_lora_rank"),
        "rope_dim": config.whole("qk_rope_head_dim", least=0),
        "nope_dim": config.whole("qk_nope_head_dim"),
        "v_dim": config.whole("v_head_dim"),
    }


def _index(config: Fields) -> Shape | None:
    if not config.has("index_topk"):
        return None
    index: Shape = {
        "top_k": config.whole("index_topk"),
        "heads": config.whole("index_n_heads"),
        "head_dim": config.whole("index_head_dim"),
    }
    kinds = config.texts("indexer_types")
    if kinds and "shared" in kinds:
        index["layers"] = sum(kind == "full" for kind in kinds)
    return index


def _groups(config: Fields, convention: Convention, model_type: str) -> list[Shape]:
    layers = config.whole("num_hidden_layers", most=10_000)
    if model_type == "llama4_text":
        return _chunked(config, layers)
    if model_type == "mimo_v2_flash":
        return _mimo(config, layers)
    if model_type == "minimax_m3":
        return _block_sparse(config, layers)
    kinds = layer_kinds(config, "layer_types", layers)
    window = _window(config)
    if kinds is None:
        return _by_rule(config, convention, layers, window)
    count = Counter(kinds)
    full = sum(count.pop(kind, 0) for kind in _WHOLE_CONTEXT)
    local = count.pop("sliding_attention", 0)
    for kind in count.keys() - {"linear_attention"}:
        config.fault("layer_types", f"'{kind}' is not modelled")
    wide = _global_heads(config) if model_type == "gemma4_text" else {}
    groups: list[Shape] = [{"layers": full, **wide}] if full else []
    if local:
        groups.append({"layers": local, "window": window} if window else {"layers": local})
    if not groups:
        config.fault("layer_types", "no layer has attention")
    return groups or [{"layers": layers}]


def _window(config: Fields) -> int | None:
    if not config.flag("use_sliding_window", default=True):
        return None
    window = config.optional_whole("sliding_window", most=10**9)
    longest = config.whole("max_position_embeddings", default=10**9, most=10**9)
    return window if window and window < longest else None


def _by_rule(config: Fields, convention: Convention, layers: int, window: int | None) -> list[Shape]:
    if config.has("full_attention_interval"):
        return [{"layers": layers // config.whole("full_attention_interval")}]
    every = config.optional_whole("sliding_window_pattern") or convention.local_every
    if window is None or every is None:
        return [{"layers": layers}]
    if every == 1:
        return [{"layers": layers, "window": window}]
    full = layers // every
    local: Shape = {"layers": layers - full, "window": window}
    return [{"layers": full}, local] if full else [local]


def _chunked(config: Fields, layers: int) -> list[Shape]:
    """Llama 4: every fourth layer sees everything (no rotary embedding), the others their chunk."""
    chunk = config.optional_whole("attention_chunk_size", most=10**9)
    if chunk is None:
        return [{"layers": layers}]
    rotary = config.texts("no_rope_layers")
    full = sum(str(flag) == "0" for flag in rotary[:layers]) if rotary else layers // 4
    return (
        [{"layers": full}, {"layers": layers - full, "chunk": chunk}] if full else [{"layers": layers, "chunk": chunk}]
    )


def _mimo(config: Fields, layers: int) -> list[Shape]:
    local = sum(kind == "1" for kind in layer_kinds(config, "hybrid_layer_pattern", layers) or [])
    windowed: Shape = {
        "layers": local,
        "window": config.whole("sliding_window", most=10**9),
        "heads": config.whole("swa_num_attention_heads"),
        "kv_heads": config.whole("swa_num_key_value_heads"),
        "head_dim": config.whole("swa_head_dim"),
        "v_head_dim": config.whole("swa_v_head_dim"),
        "sinks": config.flag("add_swa_attention_sink_bias", default=True),
    }
    return [{"layers": layers - local}, windowed] if local else [{"layers": layers}]


def _block_sparse(config: Fields, layers: int) -> list[Shape]:
    """MiniMax-M3: an indexer picks whole blocks of keys; read as an index of block x blocks tokens."""
    raw = config.raw("sparse_attention_config")
    if not isinstance(raw, Mapping):
        return [{"layers": layers}]
    sparse = config.group("sparse_attention_config") or config
    flags = layer_kinds(sparse, "sparse_attention_freq", layers) or ["1"] * layers
    indexed = sum(flag == "1" for flag in flags)
    index = {
        "top_k": sparse.whole("sparse_topk_blocks") * sparse.whole("sparse_block_size"),
        "heads": sparse.whole("sparse_num_index_heads"),
        "head_dim": sparse.whole("sparse_index_dim"),
    }
    groups: list[Shape] = [{"layers": layers - indexed}] if indexed < layers else []
    return [*groups, {"layers": indexed, "index": index}] if indexed else groups


def _global_heads(config: Fields) -> Shape:
    """Gemma 4: the layers that see everything have fewer, wider key heads, whose values are the keys."""
    shape: Shape = {}
    if config.has("global_head_dim"):
        shape["head_dim"] = config.whole("global_head_dim")
    if config.flag("attention_k_eq_v"):
        shape["shared_projection"] = True
        shape["kv_heads"] = config.whole("num_global_key_value_heads", default=config.whole("num_key_value_heads"))
    return shape
