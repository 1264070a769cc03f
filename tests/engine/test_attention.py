"""The time of one group of attention layers by hand, on a chip of round figures."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from capplan.catalog.architecture import AttentionLayers, Mla, SparseIndex
from capplan.catalog.operators import DecodeAttention, MlaDecode, PrefillAttention, Roofline, operators
from capplan.engine.attention import attention_s
from capplan.engine.layout import Layout
from capplan.engine.rates import Rates
from capplan.engine.serving import Replica

ReplicaOf = Callable[..., Replica]

# 100 TFLOP/s and twice that in fp8, 1 TB/s.
ROUND = Rates(
    operators=replace(
        operators("h100-sxm"),
        gemm={"bf16": Roofline(compute=0.5, memory=0.8, fixed_s=1e-6)},
        decode_attention={"bf16": DecodeAttention(0.5, 10e-6, 1e-7), "fp8": DecodeAttention(0.25, 20e-6, 2e-7)},
        prefill_attention=PrefillAttention((100.0, 10_000.0), (0.1, 0.5), 3e-6),
        mla_decode={"bf16": MlaDecode(0.5, 0.5, 10e-6, 1.0, 1e-7), "int8": MlaDecode(0.2, 0.4, 30e-6, 1.0, 2e-7)},
    ),
    peak_flop_per_s={"bf16": 100e12, "fp8": 200e12},
    memory_bandwidth_bytes_per_s=1e12,
    collectives="all_reduce",
    node_gpus=8,
    inter_node_bytes_per_s=45e9,
)
GROUPED = AttentionLayers(3, heads=8, kv_heads=2, head_dim=64)
LATENT = AttentionLayers(
    3, heads=8, kv_heads=8, head_dim=48, mla=Mla(kv_lora_rank=100, rope_dim=20, nope_dim=40, v_dim=30)
)
INDEXED = replace(GROUPED, index=SparseIndex(top_k=10_000, heads=4, head_dim=32, layers=2))
COARSE = replace(ROUND, peak_flop_per_s={"bf16": 100e12})


@pytest.fixture
def seconds(replica_of: ReplicaOf) -> Callable[..., float]:
    """Of two GPUs: ten sequences at 1,000 tokens, or a thousand tokens of prompts, unless said otherwise."""

    def of(group: AttentionLayers, rates: Rates = ROUND, kv: str = "bf16", **asked: Any) -> float:
        job = replica_of("llama-3.1-8b", layout=Layout(2), kv=kv).work
        usual = {"sequences": 0.0, "context": 1000.0, "prefill": 0.0, "prompt": 1000.0}
        return float(attention_s(group, job, rates, **{**usual, "kv_reuse": 1.0, "past": 0.0, "verify": 1.0, **asked}))

    return of


@pytest.mark.parametrize(
    ("kv", "value_bytes", "memory", "fixed_us", "per_head_us"),
    [("bf16", 2, 0.5, 10, 0.1), ("fp8", 1, 0.25, 20, 0.2), ("int8", 1, 0.5, 10, 0.1)],  # no kernel of its own
)
def test_decode_reads_each_cache_once_by_the_kernel_of_its_precision(
    seconds: Callable[..., float], kv: str, value_bytes: int, memory: float, fixed_us: float, per_head_us: float
) -> None:
    # Of 10 x 1,000 entries of 2 heads x (64 + 64) values, each GPU holds one head.
    one = 10_000 * 128 * value_bytes / (memory * 1e6)
    assert seconds(GROUPED, kv=kv, sequences=10.0) * 1e6 == pytest.approx(3 * (fixed_us + 10 * per_head_us + one))
    # Four query heads share a key: without reuse each reads it anew, with half of it twice as often as with all.
    for reuse, times in ((0.0, 4), (0.5, 2)):
        alone_us = 3 * (fixed_us + 10 * per_head_us + times * one)
        assert seconds(GROUPED, kv=kv, sequences=10.0, kv_reuse=reuse) * 1e6 == pytest.approx(alone_us)


@pytest.mark.parametrize(
    ("kv", "value_bytes", "compute", "memory", "fixed_us", "each_us"),
    [("bf16", 2, 0.5, 0.5, 10, 0.1), ("fp8", 1, 0.5, 0.5, 10, 0.1), ("int8", 1, 0.2, 0.4, 30, 0.2)],
)
def test_latent_decode_computes_for_every_verified_token_and_reads_once(
    seconds: Callable[..., float],
    kv: str, value_bytes: int, compute: float, memory: float, fixed_us: float, each_us: float,
) -> None:  # fmt: skip
    # Each entry, 120 values that both GPUs hold whole, is read once; four of eight heads multiply 2 x 220 flop with it.
    read_us = 10_000 * 120 * value_bytes / (memory * 1e6)
    flop_us = 10_000 * 4 * 440 / (compute * 100e6)
    for verify in (1, 3):
        wanted = 3 * (fixed_us + 10 * each_us + read_us + verify * flop_us)
        assert seconds(LATENT, kv=kv, sequences=10.0, verify=float(verify)) * 1e6 == pytest.approx(wanted)


@pytest.mark.parametrize(("rates", "peak"), [(ROUND, 200e6), (COARSE, 100e6)])
def test_the_layers_with_an_indexer_score_the_past_in_fp8_or_as_the_chip_can(
    seconds: Callable[..., float], rates: Rates, peak: float
) -> None:
    # Decode: 10,000 keys of 32 bytes and 4 heads x 32 x 2 flop each, three tokens verified; two layers own an indexer.
    read_us, flop_us = 10_000 * 32 / 0.8e6, 3 * 10_000 * 256 / (0.5 * peak)
    more = seconds(INDEXED, rates, sequences=10.0, verify=3.0) - seconds(GROUPED, rates, sequences=10.0, verify=3.0)
    assert more * 1e6 == pytest.approx(2 * np.hypot(read_us, flop_us))
    # Prefill: two prompts of 1,000, each behind 500 in the cache; or one of a single token.
    for asked, pairs in (
        ({"prefill": 1000.0, "past": 500.0}, 2 * (1000 * 1001 - 500 * 501) / 2),
        ({"prefill": 1.0, "prompt": 1.0}, 1),
    ):
        more = seconds(INDEXED, rates, **asked) - seconds(GROUPED, rates, **asked)
        assert more * 1e6 == pytest.approx(2 * pairs * 256 / (0.5 * peak))


@pytest.mark.parametrize(
    ("prefill", "prompt", "past", "pairs", "efficiency"),
    [
        (2000.0, 1000.0, 0.0, 2 * 1000 * 1001 / 2, 0.3),  # half way from 100 to 10,000 on a scale of ratios
        (1000.0, 1000.0, 500.0, 2 * (1000 * 1001 - 500 * 501) / 2, 0.3),
        (10.0, 1.0, 0.0, 10.0, 0.1),  # ten prompts of one token that sees itself
        (0.5, 1.0, 0.0, 0.5, 0.1),
        (10.0, 100.0, 100.0, 1000.0, 0.1),  # all of it cached: the last token is computed anew
    ],
)
def test_prefill_multiplies_every_causal_pair(
    seconds: Callable[..., float], prefill: float, prompt: float, past: float, pairs: float, efficiency: float
) -> None:
    # Four of eight heads on each GPU, 2 x (64 + 64) flop a pair and head.
    wanted = 3 * (3 + pairs * 4 * 256 / (efficiency * 100e6))
    assert seconds(GROUPED, prefill=prefill, prompt=prompt, past=past) * 1e6 == pytest.approx(wanted)
    # Latent attention expands its heads for it: 40 + 20 values of keys, 30 of values.
    wanted = 3 * (3 + pairs * 4 * 180 / (efficiency * 100e6))
    assert seconds(LATENT, prefill=prefill, prompt=prompt, past=past) * 1e6 == pytest.approx(wanted)
