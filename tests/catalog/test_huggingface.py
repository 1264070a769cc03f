"""Hugging Face configs of each family, typed in from the published files, against the published totals."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.catalog.figures import figures
from capplan.catalog.huggingface import architecture_from_config, read_config, shape_from_config
from capplan.catalog.model_file import model_yaml
from capplan.catalog.models import model
from capplan.engine.architecture import parameters
from capplan.errors import UserError

Config = dict[str, object]


def _config(model_type: str, sizes: str, **more: object) -> Config:
    """sizes: layers, hidden, heads, KV heads, MLP width, vocabulary, context."""
    keys = ("num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "intermediate_size")
    numbers = dict(zip((*keys, "vocab_size", "max_position_embeddings"), map(int, sizes.split()), strict=True))
    return {"model_type": model_type, **numbers, **more}


LLAMA = _config("llama", "32 4096 32 8 14336 128256 131072")
DEEPSEEK = _config(
    "deepseek_v3", "61 7168 128 128 18432 129280 163840", kv_lora_rank=512, q_lora_rank=1536, qk_rope_head_dim=64,
    qk_nope_head_dim=128, v_head_dim=128, n_routed_experts=256, n_shared_experts=1, num_experts_per_tok=8,
    moe_intermediate_size=2048, first_k_dense_replace=3, num_nextn_predict_layers=1,
    quantization_config={"quant_method": "fp8", "weight_block_size": [128, 128]},
)  # fmt: skip
KIMI = {**DEEPSEEK, "model_type": "kimi_k2", "num_attention_heads": 64, "num_key_value_heads": 64,
        "n_routed_experts": 384, "first_k_dense_replace": 1, "vocab_size": 163840}  # fmt: skip
INDEXED: Config = {"index_topk": 2048, "index_n_heads": 64, "index_head_dim": 128}
GLM5 = {**DEEPSEEK, **INDEXED, "model_type": "glm_moe_dsa", "num_hidden_layers": 78, "hidden_size": 6144,
        "num_attention_heads": 64, "num_key_value_heads": 64, "intermediate_size": 12288, "vocab_size": 154880,
        "q_lora_rank": 2048, "qk_nope_head_dim": 192, "v_head_dim": 256, "index_n_heads": 32,
        "quantization_config": None}  # fmt: skip
DELTA: Config = {
    "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_key_head_dim": 128,
    "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4, "full_attention_interval": 4,
}  # fmt: skip
MAMBA: Config = {
    "mamba_num_heads": 64, "mamba_head_dim": 64, "ssm_state_size": 128, "n_groups": 8, "conv_kernel": 4,
}  # fmt: skip
V4: Config = _config(
    "deepseek_v4", "43 4096 64 1 0 129280 1048576", head_dim=512, q_lora_rank=1024, o_lora_rank=1024, o_groups=8,
    sliding_window=128, compress_ratios=[0, 0, *[4, 128] * 20, 4, 0], n_routed_experts=256, n_shared_experts=1,
    num_experts_per_tok=6, moe_intermediate_size=2048, hc_mult=4, expert_dtype="fp4",
    quantization_config={"quant_method": "fp8"}, **{**INDEXED, "index_topk": 512},
)  # fmt: skip
V4.pop("intermediate_size")

# config, catalogue entry that must have the same architecture
FAMILIES: dict[str, tuple[Config, str]] = {
    "llama": (LLAMA, "llama-3.1-8b"),
    "llama4": (
        {"model_type": "llama4", "text_config": _config(
            "llama4_text", "48 5120 40 8 8192 202048 1048576", head_dim=128, attention_chunk_size=8192,
            interleave_moe_layer_step=2, intermediate_size_mlp=16384, num_local_experts=128, num_experts_per_tok=1,
        )},
        "llama-4-maverick-17b-128e",
    ),
    "mistral, windowed": (_config("mistral", "32 4096 32 8 14336 32000 32768", sliding_window=4096), "mistral-7b-v0.1"),
    "mistral": (_config("mistral", "32 4096 32 8 14336 32768 32768", sliding_window=None), "mistral-7b-v0.3"),
    "mixtral": (
        _config("mixtral", "32 4096 32 8 14336 32000 32768", num_local_experts=8, num_experts_per_tok=2),
        "mixtral-8x7b",
    ),
    "qwen2": (
        _config("qwen2", "28 3584 28 4 18944 152064 131072", sliding_window=131072, use_sliding_window=False),
        "qwen2.5-7b",
    ),
    "qwen3": (_config("qwen3", "64 5120 64 8 25600 151936 40960", head_dim=128), "qwen3-32b"),
    "qwen3_moe": (
        _config("qwen3_moe", "94 4096 64 4 12288 151936 40960", head_dim=128, num_experts=128, num_experts_per_tok=8,
                moe_intermediate_size=1536, decoder_sparse_step=1, mlp_only_layers=[]),
        "qwen3-235b-a22b",
    ),
    "qwen3_next": (
        _config("qwen3_next", "48 2048 16 2 5120 151936 262144", head_dim=256, num_experts=512, num_experts_per_tok=10,
                moe_intermediate_size=512, shared_expert_intermediate_size=512, **DELTA),
        "qwen3-next-80b-a3b",
    ),
    "qwen3.5 dense": (
        {"model_type": "qwen3_5", "text_config": _config(
            "qwen3_5_text", "32 4096 16 4 12288 248320 262144", head_dim=256,
            layer_types=["linear_attention"] * 24 + ["full_attention"] * 8, **DELTA,
        )},
        "qwen3.5-9b",
    ),
    "deepseek_v3": (DEEPSEEK, "deepseek-r1"),
    "deepseek_v32": ({**DEEPSEEK, **INDEXED, "model_type": "deepseek_v32"}, "deepseek-v3.2"),
    "deepseek_v4": (V4, "deepseek-v4-flash"),
    "kimi_k2": ({**KIMI, "num_nextn_predict_layers": 0, "max_position_embeddings": 131072}, "kimi-k2"),
    "kimi_linear": (
        _config("kimi_linear", "27 2304 32 32 9216 163840 1048576", kv_lora_rank=512, qk_rope_head_dim=64,
                qk_nope_head_dim=128, v_head_dim=128, num_experts=256, num_experts_per_token=8, num_shared_experts=1,
                moe_intermediate_size=1024, first_k_dense_replace=1,
                linear_attn_config={"full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "head_dim": 128, "num_heads": 32,
                                    "short_conv_kernel_size": 4}),
        "kimi-linear-48b-a3b",
    ),
    "glm_moe_dsa": ({**GLM5, "max_position_embeddings": 202752}, "glm-5"),
    "glm4_moe": (
        _config("glm4_moe", "92 5120 96 8 12288 151552 131072", head_dim=128, attention_bias=True, use_qk_norm=True,
                n_routed_experts=160, n_shared_experts=1, num_experts_per_tok=8, moe_intermediate_size=1536,
                first_k_dense_replace=3, num_nextn_predict_layers=1),
        "glm-4.5",
    ),
    "gpt_oss": (
        _config("gpt_oss", "36 2880 64 8 2880 201088 131072", head_dim=64, attention_bias=True, sliding_window=128,
                num_local_experts=128, num_experts_per_tok=4, quantization_config={"quant_method": "mxfp4"},
                layer_types=["sliding_attention", "full_attention"] * 18),
        "gpt-oss-120b",
    ),
    "gemma2": (
        _config("gemma2", "46 4608 32 16 36864 256000 8192", head_dim=128, sliding_window=4096),
        "gemma-2-27b",
    ),
    "gemma3": (
        {"model_type": "gemma3", "text_config": {
            "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
            "sliding_window": 1024, "vocab_size": 262144,
        }},
        "gemma-3-4b",
    ),
    "gemma4": (
        {"model_type": "gemma4", "text_config": _config(
            "gemma4_text", "30 2816 16 8 2112 262144 262144", head_dim=256, global_head_dim=512, sliding_window=1024,
            num_global_key_value_heads=2, attention_k_eq_v=True, enable_moe_block=True, num_experts=128,
            top_k_experts=8, moe_intermediate_size=704,
            layer_types=(["sliding_attention"] * 5 + ["full_attention"]) * 5,
        )},
        "gemma-4-26b-a4b",
    ),
    "mimo_v2_flash": (
        _config("mimo_v2_flash", "48 4096 64 4 16384 152576 262144", head_dim=192, v_head_dim=128, sliding_window=128,
                swa_num_attention_heads=64, swa_num_key_value_heads=8, swa_head_dim=192, swa_v_head_dim=128,
                hybrid_layer_pattern=[0] * 9 + [1] * 39, moe_layer_freq=[0] + [1] * 47, moe_intermediate_size=2048,
                n_routed_experts=256, n_shared_experts=None, num_experts_per_tok=8,
                quantization_config={"quant_method": "fp8"}),
        "mimo-v2-flash",
    ),
    "minimax_m1": (
        _config("minimax_m1", "80 6144 64 8 9216 200064 1000000", head_dim=128, num_local_experts=32,
                num_experts_per_tok=2, attn_type_list=[0, 0, 0, 0, 0, 0, 0, 1] * 10),
        "minimax-m1",
    ),
    "minimax_m2": (
        _config("minimax_m2", "62 3072 48 8 1536 200064 196608", head_dim=128, use_qk_norm=True,
                num_local_experts=256, num_experts_per_tok=8, num_mtp_modules=3,
                quantization_config={"quant_method": "fp8"}),
        "minimax-m2.5",
    ),
    "phi3": (_config("phi3", "40 5120 40 10 17920 100352 16384"), "phi-4"),
    "falcon, new": (
        {"model_type": "falcon", "num_hidden_layers": 60, "hidden_size": 8192, "num_attention_heads": 128,
         "num_kv_heads": 8, "new_decoder_architecture": True, "multi_query": True, "vocab_size": 65024},
        "falcon-40b",
    ),
    "falcon, old": (
        {"model_type": "falcon", "num_hidden_layers": 32, "hidden_size": 4544, "num_attention_heads": 71,
         "num_kv_heads": 71, "multi_query": True, "vocab_size": 65024},
        "falcon-7b",
    ),
    "gptj": (
        {"model_type": "gptj", "n_layer": 28, "n_embd": 4096, "n_head": 16, "n_inner": None, "n_positions": 2048,
         "vocab_size": 50400},
        "gpt-j-6b",
    ),
    "gpt2": (
        {"model_type": "gpt2", "n_layer": 96, "n_embd": 12288, "n_head": 96, "n_positions": 2048, "vocab_size": 50257},
        "gpt-3-175b",
    ),
    "nemotron_h": (
        _config("nemotron_h", "52 2688 32 2 1856 131072 262144", head_dim=128, n_routed_experts=128,
                num_experts_per_tok=6, moe_intermediate_size=1856, n_shared_experts=1,
                moe_shared_expert_intermediate_size=3712,
                hybrid_override_pattern="MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME", **MAMBA),
        "nemotron-3-nano-30b-a3b",
    ),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_a_config_gives_the_catalogues_architecture(family: str) -> None:
    config, name = FAMILIES[family]
    built, shipped = architecture_from_config(config, name), model(name).architecture
    assert parameters(built) == parameters(shipped)
    assert built.attention == shipped.attention
    assert built.recurrent == shipped.recurrent
    assert built.moe == shipped.moe
    assert built.mlps == shipped.mlps
    assert built.native_weights == shipped.native_weights


def test_an_unknown_family_that_looks_like_llama_is_read_so_and_says_so() -> None:
    imported = shape_from_config({**LLAMA, "model_type": "brandnew"})
    assert imported.assumptions == ("model_type 'brandnew' is not known; its config.json was read like Llama's",)
    assert imported.shape == shape_from_config(LLAMA).shape


@pytest.mark.parametrize("key", ["linear_attn_config", "mamba_d_state", "is_encoder_decoder", "type_vocab_size"])
def test_an_unknown_family_of_another_build_is_refused(key: str) -> None:
    with pytest.raises(UserError, match="model_type: 'brandnew' is not modelled"):
        shape_from_config({**LLAMA, "model_type": "brandnew", key: {"a": 1}})


def test_a_model_cut_by_architecture_search_has_attention_and_width_block_by_block() -> None:
    whole = {"attention": {"n_heads_in_group": 8}, "ffn": {"ffn_mult": 5.25}}
    without = {"attention": {"no_op": True, "n_heads_in_group": None}, "ffn": {"ffn_mult": 1.0}}
    config = {**LLAMA, "model_type": "nemotron-nas", "num_key_value_heads": None, "intermediate_size": None}
    arch = architecture_from_config({**config, "num_hidden_layers": 3, "block_configs": [whole, without, whole]}, "cut")
    assert [(g.layers, g.heads, g.kv_heads) for g in arch.attention] == [(2, 32, 4)]
    # two thirds of 5.25 x 4096 is 14,336; two thirds of 4096 rounds up to 2816
    assert [(g.layers, g.intermediate) for g in arch.mlps] == [(1, 2816), (2, 14336)]


@pytest.mark.parametrize(
    ("quantization", "native"),
    [
        (None, "bf16"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
        ({"quant_method": "awq", "bits": 4}, "int4"),
        ({"quant_method": "gptq", "bits": 8}, "int8"),
        ({"quant_method": "compressed-tensors", "config_groups": {"g": {"num_bits": 4, "type": "int"}}}, "int4"),
        ({"quant_method": "compressed-tensors", "config_groups": {"g": {"num_bits": 8, "type": "float"}}}, "fp8"),
    ],
)
def test_the_checkpoints_precision_is_read(quantization: Mapping[str, object] | None, native: str) -> None:
    assert architecture_from_config({**LLAMA, "quantization_config": quantization}, "m").native_weights == native


def test_a_precision_kept_in_a_file_beside_the_config_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    (tmp_path / "hf_quant_config.json").write_text('{"quantization": {"quant_algo": "NVFP4"}}')
    assert model(f"{tmp_path}/").architecture.native_weights == "nvfp4"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "num_hidden_layers: missing"),
        ({**LLAMA, "hidden_size": None}, "hidden_size: missing"),
        ({**LLAMA, "hidden_size": "big"}, "hidden_size: 'big' is not a whole number"),
        ({**LLAMA, "hidden_size": -4096}, "hidden_size: -4096 is outside"),
        ({**LLAMA, "hidden_size": 10**200}, "hidden_size"),
        ({**LLAMA, "num_hidden_layers": 10**9}, "num_hidden_layers: 1000000000 is outside"),
        ({**LLAMA, "num_attention_heads": 3.5}, "num_attention_heads: 3.5 is not a whole number"),
        ({**LLAMA, "num_attention_heads": True}, "num_attention_heads: True is not a whole number"),
        ({**LLAMA, "num_key_value_heads": 7}, "num_key_value_heads: 7 does not divide num_attention_heads (32)"),
        ({**LLAMA, "num_attention_heads": 24, "num_key_value_heads": 8}, "head_dim: missing, and num_attention_heads"),
        ({**LLAMA, "vocab_size": [1]}, "vocab_size: [1] is not a whole number"),
        ({**LLAMA, "model_type": 7}, "model_type: 7 is not text"),
        ({**LLAMA, "layer_types": "full"}, "layer_types: 'full' is not a list"),
        ({**LLAMA, "layer_types": ["full_attention"]}, "layer_types: 1 entries for num_hidden_layers = 32"),
        ({**LLAMA, "layer_types": ["conv"] * 32}, "layer_types: 'conv' is not modelled"),
        ({**DEEPSEEK, "num_experts_per_tok": 300}, "num_experts_per_tok: 300 experts of 256"),
        ({**DEEPSEEK, "qk_nope_head_dim": None}, "qk_nope_head_dim: missing"),
        ({**DEEPSEEK, "first_k_dense_replace": 61}, "first_k_dense_replace: 61 dense layers"),
        ({**DEEPSEEK, **INDEXED, "index_n_heads": None}, "index_n_heads: missing"),
        ({**FAMILIES["nemotron_h"][0], "hybrid_override_pattern": "MX*"}, "hybrid_override_pattern: 3 letters"),
        ({**FAMILIES["nemotron_h"][0], "ssm_state_size": "x"}, "ssm_state_size: 'x'"),
        ({**FAMILIES["qwen3_next"][0], "linear_num_key_heads": None}, "linear_num_key_heads: missing"),
        ({**FAMILIES["minimax_m1"][0], "attn_type_list": None}, "attn_type_list: missing"),
        ({**V4, "compress_ratios": None}, "compress_ratios: missing"),
    ],
)
def test_a_malformed_config_names_the_file_and_the_key(config: Config, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    with pytest.raises(UserError) as error:
        model(str(path))
    assert message in str(error.value)
    assert all(line.startswith(str(path)) for line in str(error.value).splitlines())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"{", ":1:2: not JSON"),
        (b"[1, 2]", "its top level is a list"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 100_000, "config.json"),
        (b'{"hidden_size": ' + b"9" * 10_000 + b"}", "config.json"),
        (b" " * 5_000_000, "more than 4 MiB"),
    ],
)
def test_a_file_that_is_no_config_is_an_error_that_names_it(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        model(str(path))
    assert message in str(error.value) and str(path) in str(error.value)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere/config\.json: cannot be read"):
        read_config(tmp_path / "nowhere" / "config.json")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_config_written_as_a_catalogue_file_reads_back_the_same(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = shape_from_config(FAMILIES[family][0])
    (tmp_path / "models").mkdir()
    text = model_yaml("my model: 1", imported, 'a "config", with {signs}: # and more', "2026-11-21")
    (tmp_path / "models" / "mine.yaml").write_text(text)
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    assert model("mine").architecture == architecture_from_config(FAMILIES[family][0], "mine")
    assert model("mine").title == "my model: 1"
    assert all(figure.source and figure.source.read == "2026-11-21" for figure in figures("models", "mine"))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2), st.integers(1, 64),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(family=st.sampled_from(sorted(FAMILIES)), data=st.data())
def test_no_value_of_any_key_breaks_the_reader(family: str, data: st.DataObject) -> None:
    config = dict(FAMILIES[family][0])
    inner = config.get("text_config")
    target = dict(inner) if isinstance(inner, dict) else config
    key = data.draw(st.sampled_from(sorted(target)))
    target[key] = data.draw(VALUES)
    if target is not config:
        config["text_config"] = target
    try:
        arch = architecture_from_config(config, "any")
    except UserError:
        return
    assert parameters(arch).total > 0
