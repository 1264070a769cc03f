"""Step times that contradict themselves are refused, all faults at once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Requests
from capplan.engine.steptimes import Link, StepTimes, compressed, textbook_step_times
from capplan.engine.tabulate import step_times
from capplan.errors import UserError

ReplicaOf = Callable[..., Replica]
SOUND = StepTimes((0.0, 1.0, 1.5), (0.0, 0.1, 0.2), 0.25, 0.01, 1e-4, 1000, swap_s_per_token=1e-6)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"decode_base_s": (0.0,), "decode_slope_s_per_token": (0.0,)}, "one entry for each of 0 .. max_sequences"),
        ({"decode_slope_s_per_token": (0.0, 0.1)}, "one entry for each of 0 .. max_sequences"),
        ({"decode_base_s": (0.0, 0.0, 1.0)}, "decode_base_s must be finite, and above 0 from one sequence on"),
        ({"decode_base_s": (0.0, 1.0, float("inf"))}, "decode_base_s must be finite"),
        ({"decode_slope_s_per_token": (0.0, -0.1, 0.1)}, "decode_slope_s_per_token must be finite and not negative"),
        ({"prefill_s_per_token": float("nan")}, "prefill, swap, request and arrival times must be finite"),
        ({"swap_s_per_token": -1.0}, "prefill, swap, request and arrival times must be finite"),
        ({"arrival_s": -1.0}, "prefill, swap, request and arrival times must be finite"),
        ({"kv_capacity_tokens": 15}, "the KV cache of 15 tokens holds no block of 16"),
        ({"kv_block_tokens": 0}, "holds no block of 0"),
        ({"max_prompt_tokens": 0}, "max_prompt_tokens 0 must be at least 1"),
        ({"max_batched_tokens": 2}, "max_batched_tokens 2 must exceed max_sequences 2"),
    ],
)
def test_step_times_that_contradict_themselves_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        replace(SOUND, **wrong)


def test_a_cache_takes_its_fixed_time_and_that_of_each_token_on_its_way() -> None:
    assert Link(0.25, 0.002).time_s(100) == pytest.approx(0.45)
    assert Link(0.25).time_s(100) == 0.25


def test_a_step_may_take_one_token_of_a_prompt() -> None:
    assert replace(SOUND, max_prompt_tokens=1).max_prompt_tokens == 1


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(UserError) as told:
        replace(SOUND, prefill_fixed_s=-1.0, kv_capacity_tokens=0, max_batched_tokens=1)
    assert str(told.value).count(";") == 2


def test_a_cache_of_which_a_quarter_is_kept_holds_four_times_the_tokens_and_reads_a_quarter() -> None:
    kept = compressed(SOUND, 0.25)
    assert (kept.kv_capacity_tokens, kept.kv_blocks, kept.max_sequences) == (4000, 250, 2)
    assert kept.decode_slope_s_per_token == pytest.approx((0.0, 0.025, 0.05))
    assert kept.swap_s_per_token == pytest.approx(0.25e-6)
    assert compressed(replace(SOUND, swap_s_per_token=None), 0.5).swap_s_per_token is None
    assert compressed(SOUND, 1.0) == SOUND


@pytest.mark.parametrize("keep", [0.0, -0.5, 1.01, float("nan")])
def test_a_share_outside_of_0_to_1_keeps_nothing_or_too_much(keep: float) -> None:
    with pytest.raises(UserError, match="above 0 and at most 1"):
        compressed(SOUND, keep)


def test_a_replica_without_room_for_one_request_cannot_be_simulated(replica_of: ReplicaOf) -> None:
    full = replica_of("llama-3.3-70b", weights="bf16", layout=Layout(1))
    with pytest.raises(UserError, match="no room for the KV cache of one request"):
        step_times(full, Requests.of(100.0, 100.0))


def test_textbook_steps_take_their_share_of_each_sequence_and_of_each_token_of_context() -> None:
    times = textbook_step_times(0.01, 3, step_s_per_sequence=0.002, step_s_per_context_token=1e-6)
    assert times.decode_base_s == pytest.approx((0.0, 0.012, 0.014, 0.016))
    assert times.decode_slope_s_per_token == (1e-6,) * 4
    assert times.max_sequences == 3
