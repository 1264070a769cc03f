"""Speculative decoding: what it yields, and how the gain fades as batches grow."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog.engines import Overheads
from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Requests, decode_step_s
from capplan.engine.speculation import Speculation, usual
from capplan.engine.step import step

ReplicaOf = Callable[..., Replica]


def test_the_yield_of_a_draft_by_hand() -> None:
    # Leviathan et al. 2023, equation 1: 1 + 0.7 + 0.49 + 0.343.
    assert Speculation(3, 0.7).tokens_per_step == pytest.approx(2.533)
    assert Speculation(3, 1.0).tokens_per_step == 4.0
    assert Speculation(3, 0.0).tokens_per_step == 1.0


@given(st.integers(1, 16), st.floats(0, 1), st.floats(0, 1))
def test_a_better_draft_never_yields_less(tokens: int, some: float, other: float) -> None:
    low, high = sorted((some, other))
    yielded = [Speculation(tokens, a).tokens_per_step for a in (low, high)]
    assert 1.0 <= yielded[0] <= yielded[1] * (1 + 1e-12) <= tokens + 1 + 1e-9


def test_the_gain_fades_as_the_batch_grows(replica_of: ReplicaOf) -> None:
    """Verification stops being free once arithmetic counts: published gains go from 2.4 at batch 1 to 1.4 at 64."""
    plain, drafted = replica_of(bare=True), replica_of(speculation=Speculation(3, 0.8), bare=True)
    requests = Requests.of(500.0, 500.0)
    gains = [
        float(decode_step_s(plain, batch, requests) / decode_step_s(drafted, batch, requests))
        for batch in (1.0, 16.0, 64.0, 256.0, 1024.0)
    ]
    assert gains == sorted(gains, reverse=True)
    assert 1.8 < gains[0] < Speculation(3, 0.8).tokens_per_step
    assert gains[-1] < 1.3


def test_a_draft_model_pays_for_the_context_it_reads(replica_of: ReplicaOf) -> None:
    target = replica_of()
    speculation = Speculation(5, 0.7, replica_of("llama-3.1-8b").work)
    short, long = (
        float(speculation.draft_s(target.work, target.rates, 32.0, context)) for context in (100.0, 50_000.0)
    )
    # 32 x 50,000 x 65,536 B over two GPUs at 0.78 of 3.35 TB/s are 20 ms for each of five tokens.
    assert long - short == pytest.approx(5 * 32 * 49_900 * 65_536 / 2 / (0.78 * 3.35e12), rel=1e-3)


def test_verifying_a_latent_cache_costs_arithmetic_but_no_second_reading(replica_of: ReplicaOf) -> None:
    from capplan.engine.step import step

    replica = replica_of("deepseek-r1", layout=Layout(16), bare=True, kv="bf16")
    once, four, sixty = (
        float(step(replica.work, replica.rates, replica.profile.overheads, 8.0, 20_000.0, verify=v).attention_s)
        for v in (1.0, 4.0, 64.0)
    )
    assert once < four < 4 * once
    assert sixty > 2 * four


def test_what_a_multi_token_head_yields_lies_where_it_is_published() -> None:
    """Seven tokens by DeepSeek-V3's own module: 3.20 a step at temperature 0, 3.09 at 1 (arXiv 2602.23881)."""
    assert usual("mtp", 7).tokens_per_step == pytest.approx((3.20 + 3.09) / 2, rel=0.01)
    # One token, 1.85 to 1.90 by the DeepSeek-V3 report: what a level acceptance leaves out.
    assert usual("mtp", 1).tokens_per_step == pytest.approx(1.85, rel=0.09)


def test_heads_without_a_published_acceptance_get_seven_in_ten() -> None:
    assert usual("something new", 4).acceptance == 0.7


def test_a_head_caches_nothing_of_its_own_and_a_draft_model_its_own_layers(replica_of: ReplicaOf) -> None:
    assert usual("eagle3", 3).kv_bytes_per_gpu(1000.0) == 0.0
    drafted = Speculation(5, 0.7, replica_of("llama-3.1-8b").work)  # 65,536 B a token in fp8, over two GPUs
    assert float(drafted.kv_bytes_per_gpu(1000.0)) == pytest.approx(32_768_000)


def test_heads_take_the_memory_and_the_time_of_a_layer_each_by_hand(replica_of: ReplicaOf) -> None:
    """One layer of 80; each token that they draft costs 3 % of a step of the target, without what the engine adds."""
    target, heads = replica_of("llama-3.3-70b"), Speculation(4, 0.7)
    assert float(heads.weight_bytes_per_gpu(target.work)) == pytest.approx(float(target.memory.weight_bytes) / 80)
    bare = step(target.work, target.rates, Overheads(), 16.0, 1000.0).total_s
    assert float(heads.draft_s(target.work, target.rates, 16.0, 1000.0)) == pytest.approx(4 * 0.03 * float(bare))
    small = replica_of("llama-3.1-8b")
    model_s = Speculation(4, 0.7, draft=small.work).draft_s(target.work, target.rates, 16.0, 1000.0)
    assert float(model_s) == pytest.approx(4 * float(step(small.work, small.rates, Overheads(), 16.0, 1000.0).total_s))
    verified = step(target.work, target.rates, target.profile.overheads, 16.0, 1150.0, verify=5.0).total_s
    drafting = decode_step_s(replica_of("llama-3.3-70b", speculation=heads), 16.0, Requests.of(1000.0, 300.0))
    drafted_s = heads.draft_s(target.work, target.rates, 16.0, 1150.0)
    assert float(drafting) == pytest.approx(float(verified + drafted_s) / heads.tokens_per_step)
