"""Families whose config.json is built differently from Llama's: each function returns the parts that differ."""

from collections import Counter
from collections.abc import Callable, Mapping

from capplan.catalog.fields import Fields
from capplan.catalog.hf_attention import Shape, layer_kinds
from capplan.catalog.hf_conventions import Convention
from capplan.catalog.hf_experts import feed_forward_shape, first

# GPT-2, GPT-J and the first Falcon releases spell the common keys in their own way.
OLD_NAMES = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_head_kv": "num_key_value_heads",
    "num_kv_heads": "num_key_value_heads",
    "n_positions": "max_position_embeddings",
    "n_inner": "intermediate_size",
    "ffn_hidden_size": "intermediate_size",
}

# Keys that change the shape in a way that only the families named below are read for.
FOREIGN_KEYS = (
    *("block_configs", "linear_attn_config", "hybrid_override_pattern", "layers_block_type", "compress_ratios"),
    *("ssm_cfg", "ssm_state_size", "state_size", "mamba_d_state", "attn_layer_period", "lru_width"),
    *("is_encoder_decoder", "type_vocab_size", "encoder_layers"),
)


def gpt2(config: Fields, shape: Shape) -> None:
    """Plain MLP of four times the hidden size with biases, learned positions."""
    _four_times(config, shape)
    shape.update(mlp_bias=True, learned_positions=config.whole("max_position_embeddings"))


def gptj(config: Fields, shape: Shape) -> None:
    """Rotary positions, one norm for attention and MLP together, biases on the MLP and the output head."""
    _four_times(config, shape)
    shape.update(mlp_bias=True, head_bias=True)


def falcon(config: Fields, shape: Shape) -> None:
    """Multi-query in the 7B, grouped with a second norm in the larger ones, no gate."""
    _four_times(config, shape)
    bias = config.flag("bias")
    shape.update(qkv_bias=bias, output_bias=bias, mlp_bias=bias)
    if config.flag("new_decoder_architecture"):
        shape.update(norms_per_layer=2)
    elif config.flag("multi_query", default=True):
        shape.update(kv_heads=1)


def gated_deltanet(config: Fields, shape: Shape) -> None:
    """Qwen3-Next and Qwen3.5: every layer without softmax attention carries a delta-rule state."""
    attention = shape.get("attention")
    layers = config.whole("num_hidden_layers", most=10_000)
    full = sum(_layers_of(group) for group in attention) if isinstance(attention, list) else layers
    if config.has("full_attention_interval") and not config.has("layer_types"):
        full = layers // config.whole("full_attention_interval")
        shape["attention"] = [{"layers": full}]
    if full >= layers:
        return
    shape["recurrent"] = {
        "kind": "gated_deltanet",
        "layers": layers - full,
        "key_heads": config.whole("linear_num_key_heads"),
        "value_heads": config.whole("linear_num_value_heads"),
        "key_head_dim": config.whole("linear_key_head_dim"),
        "value_head_dim": config.whole("linear_value_head_dim"),
        "conv_kernel": config.whole("linear_conv_kernel_dim", most=64),
    }


def kimi_linear(config: Fields, shape: Shape) -> None:
    """Kimi Linear and K3: latent attention in some layers (their list), delta attention in the others."""
    layers = config.whole("num_hidden_layers", most=10_000)
    linear = config.group("linear_attn_config")
    if linear is None:
        config.fault("linear_attn_config", "missing; says which layers have which attention")
        return
    full = len(linear.texts("full_attn_layers") or [])
    if not 0 < full < layers:
        linear.fault("full_attn_layers", f"{full} layers of {layers}; a hybrid has some of both kinds")
    shape["attention"] = [{"layers": full}]
    shape["gated_attention"] = config.flag("mla_use_output_gate")
    shape["recurrent"] = {
        "kind": "kimi_delta",
        "layers": layers - full,
        "heads": linear.whole("num_heads"),
        "head_dim": linear.whole("head_dim"),
        "conv_kernel": linear.whole("short_conv_kernel_size", most=64),
        "full_rank_gate": linear.flag("use_full_rank_gate"),
    }


def lightning(config: Fields, shape: Shape) -> None:
    """MiniMax-01 and M1: one softmax layer in eight, the others linear attention with a matrix state."""
    layers = config.whole("num_hidden_layers", most=10_000)
    kinds = layer_kinds(config, "attn_type_list", layers) or layer_kinds(config, "layer_types", layers)
    if kinds is None:
        config.fault("attn_type_list", "missing; says which layers have softmax attention (1) or linear (0)")
        return
    linear = sum(kind in ("0", "linear_attention") for kind in kinds)
    shape["attention"] = [{"layers": layers - linear}]
    shape["recurrent"] = {"kind": "lightning", "layers": linear, "heads": shape["heads"], "head_dim": shape["head_dim"]}


def nemotron_h(config: Fields, shape: Shape) -> None:
    """One mixer or MLP a layer: M Mamba-2, * attention, - MLP, E experts."""
    layers = config.whole("num_hidden_layers", most=10_000)
    names = {"mamba": "M", "attention": "*", "mlp": "-", "moe": "E"}
    listed = layer_kinds(config, "layers_block_type", layers)
    pattern = [names.get(kind, kind) for kind in listed] if listed else list(config.word("hybrid_override_pattern"))
    if len(pattern) != layers:
        config.fault("hybrid_override_pattern", f"{len(pattern)} letters for num_hidden_layers = {layers}")
    count = Counter(pattern)
    if unknown := sorted(count.keys() - set(names.values())):
        config.fault("hybrid_override_pattern", f"'{unknown[0]}' is no layer kind (M, *, - or E)")
    if not count["*"] or not count["M"]:
        config.fault("hybrid_override_pattern", "needs at least one attention and one Mamba layer")
        return
    shape["attention"] = [{"layers": count["*"]}]
    shape["recurrent"] = {
        "kind": "mamba2",
        "layers": count["M"],
        "heads": config.whole("mamba_num_heads"),
        "head_dim": config.whole("mamba_head_dim"),
        "state": config.whole("ssm_state_size"),
        "groups": config.whole("n_groups"),
        "conv_kernel": config.whole("conv_kernel", most=64),
    }
    shape["mlp"] = [{"layers": count["-"], "intermediate": config.whole("intermediate_size")}] if count["-"] else []
    moe = shape.get("moe")
    if isinstance(moe, dict) and count["E"]:
        moe["layers"] = count["E"]
    else:
        shape.pop("moe", None)


def nemotron_nas(config: Fields, shape: Shape) -> None:
    """Llama cut by architecture search: each block has its own heads and MLP width, or none."""
    hidden, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    blocks = config.groups("block_configs") or []
    attention: Counter[int] = Counter()
    widths: Counter[int] = Counter()
    for block in blocks:
        mixer, feed = block.group("attention"), block.group("ffn")
        for part in (p for p in (mixer, feed) if p):
            if part.flag("replace_with_linear"):
                part.fault("replace_with_linear", "linear replacements are not modelled")
        if mixer and not mixer.flag("no_op"):
            attention[heads // min(heads, mixer.whole("n_heads_in_group"))] += 1
        if feed and not feed.flag("no_op"):
            widths[_rounded_width(feed.number("ffn_mult", least=1e-3, most=100) or 1.0, hidden)] += 1
    if not blocks or not attention:
        config.fault("block_configs", "missing or without attention")
    common = attention.most_common(1)[0][0] if attention else heads
    own = ({} if kv_heads == common else {"kv_heads": kv_heads} for kv_heads in attention)
    shape["kv_heads"] = common
    shape["attention"] = [{"layers": n, **more} for n, more in zip(attention.values(), own, strict=True)]
    shape["mlp"] = [{"layers": n, "intermediate": width} for width, n in sorted(widths.items())]


def deepseek_v4(config: Fields, shape: Shape) -> None:
    """Local layers, layers that pool 4 tokens and pick the best by index, layers that pool 128.

    Hyper-connections (two mixings of `hc_mult` residual streams a layer, one at the end) count as extra parameters.
    """
    layers, hidden = config.whole("num_hidden_layers", most=10_000), config.whole("hidden_size")
    ratios = layer_kinds(config, "compress_ratios", layers)
    if ratios is None:
        config.fault("compress_ratios", "missing; gives each layer's pooling")
        return
    index = shape.pop("index")  # only the layers that pool 4 tokens choose by index
    shape["compression"] = {
        "local_tokens": config.whole("sliding_window"),
        "q_lora_rank": config.whole("q_lora_rank"),
        "output_groups": config.whole("o_groups"),
        "output_rank": config.whole("o_lora_rank"),
    }
    groups: list[Shape] = []
    for ratio, count in Counter(ratios).items():
        pooled: Shape = {"ratio": int(ratio)} if ratio.isdecimal() and ratio != "0" else {}
        groups.append({"layers": count, **pooled, **({"index": index} if ratio == "4" else {})})
    shape["attention"] = groups
    streams = config.whole("hc_mult", default=1, most=64)
    mixing = (2 + streams) * streams
    shape["extra_parameters"] = layers * 2 * (mixing * streams * hidden + mixing + 3) + streams * (streams * hidden + 1)


def _four_times(config: Fields, shape: Shape) -> None:
    if first(config, "intermediate_size") is None:
        shape["intermediate"] = 4 * config.whole("hidden_size")


def _rounded_width(multiple: float, hidden: int) -> int:
    """Two thirds of the multiple, up to a multiple of 256.

    Source: nvidia/Llama-3_3-Nemotron-Super-49B-v1, block_config.py; the widths give its published total.
    """
    width = int(2 * multiple * hidden / 3)
    return (width + 255) // 256 * 256


def _layers_of(group: object) -> int:
    value = group.get("layers") if isinstance(group, Mapping) else None
    return value if isinstance(value, int) else 0


FAMILIES: dict[str, Callable[[Fields, Shape], None]] = {
    "gpt2": gpt2,
    "gptj": gptj,
    "falcon": falcon,
    "qwen3_next": gated_deltanet,
    "qwen3_5_text": gated_deltanet,
    "qwen3_5_moe_text": gated_deltanet,
    "kimi_linear": kimi_linear,
    "minimax": lightning,
    "minimax_m1": lightning,
    "minimax_text_01": lightning,
    "nemotron_h": nemotron_h,
    "nemotron-nas": nemotron_nas,
    "deepseek_v4": deepseek_v4,
}

# These say nothing of `intermediate_size`, or keep it elsewhere; it is then not required of them.
WITHOUT_WIDTH = ("gpt2", "gptj", "falcon", "nemotron-nas")


def widths(config: Fields, convention: Convention, model_type: str) -> Shape:
    """The feed-forward shape, empty of a width where the family derives it."""
    if model_type in WITHOUT_WIDTH and first(config, "intermediate_size") is None:
        return {"mlp_matrices": convention.mlp_matrices, "mlp_bias": config.flag("mlp_bias")}
    return feed_forward_shape(config, convention, model_type)
