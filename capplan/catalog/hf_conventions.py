"""What each family of Hugging Face models takes for granted and so leaves out of its config.json.

Source of every row, unless a comment says otherwise: the family's configuration and modelling files in transformers
5.23.0.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Convention:
    """Defaults of a family where its config.json is silent.

    tied: `tie_word_embeddings` when the key is absent. attention_bias: likewise; output_bias: it reaches the output
    projection too. local_every: of how many layers the last has full attention where the config gives a window and no
    `layer_types`; 1 means that the window holds in every layer.
    """

    tied: bool = False
    attention_bias: bool = False
    output_bias: bool = True
    qk_norm: bool = False
    gated_attention: bool = False
    sinks: bool = False
    mlp_matrices: int = 3
    expert_bias: bool = False
    shared_gate: bool = False
    shared_projection: bool = False
    norms_per_layer: int = 2
    norm_bias: bool = False
    local_every: int | None = None


_LLAMA = Convention()
_QWEN2 = Convention(attention_bias=True, output_bias=False)
_QWEN3 = Convention(qk_norm=True)
_QWEN_HYBRID = Convention(qk_norm=True, gated_attention=True, shared_gate=True)
_GEMMA3 = Convention(tied=True, qk_norm=True, norms_per_layer=4, local_every=6)
_GEMMA4 = Convention(tied=True, qk_norm=True, norms_per_layer=4, shared_projection=True)

CONVENTIONS: dict[str, Convention] = {
    "llama": _LLAMA,
    "llama4_text": _LLAMA,
    "mistral": Convention(local_every=1),
    "ministral3": _LLAMA,
    "mixtral": Convention(local_every=1),
    "phi3": Convention(local_every=1),
    "phimoe": Convention(attention_bias=True, norm_bias=True, local_every=1),
    "qwen2": _QWEN2,
    "qwen2_5_vl_text": _QWEN2,
    "qwen2_moe": Convention(attention_bias=True, output_bias=False, shared_gate=True),
    "mimo": _QWEN2,
    "qwen3": _QWEN3,
    "qwen3_moe": _QWEN3,
    "qwen3_vl_text": _QWEN3,
    "qwen3_vl_moe_text": _QWEN3,
    "qwen3_next": _QWEN_HYBRID,
    "qwen3_5_text": _QWEN_HYBRID,
    "qwen3_5_moe_text": _QWEN_HYBRID,
    "deepseek_v2": _LLAMA,
    "deepseek_v3": _LLAMA,
    "deepseek_v32": _LLAMA,
    "kimi_k2": _LLAMA,
    "kimi_linear": _LLAMA,
    "glm_moe_dsa": _LLAMA,
    "glm4_moe_lite": _LLAMA,
    "glm4_moe": Convention(output_bias=False),
    "gpt_oss": Convention(attention_bias=True, sinks=True, expert_bias=True, local_every=2),
    "gemma": Convention(tied=True),
    "gemma2": Convention(tied=True, norms_per_layer=4, local_every=2),
    "gemma3_text": _GEMMA3,
    "gemma4_text": _GEMMA4,
    "minimax_m2": _LLAMA,
    "minimax_m3": _LLAMA,
    "mimo_v2_flash": Convention(sinks=True),
    "step3p7": Convention(qk_norm=True),
    "minimax": _LLAMA,
    "minimax_m1": _LLAMA,
    "minimax_text_01": _LLAMA,
    "nemotron_h": Convention(mlp_matrices=2, norms_per_layer=1),
    "nemotron": Convention(mlp_matrices=2, norm_bias=True),
    "nemotron-nas": _LLAMA,
    "gptj": Convention(mlp_matrices=2, norms_per_layer=1, norm_bias=True),
    "gpt2": Convention(tied=True, attention_bias=True, mlp_matrices=2, norm_bias=True),
    "falcon": Convention(tied=True, mlp_matrices=2, norms_per_layer=1, norm_bias=True),
    "deepseek_v4": Convention(sinks=True),
}

# The same shapes under the name that a composite (vision) config or an older release gives them.
SAME_AS = {
    "llama4": "llama4_text",
    "gemma3": "gemma3_text",
    "gemma4": "gemma4_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "qwen3_vl": "qwen3_vl_text",
    "qwen3_vl_moe": "qwen3_vl_moe_text",
    "qwen2_5_vl": "qwen2_5_vl_text",
    "kimi_k25": "kimi_k2",
    "kimi_k3": "kimi_linear",
    "mistral3": "mistral",
    "minimax_m3_vl": "minimax_m3",
    "RefinedWeb": "falcon",
    "RefinedWebModel": "falcon",
}

# Families whose published configs leave out what equals the default of their configuration class.
OMITTED: dict[str, dict[str, object]] = {
    "gemma3_text": {
        "vocab_size": 262_208,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "max_position_embeddings": 131_072,
    },
}
