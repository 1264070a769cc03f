"""The feed-forward part of a Hugging Face config: dense layers, experts, and which layer has which."""

from capplan.catalog.fields import Fields
from capplan.catalog.hf_attention import Shape, layer_kinds
from capplan.catalog.hf_conventions import Convention

_EXPERTS = ("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts")
_ACTIVE = ("num_experts_per_tok", "num_experts_per_token", "top_k_experts", "experts_per_token", "moe_topk")


def feed_forward_shape(config: Fields, convention: Convention, model_type: str) -> Shape:
    """Widths of the dense MLPs, and the `moe` group where there are experts."""
    layers = config.whole("num_hidden_layers", most=10_000)
    experts_key = first(config, *_EXPERTS)
    if experts_key is None or (model_type == "gemma4_text" and not config.flag("enable_moe_block")):
        return {**_dense(config, convention), "mlp_bias": config.flag("mlp_bias")}
    sparse = layers if model_type == "gemma4_text" else _expert_layers(config, layers)
    experts = config.whole(experts_key)
    active_key = first(config, *_ACTIVE) or _ACTIVE[0]
    active = config.whole(active_key)
    if active > experts:
        config.fault(active_key, f"{active} experts of {experts} ({experts_key}) cannot be active")
    width = config.whole(first(config, "moe_intermediate_size", "intermediate_size") or "moe_intermediate_size")
    latent_key = first(config, "moe_latent_size", "routed_expert_hidden_size") or "moe_latent_size"
    moe: Shape = {
        "layers": sparse,
        "experts": experts,
        "active": active,
        "intermediate": width,
        "shared_intermediate": _shared_width(config, width, model_type),
        "matrices": convention.mlp_matrices,
        "latent": config.optional_whole(latent_key),
        "bias": convention.expert_bias,
        "shared_gate": convention.shared_gate,
    }
    if model_type == "gemma4_text":  # experts beside a dense MLP in every layer
        return {"moe": moe, "mlp": [{"layers": layers, "intermediate": config.whole("intermediate_size")}]}
    return {**(_dense(config, convention) if sparse < layers else {}), "moe": moe}


def first(config: Fields, *keys: str) -> str | None:
    """The first of the keys that is there."""
    return next((key for key in keys if config.has(key)), None)


def _dense(config: Fields, convention: Convention) -> Shape:
    key = first(config, "intermediate_size_mlp", "dense_intermediate_size", "intermediate_size") or "intermediate_size"
    return {"intermediate": config.whole(key), "mlp_matrices": convention.mlp_matrices}


def _expert_layers(config: Fields, layers: int) -> int:
    """How many layers have experts; the families say it in six ways."""
    if kinds := layer_kinds(config, "mlp_layer_types", layers):
        return sum(kind in ("sparse", "moe", "hash_moe") for kind in kinds)
    if isinstance(config.raw("moe_layer_freq"), list):
        return sum(flag == "1" for flag in layer_kinds(config, "moe_layer_freq", layers) or [])
    if config.has("interleave_moe_layer_step"):
        return layers // config.whole("interleave_moe_layer_step")
    dense = config.whole("first_k_dense_replace", default=0, least=0, most=10_000)
    if dense >= layers:
        config.fault("first_k_dense_replace", f"{dense} dense layers in a model of {layers} leave none for experts")
    listed = config.texts("mlp_only_layers") or []
    step = config.whole("decoder_sparse_step", default=1)
    candidates = [i for i in range(layers) if (i + 1) % step == 0 and str(i) not in map(str, listed)]
    return sum(i >= dense for i in candidates)


def _shared_width(config: Fields, width: int, model_type: str) -> int:
    """Total width of the experts that every token passes."""
    if model_type == "llama4_text":
        return width
    keys = ("shared_expert_intermediate_size", "shared_intermediate_size", "share_expert_dim")
    if (key := first(config, *keys)) is not None:
        return config.whole(key, least=0)
    each = config.whole("moe_shared_expert_intermediate_size", default=width, least=0)
    count = first(config, "n_shared_experts", "num_shared_experts") or "n_shared_experts"
    return each * config.whole(count, default=0, least=0, most=1000)
