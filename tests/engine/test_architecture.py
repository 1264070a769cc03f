"""Parameters and cache of the six kinds of attention, by hand and against published figures."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog import files
from capplan.catalog.architecture import Architecture, AttentionLayers, Compression, Mla, SparseIndex
from capplan.catalog.models import model
from capplan.engine.architecture import (
    attention_parameters,
    index_bytes_per_token,
    kv_bytes_per_sequence,
    kv_bytes_per_token,
    kv_values_per_token,
    parameters,
)
from capplan.engine.projections import index_layers

MODELS = [name for name in files.names("models") if name != "gpt-4-rumoured"]


def arch(name: str) -> Architecture:
    return model(name).architecture


@pytest.mark.parametrize(
    ("name", "bytes_per_token"),
    [
        ("llama-3.1-70b", 327_680),  # 80 layers x 2 x 8 heads x 128 x 2 bytes
        ("llama-3.3-70b", 327_680),
        ("deepseek-r1", 70_272),  # 61 layers x (512 + 64) x 2 bytes
        ("deepseek-v3.2", 70_272),
        ("llama-2-7b", 524_288),  # multi-head
        ("falcon-7b", 8_192),  # multi-query: 32 x 2 x 1 x 64 x 2
        ("glm-5", 89_856),
        ("gpt-oss-120b", 36_864),  # the 18 layers of 36 that see everything
        ("llama-4-scout-17b-16e", 49_152),  # the 12 of 48
        ("gemma-3-27b", 81_920),  # the 10 of 62
        ("qwen3-next-80b-a3b", 24_576),  # the 12 of 48
        ("nemotron-3-nano-30b-a3b", 6_144),
        ("minimax-m1", 40_960),
        ("mistral-7b-v0.1", 0),  # a window in every layer
    ],
)
def test_cache_growth_per_token_in_16_bit(name: str, bytes_per_token: int) -> None:
    assert float(kv_bytes_per_token(arch(name), 2)) == bytes_per_token


def test_thirty_thousand_tokens_of_deepseek_r1_hold_2_11_gigabytes() -> None:
    assert float(kv_bytes_per_sequence(arch("deepseek-r1"), 30_000, 2)) == pytest.approx(2.11e9, rel=0.002)


def test_a_latent_cache_is_71_times_smaller_than_the_heads_it_stands_for() -> None:
    mla = Mla(kv_lora_rank=512, rope_dim=64, nope_dim=128, v_dim=128, q_lora_rank=1536)
    latent = AttentionLayers(1, heads=128, kv_heads=128, head_dim=192, mla=mla)
    whole = AttentionLayers(1, heads=128, kv_heads=128, head_dim=192, v_head_dim=128)
    assert kv_values_per_token(whole) / kv_values_per_token(latent) == pytest.approx(40_960 / 576)


def test_windowed_layers_stop_growing_at_their_window() -> None:
    gemma = arch("gemma-3-27b")  # 10 layers whole, 52 with a window of 1024; 2 x 16 x 128 values a token and layer
    value_bytes = 2 * 16 * 128 * 2
    assert kv_bytes_per_sequence(gemma, [512, 8192], 2).tolist() == [
        62 * 512 * value_bytes,
        (10 * 8192 + 52 * 1024) * value_bytes,
    ]


def test_chunked_layers_hold_at_most_one_chunk() -> None:
    scout = arch("llama-4-scout-17b-16e")  # 12 layers whole, 36 in chunks of 8192
    assert scout.attention[1].chunked
    value_bytes = 2 * 8 * 128 * 2
    assert float(kv_bytes_per_sequence(scout, 100_000, 2)) == (12 * 100_000 + 36 * 8192) * value_bytes


def test_recurrent_state_does_not_depend_on_length() -> None:
    nemotron = arch("nemotron-3-nano-30b-a3b")
    state_bytes = 23 * 64 * 64 * 128 * 4
    assert float(kv_bytes_per_sequence(nemotron, 0, 1)) == state_bytes == 48_234_496
    assert float(kv_bytes_per_sequence(nemotron, 1000, 1)) == state_bytes + 1000 * 3_072


@pytest.mark.parametrize(
    ("name", "state_bytes"),
    [
        ("qwen3-next-80b-a3b", 75_497_472),
        ("qwen3.5-397b-a17b", 188_743_680),
        ("minimax-m1", 293_601_280),
        ("nemotron-h-56b", 905_969_664),
        ("nemotron-3-super-120b-a12b", 167_772_160),
        ("nemotron-3-ultra-550b-a55b", 402_653_184),
    ],
)
def test_recurrent_state_in_fp32(name: str, state_bytes: int) -> None:
    recurrent = arch(name).recurrent
    assert recurrent is not None
    assert recurrent.state_bytes_per_sequence == state_bytes


def test_sparse_attention_keeps_the_whole_cache_and_an_index_key_a_layer() -> None:
    sparse, dense = arch("deepseek-v3.2"), arch("deepseek-r1")
    assert index_bytes_per_token(sparse) == 61 * 128
    assert index_bytes_per_token(dense) == 0
    more = kv_bytes_per_sequence(sparse, 10_000, 2) - kv_bytes_per_sequence(dense, 10_000, 2)
    assert float(more) == 61 * 128 * 10_000


def test_layers_that_share_an_index_store_its_keys_once() -> None:
    # GLM-5.2: 3 layers and then every fourth of the other 75 have an indexer, of 32 heads with keys of 128
    index = arch("glm-5.2").attention[0].index
    assert index is not None and index.layers == 21
    assert [index_layers(arch(name).attention[0]) for name in ("glm-5.2", "glm-5", "deepseek-r1")] == [21, 78, 0]
    assert index_bytes_per_token(arch("glm-5.2")) == 21 * 128
    assert index_bytes_per_token(arch("glm-5")) == 78 * 128


def test_a_pooled_cache_stores_one_vector_for_several_tokens() -> None:
    flash = arch("deepseek-v4-flash")  # 2 local layers, 21 that pool 4 tokens, 20 that pool 128; 512 values an entry
    assert float(kv_bytes_per_token(flash, 1)) == 21 * 512 / 4 + 20 * 512 / 128
    assert index_bytes_per_token(flash) == 21 * 128 / 4
    local = 43 * 128 * 512
    assert float(kv_bytes_per_sequence(flash, 128_000, 1)) == 128_000 * (21 * (512 + 128) / 4 + 20 * 4) + local


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        ("llama-3.1-8b", 8_030_261_248, 7_504_924_672),
        ("deepseek-r1", 671_026_404_352, 36_625_603_584),
        ("deepseek-v3.2", 671_877_913_600, 37_477_112_832),
        ("qwen3-30b-a3b", 30_532_122_624, 3_041_867_776),
        ("qwen3-next-80b-a3b", 79_674_391_296, 3_563_764_480),
        ("gpt-oss-120b", 116_829_156_672, 5_132_849_472),
        ("nemotron-3-super-120b-a12b", 120_668_687_360, 12_233_346_048),
        ("minimax-m1", 456_089_655_296, 47_174_113_280),
        ("llama-3.3-nemotron-super-49b", 49_867_145_216, 48_816_472_064),
        ("gpt-j-6b", 6_050_882_784, None),
        ("falcon-7b", 6_921_720_704, None),
        ("falcon-40b", 41_303_293_952, None),
    ],
)
def test_parameters_to_within_routing_biases(name: str, total: int, active: int | None) -> None:
    computed = parameters(arch(name))
    assert computed.total == pytest.approx(total, rel=2e-5)
    if active is not None:
        assert computed.active == pytest.approx(active, rel=2e-5)


def test_components_add_up_and_a_dense_model_is_all_active() -> None:
    llama = parameters(arch("llama-3.1-8b"))
    assert llama.attention == 32 * 4096 * 128 * (32 + 2 * 8 + 32)
    assert llama.dense_mlp == 32 * 3 * 4096 * 14336
    assert llama.norms == 65 * 4096
    assert llama.embedding == llama.head == 128_256 * 4096
    assert llama.total == llama.active_with_embedding == llama.active + llama.embedding


def test_a_tied_head_is_stored_once_and_multiplied_all_the_same() -> None:
    small = parameters(arch("qwen3-0.6b"))
    assert small.total == small.active == small.active_with_embedding


def test_only_the_chosen_experts_are_active() -> None:
    mixtral = parameters(arch("mixtral-8x7b"))
    assert mixtral.active_experts * 4 == mixtral.experts == 32 * 8 * 3 * 4096 * 14336
    assert mixtral.total - mixtral.embedding - mixtral.active == mixtral.experts - mixtral.active_experts


def test_attention_parameters_by_hand() -> None:
    grouped = AttentionLayers(2, heads=4, kv_heads=2, head_dim=8, qkv_bias=True, qk_norm=True)
    # a layer: 32 x (32 + 16 + 16 + 32), biases 64, norms 16
    assert attention_parameters(grouped, 32) == 2 * (32 * 96 + 64 + 16)
    mla = Mla(kv_lora_rank=4, rope_dim=2, nope_dim=6, v_dim=5, q_lora_rank=3)
    latent = AttentionLayers(
        1, heads=2, kv_heads=2, head_dim=8, mla=mla, index=SparseIndex(top_k=9, heads=3, head_dim=4)
    )
    # query 10 x 3 + 3 + 3 x 16, latent 10 x 6 + 4, up 4 x 22, output 10 x 10; indexer 3 x 12 + 10 x 4 + 8 + 10 x 3
    assert attention_parameters(latent, 10) == (30 + 3 + 48) + (60 + 4) + 88 + 100 + (36 + 40 + 8 + 30)


def test_a_model_known_by_its_total_alone_counts_it_all_as_active() -> None:
    textbook = parameters(arch("gpt-4-textbook"))
    assert textbook.total == textbook.active == 1.76e12


@given(
    name=st.sampled_from(MODELS),
    tokens=st.lists(st.integers(0, 2_000_000), min_size=1, max_size=5),
    more=st.integers(1, 100_000),
)
def test_a_longer_sequence_grows_at_least_at_the_rate_of_its_unbounded_layers(
    name: str, tokens: list[int], more: int
) -> None:
    shape, length = arch(name), np.array(tokens)
    held, later = kv_bytes_per_sequence(shape, length, 2), kv_bytes_per_sequence(shape, length + more, 2)
    assert held.shape == length.shape
    growth = later - held
    forever = float(kv_bytes_per_token(shape, 2)) + index_bytes_per_token(shape)
    assert (growth >= forever * more * (1 - 1e-9)).all()


@given(name=st.sampled_from(MODELS), tokens=st.integers(1, 1_000_000))
def test_halving_the_precision_of_the_cache_never_frees_more_than_half(name: str, tokens: int) -> None:
    two, one = (float(kv_bytes_per_sequence(arch(name), tokens, size)) for size in (2, 1))
    assert two / 2 <= one <= two


def test_pooled_attention_parameters_by_hand() -> None:
    pooling = Compression(ratio=4, local_tokens=8, q_lora_rank=3, output_groups=2, output_rank=5)
    index = SparseIndex(top_k=9, heads=3, head_dim=4)
    group = AttentionLayers(1, heads=2, kv_heads=1, head_dim=8, compression=pooling)
    # query 10 x 3 + 3 + 3 x 16, the one key-value vector 10 x 8 + 8, output 16 x 5 + 2 x 5 x 10
    alike = (30 + 3 + 48) + (80 + 8) + (80 + 100)
    # values and gates of the pool 2 x 10 x 8, a bias for each of 4 positions, a norm
    assert attention_parameters(group, 10) == alike + 160 + 4 * 8 + 8
    # windows that overlap have twice the columns; the indexer: 3 x 12, its own pool of width 4, a weight a head
    indexed = replace(group, index=index, sinks=True)
    assert attention_parameters(indexed, 10) == alike + (320 + 4 * 16 + 8) + 2 + (36 + (160 + 4 * 8 + 4) + 30)
    local = replace(group, compression=replace(pooling, ratio=None))
    assert attention_parameters(local, 10) == alike


def test_a_total_may_come_with_a_count_of_its_own_of_what_is_active() -> None:
    sparse = replace(arch("gpt-4-textbook"), active_parameters_override=280e9)
    assert (parameters(sparse).total, parameters(sparse).active) == (1.76e12, 280e9)


def test_routers_by_hand() -> None:
    assert parameters(arch("deepseek-r1")).router == 58 * 256 * 7168
    assert parameters(arch("gpt-oss-120b")).router == 36 * 128 * (2880 + 1)  # with a bias an expert
    moe = arch("qwen3-next-80b-a3b").moe
    assert moe is not None and moe.shared_gate  # one more row, for the shared expert
    assert parameters(arch("qwen3-next-80b-a3b")).router == 48 * (512 + 1) * 2048


def test_sinks_biases_and_shared_projections_by_hand() -> None:
    oss = AttentionLayers(36, heads=64, kv_heads=8, head_dim=64, qkv_bias=True, output_bias=True, sinks=True)
    # 64 heads of queries and outputs, 8 of keys and of values, 64 wide: biases 5,120 and 2,880; a logit a head
    assert attention_parameters(oss, 2880) == 36 * (2880 * 64 * (64 + 8 + 8 + 64) + 64 * 80 + 2880 + 64)
    shared = AttentionLayers(1, heads=4, kv_heads=2, head_dim=8, shared_projection=True)
    assert attention_parameters(shared, 10) == 10 * 8 * (4 + 2 + 4)  # the values are the keys


def test_keys_of_an_indexer_in_16_bit_take_twice_those_in_8() -> None:
    v32 = arch("deepseek-v3.2")
    assert index_bytes_per_token(v32) == 61 * 128
    assert index_bytes_per_token(v32, 2.0) == 2 * 61 * 128


@pytest.mark.parametrize("name", ["llama-3.1-8b", "deepseek-v3.2", "mistral-7b-v0.1", "nemotron-3-nano-30b-a3b"])
def test_bytes_are_no_whole_numbers_and_have_the_shape_of_what_was_asked(name: str) -> None:
    lengths, sizes = np.array([[1], [100_000]]), np.array([1, 2, 2])
    held = kv_bytes_per_sequence(arch(name), lengths, sizes)
    assert (held.shape, held.dtype) == ((2, 3), np.float64)
    each = kv_bytes_per_token(arch(name), sizes)
    assert (each.shape, each.dtype) == ((3,), np.float64)


def test_learned_positions_are_rows_of_the_embedding_and_a_biased_head_has_one_more_column() -> None:
    old = parameters(replace(arch("llama-3.1-8b"), learned_positions=2048, head_bias=True))
    assert old.embedding == (128_256 + 2048) * 4096
    assert old.head == 128_256 * (4096 + 1)
