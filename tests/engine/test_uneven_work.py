"""Work that is not shared out evenly: prompts on attention ranks, favourite experts."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Requests, prefill_chunk_tokens
from capplan.engine.step import step

ReplicaOf = Callable[..., Replica]


RANKS = Layout(tensor=1, expert=8, attention_data=8)


def step_s(replica_of: ReplicaOf, layout: Layout, prefill: float, prompt: float = 1000.0) -> float:
    """A step in which 64 sequences decode beside some prompt tokens."""
    one = replica_of("deepseek-r1", "h200-sxm", layout, bare=True)
    return float(step(one.work, one.rates, one.profile.overheads, 64.0, 2000.0, prefill, prompt).total_s)


def test_all_ranks_wait_for_the_one_with_the_prompt(replica_of: ReplicaOf) -> None:
    one, eight = (step_s(replica_of, RANKS, prompts * 1000.0) for prompts in (1, 8))
    alone = step_s(replica_of, RANKS, 0.0)
    # Seven more prompts go to idle ranks: experts have more to do, attention and projections have not.
    assert eight - alone < 3 * (one - alone)


def test_a_long_prompt_fills_one_rank_at_a_time(replica_of: ReplicaOf) -> None:
    one = replica_of("deepseek-r1", "h200-sxm", RANKS)
    few, many = Requests.of(50_000, 1000), Requests.of(500, 1000)
    assert float(prefill_chunk_tokens(one, 8.0, few)) == one.profile.max_batched_tokens
    assert float(prefill_chunk_tokens(one, 1e6, many)) == 8 * one.profile.max_batched_tokens


def test_experts_spread_over_gpus_are_slower_than_split_ones_where_arithmetic_limits(replica_of: ReplicaOf) -> None:
    spread, split = (step_s(replica_of, Layout(tensor=8, expert=expert), 8000.0, prompt=8000.0) for expert in (8, 1))
    assert spread > split


@pytest.mark.parametrize("gpu", ["h100-sxm", "h200-sxm", "b200-sxm", "rtx-pro-6000", "l40s"])
def test_balanced_experts_compute_at_least_as_fast_as_skewed_ones(gpu: str, replica_of: ReplicaOf) -> None:
    one = replica_of("llama-3.1-8b", gpu, Layout(1))
    for dtype, kernel in one.rates.operators.moe.items():
        assert kernel.compute <= kernel.balanced <= 1.0, dtype


def test_a_chip_without_that_measurement_takes_experts_as_measured(replica_of: ReplicaOf) -> None:
    kernel = replica_of("llama-3.1-8b", "h100-sxm", Layout(1)).rates.operators.moe["fp8"]
    assert replace(kernel, balanced=0.0).balanced == kernel.compute


def test_more_prompt_tokens_never_shorten_a_step(replica_of: ReplicaOf) -> None:
    times = [step_s(replica_of, RANKS, tokens) for tokens in np.linspace(0.0, 40_000.0, 21)]
    assert all(before <= after * (1 + 1e-9) for before, after in pairwise(times))
