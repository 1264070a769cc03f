"""The simulator's straight lines run through the model that prices a plan."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from capplan.engine.layout import Layout
from capplan.engine.memory import kv_bytes_per_gpu
from capplan.engine.runs import prefill_alone_s
from capplan.engine.serving import Replica, Requests, decode_step_s, steady
from capplan.engine.step import step
from capplan.engine.steptimes import StepTimes
from capplan.engine.tabulate import link, reading_times, step_times
from capplan.errors import UserError
from capplan.simulate.station import read_s

ReplicaOf = Callable[..., Replica]
ANSWERS = Requests.of(3000.0, 500.0)
CASES: dict[str, tuple[dict[str, Any], Requests]] = {
    "two GPUs": ({}, ANSWERS),
    "a cached half": ({}, Requests.of(3000.0, 500.0, 0.5)),
    "a prompt longer than a step": ({}, Requests.of(30_000.0, 500.0)),
    "stages": ({"layout": Layout(2, 2)}, ANSWERS),
    "ranks": ({"name": "deepseek-r1", "gpu": "h200-sxm", "layout": Layout(1, 1, 8, 8)}, ANSWERS),
    "ranks, long prompts": (
        {"name": "deepseek-r1", "gpu": "h200-sxm", "layout": Layout(1, 1, 8, 8)},
        Requests.of(8000.0, 500.0),
    ),
    "another engine": ({"engine": "trtllm"}, ANSWERS),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest, replica_of: ReplicaOf) -> tuple[Replica, Requests, StepTimes]:
    how, asked = request.param
    replica = replica_of(**how)
    return replica, asked, step_times(replica, asked, 65)


def step_s(replica: Replica, sequences: float, context: float, chunk: float, prompt: float) -> float:
    form, piece = (replica.work, replica.rates, replica.profile.overheads), replica.profile.max_batched_tokens
    return float(step(*form, sequences, context, chunk, prompt, piece=piece).total_s)


def chunk_s(times: StepTimes, chunk: float, length: float) -> float:
    """What a chunk of prompts of that length adds to a step; a prompt attends to half of itself in the mean.

    A chunk that one rank can take is of one prompt, and the context of that is shared by nobody.
    """
    alone = times.ranks if chunk <= times.max_prompt_tokens else 1
    each_s = times.prefill_s_per_token + alone * times.prefill_s_per_token_context * length / 2
    return times.prefill_fixed_s + chunk * each_s


def test_decode_is_exact_at_the_prompt_and_at_the_whole_sequence(case: tuple[Replica, Requests, StepTimes]) -> None:
    replica, asked, times = case
    assert times.max_sequences == 65
    for context in (asked.prompt_tokens, asked.prompt_tokens + asked.output_tokens):
        for count in (1, 7, 65):
            line_s = times.decode_base_s[count] + times.decode_slope_s_per_token[count] * count * context
            model_s = float(decode_step_s(replica, float(count), replace(asked, context_tokens=context)))
            assert line_s == pytest.approx(model_s, rel=1e-9)


def test_prefill_is_exact_for_a_usual_chunk_and_for_the_largest_unless_small_ones_ride_for_free(
    case: tuple[Replica, Requests, StepTimes],
) -> None:
    replica, asked, times = case
    largest = float(replica.profile.max_batched_tokens * replica.work.layout.attention_data)
    usual, prompt = min(asked.prefill_tokens, largest / 2), asked.prompt_tokens

    def added_s(chunk: float, length: float) -> float:
        """Beside half of the sequences, 32 of 65."""
        both_s, alone_s = (step_s(replica, 32.0, asked.context_tokens, part, length) for part in (chunk, 0.0))
        return float(replica.profile.overheads.prefill * (both_s - alone_s))

    assert chunk_s(times, usual, prompt) == pytest.approx(added_s(usual, prompt), rel=1e-9)
    over_s = added_s(largest, prompt) - chunk_s(times, largest, prompt)
    assert over_s == pytest.approx(0.0, abs=1e-9) if times.prefill_fixed_s else over_s > 0
    more_s = chunk_s(times, largest, 2 * prompt) - chunk_s(times, largest, prompt)
    assert more_s == pytest.approx(added_s(largest, 2 * prompt) - added_s(largest, prompt), rel=1e-9)
    assert times.decode_slope_s_per_token[0] == 0.0


@pytest.mark.parametrize("which", ["two GPUs", "stages", "ranks", "another engine"])
def test_a_lone_prompt_takes_as_long_as_a_plan_says_without_load(replica_of: ReplicaOf, which: str) -> None:
    replica = replica_of(**CASES[which][0])
    times = step_times(replica, ANSWERS)
    seen_s = times.decode_base_s[0] + chunk_s(times, ANSWERS.prefill_tokens, ANSWERS.prompt_tokens) + times.request_s
    assert seen_s == pytest.approx(float(steady(replica, 1e-9, ANSWERS).own_prefill_s), rel=1e-9)


def test_limits_are_those_of_memory_and_engine(case: tuple[Replica, Requests, StepTimes]) -> None:
    replica, asked, times = case
    job, engine, ranks = replica.work, replica.profile, int(replica.work.layout.attention_data)
    each = float(kv_bytes_per_gpu(job.architecture, job.layout, job.precision, asked.held_tokens))
    room = ranks * float(replica.memory.kv_bytes) / each * asked.held_tokens
    assert room - 1 < times.kv_capacity_tokens <= room
    assert times.max_batched_tokens == ranks * engine.max_batched_tokens
    assert (times.request_s, times.arrival_s) == (engine.overheads.request_s, engine.overheads.arrival_s)
    assert times.swap_s_per_token is None


def test_as_many_sequences_run_as_the_engine_lets_each_rank_or_as_were_asked_for(replica_of: ReplicaOf) -> None:
    one, ranks = replica_of(), replica_of("deepseek-r1", "h200-sxm", Layout(1, 1, 8, 8))
    most = one.profile.max_sequences
    assert step_times(one, ANSWERS).max_sequences == step_times(one, ANSWERS, 10 * most).max_sequences == most
    assert step_times(ranks, ANSWERS).max_sequences == 8 * most
    endless = replace(one, profile=replace(one.profile, max_sequences=10**6))
    for asked in (None, 10**6):
        times = step_times(endless, ANSWERS, asked)
        # A simulator keeps a slot for each; a step that is full of them still has room for a token of a prompt.
        assert (times.max_sequences, times.max_batched_tokens) == (65_536, 65_537)


def test_a_replica_of_one_sequence_reads_prompts_beside_it(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    times, factor = step_times(replica, ANSWERS, 1), replica.profile.overheads.prefill
    added_s = step_s(replica, 1.0, 3250.0, 3000.0, 3000.0) - step_s(replica, 1.0, 3250.0, 0.0, 3000.0)
    assert chunk_s(times, 3000.0, 3000.0) == pytest.approx(factor * added_s, rel=1e-9)


def test_swapping_moves_the_bytes_of_each_gpu_over_its_own_link(replica_of: ReplicaOf) -> None:
    # fp8: 80 layers x 2 x 8 heads x 128 values a token, half of them on each GPU, at 50 GB/s.
    times = step_times(replica_of(), ANSWERS, host_link_bytes_per_s=50e9)
    assert times.swap_s_per_token == pytest.approx(80 * 2 * 8 * 128 / 2 / 50e9)


def test_a_chunk_that_begins_anew_before_the_answer_ends_gives_a_line_that_does_not_fall(replica_of: ReplicaOf) -> None:
    """Llama 4 attends in chunks of 8,192 tokens: at 8,000 to all of them, at 9,000 to half a chunk on average."""
    scout, asked = replica_of("llama-4-scout-17b-16e", layout=Layout(4)), Requests.of(8000.0, 1000.0)
    times = step_times(scout, asked, 4)
    assert times.decode_slope_s_per_token == (0.0,) * 5
    at_prompt_s = float(decode_step_s(scout, 4.0, replace(asked, context_tokens=8000.0)))
    assert times.decode_base_s[4] == pytest.approx(at_prompt_s, rel=1e-12)


def test_short_prompts_that_twice_the_length_would_speed_up_pay_nothing_for_context(replica_of: ReplicaOf) -> None:
    """From 128 to 256 tokens the share of the peak that attention reaches more than doubles on an H100."""
    times = step_times(replica_of("llama-3.1-8b", layout=Layout(1)), Requests.of(128.0, 100.0))
    assert times.prefill_s_per_token_context == 0.0
    assert times.prefill_s_per_token > 0


@pytest.mark.parametrize(
    "which",
    ["two GPUs", "stages", "ranks", "ranks, long prompts", "another engine", "a prompt of one token", "windows"],
)
def test_a_replica_that_only_reads_is_exact_for_a_lone_prompt_and_for_a_full_step(
    replica_of: ReplicaOf, which: str
) -> None:
    how, asked = {
        **CASES,
        "a prompt of one token": ({}, Requests.of(1.0, 500.0)),
        "windows": ({"name": "gemma-3-27b"}, ANSWERS),
    }[which]
    replica = replica_of(**how)
    times, prompt = reading_times(replica, asked), asked.prompt_tokens
    largest = float(replica.profile.max_batched_tokens * replica.work.layout.attention_data)

    def read_s(prompts: float) -> float:
        """Without what each request costs once."""
        return float(prefill_alone_s(replica, prompts, asked)) - prompts * times.request_s

    assert times.decode_base_s[0] == 0.0
    assert chunk_s(times, prompt, prompt) == pytest.approx(read_s(1.0), rel=1e-9)
    over_s = read_s(largest / prompt) - chunk_s(times, largest, prompt)
    assert over_s == pytest.approx(0.0, abs=1e-9) if times.prefill_fixed_s else over_s > 0
    longer = replace(asked, prompt_tokens=2 * prompt)
    twice_s = float(prefill_alone_s(replica, largest / prompt, longer)) - largest / prompt * times.request_s
    more_s = chunk_s(times, largest, 2 * prompt) - chunk_s(times, largest, prompt)
    assert more_s == pytest.approx(max(twice_s - read_s(largest / prompt), 0.0), rel=1e-7)


def test_a_prompt_longer_than_a_step_is_read_in_full_steps(replica_of: ReplicaOf) -> None:
    replica, asked = replica_of(), Requests.of(32_768.0, 500.0)
    times = reading_times(replica, asked)
    four_s = 4 * chunk_s(times, 8192.0, 32_768.0) + times.request_s
    assert four_s == pytest.approx(float(prefill_alone_s(replica, 1.0, asked)), rel=1e-9)


@pytest.mark.parametrize("prompt", [8_192.0, 16_384.0])
def test_long_prompts_on_ranks_take_as_long_alone_and_in_full_steps_as_planned(
    replica_of: ReplicaOf, prompt: float
) -> None:
    """Each rank reads one of them at a time; a line rounds off that the pieces of one attend to more and more."""
    replica, asked = replica_of(**CASES["ranks"][0]), Requests.of(prompt, 500.0)
    times = reading_times(replica, asked)
    assert (times.max_prompt_tokens, times.max_batched_tokens) == (8192, 65_536)
    tokens = np.array([int(prompt)])
    assert read_s(times, tokens)[0] == pytest.approx(
        times.arrival_s + float(prefill_alone_s(replica, 1.0, asked)), rel=0.03
    )
    full_s = float(prefill_alone_s(replica, 8.0, asked)) - 8 * times.request_s
    assert prompt / 8192 * chunk_s(times, 65_536.0, prompt) == pytest.approx(full_s, rel=1e-6)


def test_a_piece_of_a_prompt_of_many_steps_takes_as_long_as_its_rank_does(replica_of: ReplicaOf) -> None:
    replica, prompt = replica_of(**CASES["ranks"][0]), 32_768.0
    piece_s = replica.profile.overheads.prefill * step_s(replica, 0.0, 1.0, 8192.0, prompt)
    times = reading_times(replica, Requests.of(prompt, 500.0))
    assert chunk_s(times, 8192.0, prompt) == pytest.approx(piece_s, rel=1e-9)


@pytest.mark.parametrize("prompt", [16_384, 65_536])
def test_a_long_prompt_takes_its_rank_as_long_where_most_are_short(replica_of: ReplicaOf, prompt: int) -> None:
    replica = replica_of(**CASES["ranks"][0])
    times = reading_times(replica, Requests.of(4096.0, 500.0))
    alone_s = times.arrival_s + float(prefill_alone_s(replica, 1.0, Requests.of(float(prompt), 500.0)))
    assert read_s(times, np.array([prompt]))[0] == pytest.approx(alone_s, rel=0.25)


def test_samples_of_one_long_prompt_are_no_sooner_read_than_it_is(replica_of: ReplicaOf) -> None:
    replica, one = replica_of(**CASES["ranks"][0]), Requests.of(100_000.0, 500.0)
    eight = replace(one, forks=8.0, prefill_tokens=12_500.0)
    alone_s, shared_s = (float(prefill_alone_s(replica, asked.forks, asked)) for asked in (one, eight))
    assert alone_s <= shared_s < 1.01 * alone_s


def test_samples_that_share_a_prompt_are_read_as_one(replica_of: ReplicaOf) -> None:
    samples = replace(ANSWERS, forks=4.0, prefill_tokens=750.0)
    assert reading_times(replica_of(), samples) == reading_times(replica_of(), ANSWERS)


def test_a_replica_that_only_reads_holds_prompts_alone(replica_of: ReplicaOf) -> None:
    # Of 3,000 tokens, 52 of Gemma's 62 layers hold 1,024.
    replica = replica_of("gemma-3-27b")
    each = (10 + 52 * 1024 / 3000) * 2 * 16 * 128 / 2
    tokens = float(replica.memory.kv_bytes) / each
    assert reading_times(replica, ANSWERS).kv_capacity_tokens == pytest.approx(tokens, abs=1)
    full = replica_of("llama-3.3-70b", weights="bf16", layout=Layout(1))
    with pytest.raises(UserError, match="no room"):
        reading_times(full, ANSWERS)


def test_a_cache_is_sent_over_the_network_card_of_each_gpu(replica_of: ReplicaOf) -> None:
    # Half of 163,840 bytes a token from each of two GPUs at 45 GB/s.
    plain = link(replica_of(), ANSWERS)
    assert (plain.fixed_s, plain.lanes) == (pytest.approx(0.0, abs=1e-12), 1)
    assert plain.s_per_token == pytest.approx(81_920 / 45e9)
    # 52 of Gemma's 62 layers hold no more than 1,024 tokens: from there on, 10 layers x 2 x 16 heads x 128.
    gemma = link(replica_of("gemma-3-27b"), ANSWERS)
    assert gemma.s_per_token == pytest.approx(10 * 2 * 16 * 128 / 2 / 45e9)
    assert gemma.fixed_s == pytest.approx(52 * 1024 * 2 * 16 * 128 / 2 / 45e9)
    assert link(replica_of("deepseek-r1", "h200-sxm", Layout(1, 1, 8, 8)), ANSWERS).lanes == 8
