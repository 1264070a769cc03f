"""How much past a token reads: closed forms against counting one token at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog.architecture import AttentionLayers, Compression, Mla, SparseIndex
from capplan.engine.attention_span import (
    attended_pairs,
    attended_tokens,
    attention_flop_per_pair,
    index_flop_per_pair,
    indexed_pairs,
    indexed_tokens,
    kv_values_per_entry,
)


def group(**more: object) -> AttentionLayers:
    return AttentionLayers(layers=1, heads=4, kv_heads=2, head_dim=8, **more)  # type: ignore[arg-type]


def pooled(ratio: int | None, index: SparseIndex | None = None) -> AttentionLayers:
    return group(
        compression=Compression(ratio=ratio, local_tokens=16, q_lora_rank=4, output_groups=1, output_rank=4),
        index=index,
    )


FULL, WINDOW, CHUNK = group(), group(window_tokens=7), group(window_tokens=7, chunked=True)
SPARSE = group(index=SparseIndex(top_k=5, heads=2, head_dim=3))
COUNTED = {
    "full": (FULL, lambda i: i),
    "window": (WINDOW, lambda i: min(i, 7)),
    "chunk": (CHUNK, lambda i: (i - 1) % 7 + 1),
    "sparse": (SPARSE, lambda i: min(i, 5)),
    "pooled": (pooled(4), lambda i: min(i, 16) + i / 4),
    "pooled and chosen": (pooled(4, SPARSE.index), lambda i: min(i, 16) + min(i / 4, 5)),
    "local": (pooled(None), lambda i: min(i, 16)),
}


@pytest.mark.parametrize("kind", COUNTED)
@given(past=st.integers(0, 200), new=st.integers(0, 100))
def test_pairs_equal_a_count_over_the_tokens(kind: str, past: int, new: int) -> None:
    layers, span = COUNTED[kind]
    assert float(attended_pairs(layers, past, new)) == sum(span(i) for i in range(past + 1, past + new + 1))


@pytest.mark.parametrize("layers", [layers for layers, _ in COUNTED.values()])
@given(past=st.integers(0, 500), first=st.integers(0, 100), second=st.integers(0, 100))
def test_a_prompt_in_two_pieces_costs_what_it_costs_in_one(
    layers: AttentionLayers, past: int, first: int, second: int
) -> None:
    whole = attended_pairs(layers, past, first + second)
    pieces = attended_pairs(layers, past, first) + attended_pairs(layers, past + first, second)
    assert float(pieces) == pytest.approx(float(whole))


def test_a_token_reads_no_more_than_its_span() -> None:
    context = [4, 1000]
    assert attended_tokens(FULL, context).tolist() == [4, 1000]
    assert attended_tokens(WINDOW, context).tolist() == [4, 7]
    assert attended_tokens(SPARSE, context).tolist() == [4, 5]
    # The last token of the first chunk sees all of it; past it, half a chunk on average.
    assert attended_tokens(CHUNK, [4, 7, 8, 1000]).tolist() == [4, 7, 4, 4]
    assert attended_tokens(pooled(None), context).tolist() == [4, 16]
    assert attended_tokens(pooled(4), context).tolist() == [5, 16 + 250]
    assert attended_tokens(pooled(4, SPARSE.index), context).tolist() == [5, 16 + 5]


def test_the_indexer_scores_the_whole_past() -> None:
    assert indexed_tokens(SPARSE, [10, 1000]).tolist() == [10, 1000]
    assert indexed_tokens(pooled(4, SPARSE.index), [10, 1000]).tolist() == [2.5, 250]
    assert float(indexed_pairs(SPARSE, 2, 3)) == 3 + 4 + 5
    assert float(indexed_pairs(pooled(4, SPARSE.index), 2, 3)) == (3 + 4 + 5) / 4
    assert index_flop_per_pair(SPARSE) == 2 * 2 * 3
    assert index_flop_per_pair(FULL) == 0


def test_flop_per_pair_counts_scores_and_weighted_sum_of_every_head() -> None:
    assert attention_flop_per_pair(FULL, decode=True) == attention_flop_per_pair(FULL, decode=False) == 2 * 4 * 16
    mla = Mla(kv_lora_rank=512, rope_dim=64, nope_dim=128, v_dim=128)
    latent = AttentionLayers(1, heads=128, kv_heads=128, head_dim=192, mla=mla)
    assert attention_flop_per_pair(latent, decode=True) == 2 * 128 * (576 + 512)
    assert attention_flop_per_pair(latent, decode=False) == 2 * 128 * (192 + 128)
    assert kv_values_per_entry(latent) == 576
    assert kv_values_per_entry(pooled(4)) == 8


@given(context=st.lists(st.integers(1, 10**6), min_size=1, max_size=4))
def test_results_have_the_shape_of_the_context(context: list[int]) -> None:
    for layers in (FULL, WINDOW, CHUNK, SPARSE, pooled(128)):
        tokens, pairs = attended_tokens(layers, np.array([context])), attended_pairs(layers, np.array(context), 1)
        assert (tokens.shape, tokens.dtype) == ((1, len(context)), np.float64)
        assert (pairs.shape, pairs.dtype) == ((len(context),), np.float64)
