"""The share of a prompt's time that grows with its square, against times made of a line and a square."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.engine.serving import Replica, Requests, bent_share, steady
from capplan.engine.step import step

ReplicaOf = Callable[..., Replica]


@given(st.floats(1e-6, 1.0), st.floats(0.0, 1.0), st.floats(1.0, 1e4), st.floats(1.01, 10.0), st.floats(0.0, 1.0))
def test_the_share_of_the_square_is_found_whatever_runs_beside(
    line: float, square: float, usual: float, longer: float, beside: float
) -> None:
    """Per token of a prompt of length n, a + b n: of what a longer one takes b n is bent."""

    def seconds(length: float) -> float:
        return beside + line + square * length

    weighted = usual * longer
    found = bent_share(seconds(weighted), beside, seconds, usual, weighted)
    assert float(found) == pytest.approx(square * weighted / (line + square * weighted), abs=1e-6)


def test_prompts_of_one_length_tell_nothing_of_a_bend_and_neighbours_in_an_array_do() -> None:
    usual, weighted = np.array([100.0, 100.0]), np.array([100.0, 200.0])
    found = bent_share(1.0 + weighted, 0.0, lambda length: 1.0 + length, usual, weighted)
    assert found.tolist() == pytest.approx([0.0, 200 / 201])
    assert bent_share(5.0, 0.0, lambda length: 5.0, 100.0, 100.0) == 0.0


def test_a_time_that_falls_with_the_length_or_more_than_doubles_is_bent_not_at_all_or_altogether() -> None:
    for growing, wanted in [(-1.0, 0.0), (9.0, 1.0)]:
        assert float(bent_share(2.0, 1.0, lambda length, g=growing: 2.0 - g, 100.0, 150.0)) == wanted  # type: ignore[misc]
    assert float(bent_share(2.0, 2.0, lambda length: 1.0, 100.0, 150.0)) == 1.0  # nothing is added, and yet it grows


def test_prompts_of_unequal_length_take_the_time_of_the_length_that_their_tokens_see(replica_of: ReplicaOf) -> None:
    replica = replica_of(bare=True)
    even = Requests.of(2000.0, 300.0)
    uneven = replace(even, weighted_prompt_tokens=6000.0)
    state, longer = steady(replica, 8.0, uneven), steady(replica, 8.0, even)
    chunk = 2000.0
    mixed_s = step(replica.work, replica.rates, replica.profile.overheads, 8.0, even.context_tokens, chunk, 6000.0,
                   piece=replica.profile.max_batched_tokens).total_s  # fmt: skip
    assert float(state.mixed_s) == pytest.approx(float(mixed_s))
    assert float(state.prefill_s) == pytest.approx(float(mixed_s - state.decode_s))
    # Attention over 6,000 tokens is what bends; at 2,000 a third of it is left.
    added = float(state.prefill_s - longer.prefill_s)
    assert float(state.bend) == pytest.approx(added * 6000 / 4000 / float(state.prefill_s))
    assert float(longer.bend) == 0.0


def test_of_unequal_prompts_with_a_cached_part_each_has_the_same_part_cached(replica_of: ReplicaOf) -> None:
    replica = replica_of(bare=True)
    uneven = replace(Requests.of(2000.0, 300.0, cached=0.5), weighted_prompt_tokens=6000.0)
    mixed_s = step(replica.work, replica.rates, replica.profile.overheads, 8.0, uneven.context_tokens, 1000.0, 6000.0,
                   past=3000.0, piece=replica.profile.max_batched_tokens).total_s  # fmt: skip
    assert float(steady(replica, 8.0, uneven).mixed_s) == pytest.approx(float(mixed_s))
