"""Runs that start full and end empty, against adding up their steps."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from capplan.catalog.engines import Overheads, Profile
from capplan.engine.layout import Layout
from capplan.engine.runs import burst, prefill_alone_s, static_batch
from capplan.engine.serving import Replica, Requests, decode_step_s, steady
from capplan.engine.step import step

ReplicaOf = Callable[..., Replica]
REQUESTS = Requests.of(1000.0, 201.0)


def with_costs(replica: Replica, **costs: float) -> Replica:
    profile: Profile = replica.profile
    return replace(replica, profile=replace(profile, overheads=replace(profile.overheads, **costs)))


def test_prompts_alone_take_as_many_full_steps_as_they_fill(replica_of: ReplicaOf) -> None:
    replica = replica_of(bare=True)
    limit = replica.profile.max_batched_tokens
    one = step(replica.work, replica.rates, Overheads(), 0.0, 1.0, 1000.0, 1000.0).total_s
    assert float(prefill_alone_s(replica, 1.0, REQUESTS)) == pytest.approx(float(one))
    full = Requests.of(float(limit), 10.0)
    alone = step(replica.work, replica.rates, Overheads(), 0.0, 1.0, float(limit), float(limit)).total_s
    assert float(prefill_alone_s(replica, 3.0, full)) == pytest.approx(3 * float(alone))
    # A prompt of two and a half steps, of which each reads what the ones before have left.
    long = Requests.of(2.5 * limit, 10.0)
    piece = step(replica.work, replica.rates, Overheads(), 0.0, 1.0, float(limit), 2.5 * limit).total_s
    assert float(prefill_alone_s(replica, 1.0, long)) == pytest.approx(2.5 * float(piece))


def test_prompts_alone_attend_to_what_a_cache_held_of_them(replica_of: ReplicaOf) -> None:
    replica, asked = replica_of(bare=True), Requests.of(4000.0, 10.0, 0.75)
    wanted = step(replica.work, replica.rates, Overheads(), 0.0, 1.0, 2000.0, 4000.0, past=3000.0).total_s
    assert float(prefill_alone_s(replica, 2.0, asked, past=3000.0)) == pytest.approx(float(wanted))


def test_prompts_alone_cost_what_the_engine_adds_to_each(replica_of: ReplicaOf) -> None:
    bare = replica_of(bare=True)
    dear = with_costs(bare, prefill=1.5, request_s=0.25)
    assert float(prefill_alone_s(dear, 4.0, REQUESTS)) == pytest.approx(
        1.5 * float(prefill_alone_s(bare, 4.0, REQUESTS)) + 4 * 0.25
    )


def test_attention_ranks_prefill_a_prompt_each_in_the_same_step(replica_of: ReplicaOf) -> None:
    """Eight prompts that fill a step each take one step of eight ranks, and nine a ninth of a step more each."""
    replica = replica_of("deepseek-r1", layout=Layout(1, 2, 8, 8), bare=True)
    limit = float(replica.profile.max_batched_tokens)
    full = Requests.of(limit, 10.0)
    all_ranks = step(replica.work, replica.rates, Overheads(), 0.0, 1.0, 8 * limit, limit, piece=limit).total_s
    assert float(prefill_alone_s(replica, 8.0, full)) == pytest.approx(float(all_ranks))
    assert float(prefill_alone_s(replica, 9.0, full)) == pytest.approx(9 / 8 * float(all_ranks))


def test_a_prompt_is_read_by_one_rank_however_many_stand_idle(replica_of: ReplicaOf) -> None:
    """Prompts of two and a half steps: one to eight of them take as many steps, of as many ranks."""
    replica = replica_of("deepseek-r1", layout=Layout(1, 1, 8, 8), bare=True)
    limit = float(replica.profile.max_batched_tokens)
    long = Requests.of(2.5 * limit, 10.0)
    for prompts in (0.5, 1.0, 3.0, 8.0):
        ranks = max(prompts, 1.0)
        piece = step(
            replica.work, replica.rates, Overheads(), 0.0, 1.0, ranks * limit, 2.5 * limit, piece=limit
        ).total_s
        steps = 2.5 * prompts / ranks
        assert float(prefill_alone_s(replica, prompts, long)) == pytest.approx(steps * float(piece))


def test_a_batch_that_does_not_fit_starts_in_rounds(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    one = static_batch(replica, 64.0, 64.0, REQUESTS)
    assert float(one.ttft_s) == pytest.approx(float(prefill_alone_s(replica, 64.0, REQUESTS)))
    assert float(one.itl_s) == pytest.approx(float(decode_step_s(replica, 64.0, REQUESTS)))
    three = static_batch(replica, 192.0, 64.0, REQUESTS)
    # The second third begins a round later and the last one two, which is one on average.
    assert float(three.ttft_s) == pytest.approx(float(one.ttft_s + one.seconds))
    assert float(three.seconds) == pytest.approx(3 * float(one.seconds))
    nothing_decoded = static_batch(replica, 8.0, 64.0, Requests.of(1000.0, 0.5))
    assert float(nothing_decoded.seconds) == pytest.approx(float(nothing_decoded.ttft_s))
    assert float(static_batch(replica, 2.0, 0.0, REQUESTS).seconds) == pytest.approx(
        2 * float(static_batch(replica, 1.0, 1.0, REQUESTS).seconds)
    )


@pytest.mark.parametrize("count", [1.0, 2.0, 50.0])
def test_a_burst_of_equal_answers_that_fits_ends_after_its_prompts_and_its_steps(
    replica_of: ReplicaOf, count: float
) -> None:
    replica = replica_of()
    run, start_s = burst(replica, count, 50.0, REQUESTS), prefill_alone_s(replica, count, REQUESTS)
    assert float(run.seconds) == pytest.approx(float(start_s + 201 * decode_step_s(replica, count, REQUESTS)))
    assert float(run.ttft_s) == pytest.approx(float(start_s) / 2)
    assert float(run.itl_s) == pytest.approx(float(steady(replica, count, REQUESTS).itl_s))


def test_the_last_answers_of_exponential_length_end_as_simulated_step_by_step(replica_of: ReplicaOf) -> None:
    """n memoryless answers: the next of j to end takes mean/j steps, each as long as j sequences make it."""
    replica, n = replica_of(), 64
    run = burst(replica, float(n), float(n), REQUESTS, output_cv=1.0)
    alone_s, full_s = (float(decode_step_s(replica, float(k), REQUESTS)) for k in (1, n))
    step_s = alone_s + (full_s - alone_s) / (n - 1) * np.arange(n)
    tail_s = float((201 / np.arange(1, n + 1) * step_s).sum())
    lengths = np.sort(np.random.default_rng(1).exponential(201.0, (2_000, n)), axis=1)[:, ::-1]
    drawn_s = (-np.diff(np.hstack([lengths, np.zeros((2_000, 1))]), axis=1) * step_s).sum(axis=1).mean()
    assert drawn_s == pytest.approx(tail_s, rel=0.02)
    drain_s = float(run.seconds) - float(prefill_alone_s(replica, float(n), REQUESTS))
    assert drain_s == pytest.approx(tail_s, rel=0.003)  # ln n + 0.577 for the sum of 1/j
    assert float(burst(replica, float(n), float(n), REQUESTS, 3.0).seconds) == float(run.seconds)
    half = burst(replica, float(n), float(n), REQUESTS, 0.5)
    even = burst(replica, float(n), float(n), REQUESTS)
    assert float(half.seconds) == pytest.approx(float(even.seconds + run.seconds) / 2)


def test_what_is_queued_drains_at_the_steady_rate_and_waits_until_then(replica_of: ReplicaOf) -> None:
    replica, fit, count = replica_of(), 50.0, 450.0
    first, run = burst(replica, fit, fit, REQUESTS), burst(replica, count, fit, REQUESTS)
    waves_s = 400 / float(steady(replica, fit, REQUESTS).requests_per_s)
    assert float(run.seconds - first.seconds) == pytest.approx(waves_s)
    start_s = 2 * float(first.ttft_s)
    drain_s = float(first.seconds) - start_s
    # One in nine begins at once; the others begin evenly until half of the last ones have ended.
    wanted = 1 / 9 * start_s / 2 + 8 / 9 * (start_s + (waves_s + drain_s / 2) / 2)
    assert float(run.ttft_s) == pytest.approx(wanted)
    assert float(burst(replica, 3.0, 0.0, REQUESTS).seconds) == float(burst(replica, 3.0, 1.0, REQUESTS).seconds)


def test_less_than_a_token_is_a_token_and_less_than_a_request_waits_for_none(replica_of: ReplicaOf) -> None:
    short = Requests.of(1000.0, 0.25)
    run = burst(replica_of(), 0.5, 8.0, short)
    wanted = prefill_alone_s(replica_of(), 0.5, short) + decode_step_s(replica_of(), 1.0, short)
    assert float(run.seconds) == pytest.approx(float(wanted), rel=0.01)
    assert float(run.ttft_s) == pytest.approx(float(prefill_alone_s(replica_of(), 0.5, short)) / 2)


def test_one_place_serves_one_after_the_other(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    alone, three = burst(replica, 1.0, 1.0, REQUESTS), burst(replica, 3.0, 1.0, REQUESTS)
    start_s, rate = float(prefill_alone_s(replica, 1.0, REQUESTS)), float(steady(replica, 1.0, REQUESTS).requests_per_s)
    assert float(three.seconds) == pytest.approx(float(alone.seconds) + 2 / rate)
    drain_s = float(alone.seconds) - start_s
    assert float(three.ttft_s) == pytest.approx(start_s / 6 + 2 / 3 * (start_s + (2 / rate + drain_s / 2) / 2))
    half = burst(replica, 1.5, 1.0, REQUESTS)
    assert float(half.ttft_s) == pytest.approx(start_s / 3 + (start_s + (0.5 / rate + drain_s / 2) / 2) / 3)


def test_the_tail_of_one_answer_is_its_own_and_of_two_a_quarter_longer(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    assert float(burst(replica, 1.0, 1.0, REQUESTS, 1.0).seconds) == float(burst(replica, 1.0, 1.0, REQUESTS).seconds)
    one_s, two_s = (float(decode_step_s(replica, n, REQUESTS)) for n in (1.0, 2.0))
    drain_s = float(burst(replica, 2.0, 2.0, REQUESTS, 1.0).seconds) - float(prefill_alone_s(replica, 2.0, REQUESTS))
    tail = np.log(2) + 0.5772  # for 1 + 1/2
    assert drain_s == pytest.approx(201 * (tail * one_s + (2 - tail) * (two_s - one_s)))
