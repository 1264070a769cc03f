"""What a replica does, on cases small enough to work out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from capplan.engine.steptimes import StepTimes, compressed, textbook_step_times
from capplan.errors import UserError
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy, Preemption, Routing
from capplan.simulate.requests import Requests, between, requests, scaled_rate
from capplan.simulate.result import Run
from capplan.simulate.run import run
from capplan.simulate.station import Station

SECOND_A_STEP = textbook_step_times(1.0, 4)


def _tokens_s(served: Run) -> list[tuple[float, float, float]]:
    return [
        tuple(round(float(value), 6) for value in row)
        for row in zip(served.first_s, served.answer_s, served.done_s, strict=True)
    ]


def test_a_request_alone_takes_its_prompt_and_a_step_for_each_further_token():
    times = textbook_step_times(1.0, 4, prefill_s_per_token=0.1)
    # 20 prompt tokens in 2 s give the first token; the third is the first of the answer, the fifth the last.
    assert _tokens_s(run(requests([10.0], 20, 5, 2), times)) == [(12.0, 14.0, 16.0)]


def test_time_alone_is_what_the_simulator_finds_for_one_request():
    times = StepTimes(
        (0.5, 1.0), (0.0, 0.01), 0.25, 0.01, 1e-4, 100_000, max_batched_tokens=64, request_s=0.125, arrival_s=2.0
    )
    load = requests([0.0], 200, 50)
    served = run(load, times)
    assert Station(times, Policy()).alone_s(load.prompt_tokens, load.output_tokens) == pytest.approx(served.done_s)


def test_decode_reads_the_context_as_it_grows():
    times = textbook_step_times(1.0, 1, step_s_per_context_token=0.1)
    # Steps read 11, 12 and 13 tokens: the prompt, and what is out when they begin.
    assert run(requests([0.0], 10, 4), times).done_s[0] == pytest.approx(3 + 0.1 * (11 + 12 + 13))


def test_a_prompt_rides_in_chunks_beside_the_decoding_sequences():
    times = textbook_step_times(1.0, 2, prefill_s_per_token=0.01, max_batched_tokens=11)
    served = run(requests([0.0, 0.5], [1, 25], [6, 2]), times)
    # The second joins at the boundary at 1.01 s; ten tokens a step beside one sequence: 10 + 10 + 5.
    assert served.admitted_s[1] == pytest.approx(1.01)
    assert served.first_s[1] == pytest.approx(1.01 + 1.1 + 1.1 + 1.05)


def test_no_prompt_has_more_of_a_step_than_one_rank_reads():
    times = replace(textbook_step_times(1.0, 2, prefill_s_per_token=0.01, max_batched_tokens=40), max_prompt_tokens=10)
    served = run(requests([0.0, 0.0], [25, 12], [2, 3]), times)
    # 10 + 10 tokens, 10 + 2, which ends the second prompt, and 5 beside its next token.
    assert served.first_s == pytest.approx([0.2 + 0.12 + 1.05, 0.2 + 0.12])
    assert served.done_s == pytest.approx([1.37 + 1.0, 1.37 + 1.0])
    # Another prompt joins while the first is read.
    served = run(requests([0.0, 0.05], [45, 5], [1, 1]), times)
    assert served.first_s == pytest.approx([0.45 + 0.05, 0.1 + 0.15])


@pytest.mark.parametrize("exact", [False, True])
def test_ranks_wait_for_pages_that_another_one_still_reads(exact):
    # 1,280 tokens that two prompts begin with, 128 a step: nobody has a token before the tenth step.
    times = StepTimes(
        (0.0, 1.0, 1.0), (0.0,) * 3, 1.0, 0.0, 0.0, 160_000, max_batched_tokens=1024, max_prompt_tokens=128
    )
    none = np.zeros(2, int)
    load = Requests(np.zeros(2), np.full(2, 1281), np.full(2, 3), none, none, pages=[(1,), (1,)], page_blocks={1: 80})
    first, second = run(load, times, Policy(), exact=exact).first_s
    assert second == 10.0 and first == 12.0  # the other's token is decoded beside its last chunk


def test_what_one_rank_attends_to_is_shared_by_no_other():
    times = StepTimes((0.0, 1.0), (0.0, 0.0), 0.0, 0.0, 1e-3, 100_000, max_batched_tokens=400, max_prompt_tokens=100)
    # 100 tokens that attend to 50 in the mean; the context of four such prompts would take as long.
    assert run(requests([0.0], 100, 1), times).first_s[0] == pytest.approx(4 * 100 * 50 * 1e-3)


def test_time_alone_counts_the_steps_of_a_prompt_on_one_rank():
    times = StepTimes((0.5, 1.0), (0.0, 0.01), 0.25, 0.01, 1e-4, 100_000, max_batched_tokens=640, max_prompt_tokens=64)
    load = requests([0.0], 200, 50)
    assert Station(times, Policy()).alone_s(load.prompt_tokens, load.output_tokens) == pytest.approx(
        run(load, times).done_s
    )


def test_an_arrival_joins_at_the_next_step_boundary():
    served = run(requests([0.0, 3.2], 1, [10, 2]), SECOND_A_STEP)
    assert served.admitted_s[1] == pytest.approx(4.0)
    assert served.done_s[1] == pytest.approx(6.0)  # one step in which its prompt rides, one for its second token


def test_requests_of_the_same_moment_start_together():
    served = run(requests([1.0, 1.0, 1.0], 1, 3), SECOND_A_STEP)
    assert served.done_s.tolist() == [3.0, 3.0, 3.0]


def test_no_more_sequences_run_than_seats():
    served = run(requests([0.0, 0.0, 0.0], 1, 11), textbook_step_times(1.0, 2))
    assert served.done_s.tolist() == [10.0, 10.0, 20.0]


def test_exhausted_kv_preempts_the_last_admitted_who_recomputes():
    times = textbook_step_times(1.0, 2, prefill_s_per_token=0.1, kv_capacity_tokens=24, kv_block_tokens=1)
    served = run(requests([0.0, 0.0], 4, 14), times, Policy(watermark=0.0))
    assert served.totals.preemptions == 1
    assert served.preempted.tolist() == [0, 1]
    # Prompts 0.8 s; 12 tokens each fill the 24 blocks, so after 8 steps the second goes. The first ends 5 steps on.
    assert served.done_s[0] == pytest.approx(0.8 + 13)
    # Then 4 + 9 tokens are prefilled again, which gives its tenth token, and four more follow.
    assert served.done_s[1] == pytest.approx(0.8 + 13 + 1.3 + 4)


def test_swapping_costs_the_way_out_and_back_but_no_prefill():
    times = textbook_step_times(
        1.0, 2, prefill_s_per_token=0.1, kv_capacity_tokens=24, kv_block_tokens=1, swap_s_per_token=0.01
    )
    served = run(requests([0.0, 0.0], 4, 14), times, Policy(watermark=0.0, preemption=Preemption.SWAP))
    assert served.totals.preemptions == 1
    assert served.done_s[0] == pytest.approx(0.8 + 0.13 + 13)
    assert served.done_s[1] == pytest.approx(0.8 + 0.13 + 13 + 0.13 + 5)


def test_growth_reserved_at_admission_avoids_preemption():
    times = textbook_step_times(1.0, 2, kv_capacity_tokens=24, kv_block_tokens=1)
    served = run(requests([0.0, 0.0], 4, 14), times, Policy(watermark=0.0, growth_tokens=14))
    assert served.totals.preemptions == 0
    assert served.admitted_s.tolist() == [0.0, 13.0]


def test_a_better_rank_overtakes_in_the_queue_and_where_allowed_in_the_batch():
    load = requests([0.0, 0.5, 1.5], 1, 11, 0, [1, 1, 0], ("urgent", "batch"))
    times = textbook_step_times(1.0, 1)
    waits = run(load, times, Policy(priorities=(0, 1)))
    assert waits.done_s.tolist() == [10.0, 30.0, 20.0]
    takes = run(load, times, Policy(priorities=(0, 1), preempt_lower=True))
    assert takes.done_s[2] == pytest.approx(12.0)  # at the boundary at 2 s the first one leaves
    assert takes.totals.preemptions == 1


def test_chunked_reasoning_lets_a_short_request_in_at_a_checkpoint():
    load = requests([0.0, 1.0], 1, [101, 11])
    times = textbook_step_times(1.0, 1)
    assert run(load, times).done_s.tolist() == [100.0, 110.0]
    served = run(load, times, Policy(checkpoint_tokens=20, preemption=Preemption.SWAP))
    assert served.done_s.tolist() == [110.0, 29.0]  # it steps back with 20 tokens out, 19 s after its first
    alone = run(requests([0.0], 1, 101), times, Policy(checkpoint_tokens=20))
    assert alone.done_s.tolist() == [100.0]  # nobody waits: it goes on


def test_a_prefix_hit_skips_prefill_but_keeps_its_kv():
    times = textbook_step_times(1.0, 1, prefill_s_per_token=0.1, kv_block_tokens=10)
    assert run(requests([0.0], 100, 1), times, Policy(prefix_hit_ratio=0.5)).done_s[0] == pytest.approx(5.0)
    pages = [(1, 2, 3), (1, 2, 9), (1, 2, 3)]
    served = run(requests([0.0, 20.0, 40.0], 35, 1, pages=pages), times, Policy(prefix_page_tokens=10))
    assert (served.done_s - [0.0, 20.0, 40.0]).tolist() == pytest.approx([3.5, 1.5, 0.5])


def test_shared_pages_count_once_and_make_room_when_it_is_needed():
    times = textbook_step_times(1.0, 4, prefill_s_per_token=0.1, kv_block_tokens=10, kv_capacity_tokens=80)
    policy = Policy(prefix_page_tokens=10, watermark=0.0)
    shared = run(requests([0.0, 0.0, 0.0], 35, 4, pages=[(1, 2, 3)] * 3), times, policy)
    assert shared.admitted_s.tolist() == [0.0, 0.0, 0.0]  # 3 pages once and 3 blocks of their own
    apart = run(requests([0.0, 0.0, 0.0], 35, 4, pages=[(1, 2, 3), (4, 5, 6), (7, 8, 9)]), times, policy)
    assert apart.admitted_s[2] > 0.0
    # The first prompt's pages went when the second and third needed the room.
    prompts = [(1, *range(10 * kin, 10 * kin + 6)) for kin in (1, 2, 3, 1)]
    again = run(requests([0.0, 20.0, 40.0, 60.0], 75, 2, pages=prompts), times, policy)
    assert again.first_s[3] - 60.0 == pytest.approx(6.5)  # only page 1, which every request used


def test_compression_makes_room_and_reads_less():
    times = textbook_step_times(1.0, 4, step_s_per_context_token=0.1, kv_capacity_tokens=100, kv_block_tokens=1)
    half = compressed(times, 0.5)
    assert half.kv_capacity_tokens == 200
    assert run(requests([0.0], 10, 4), half).done_s[0] == pytest.approx(3 + 0.05 * (11 + 12 + 13))
    with pytest.raises(UserError, match="keeps 0"):
        compressed(times, 0)


def test_the_router_by_predicted_length_keeps_short_requests_from_behind_long_ones():
    load = requests([0.0, 0.1, 0.2, 0.3], 1, [101, 11, 11, 11])
    times = textbook_step_times(1.0, 1)
    served = run(load, times, Policy(replicas=2, routing=Routing.PREDICTED_LENGTH))
    assert served.replica.tolist() == [0, 1, 1, 1]
    turns = run(load, times, Policy(replicas=2, routing=Routing.ROUND_ROBIN))
    assert turns.replica.tolist() == [0, 1, 0, 1]
    assert outcome(served).tta_s[2] < outcome(turns).tta_s[2]


def test_a_request_that_could_never_fit_is_refused_at_once():
    times = textbook_step_times(1.0, 2, kv_capacity_tokens=160)
    with pytest.raises(UserError, match="request 2 of 2 needs 200 tokens of KV cache and a replica holds 160"):
        run(requests([0.0, 1.0], 100, [60, 100]), times)


def test_columns_that_contradict_each_other_are_refused():
    with pytest.raises(UserError, match="ascending"):
        requests([1.0, 0.0], 1, 1)
    with pytest.raises(UserError, match="at least 1 prompt token"):
        requests([0.0], 1, -5)
    with pytest.raises(UserError, match="thinking_tokens must lie"):
        requests([0.0], 1, 5, 5)
    with pytest.raises(UserError, match="2 ranks for 1 classes"):
        run(requests([0.0], 1, 1), SECOND_A_STEP, Policy(priorities=(0, 1)))
    with pytest.raises(UserError, match="max_batched_tokens 4 must exceed"):
        textbook_step_times(1.0, 4, max_batched_tokens=4)
    with pytest.raises(UserError, match="choose recompute"):
        unknown = replace(SECOND_A_STEP, swap_s_per_token=None)
        run(requests([0.0], 1, 1), unknown, Policy(preemption=Preemption.SWAP))
    with pytest.raises(UserError, match="watermark"):
        Policy(watermark=1.0)


def test_cutting_and_scaling_move_arrivals_only():
    load = requests([0.0, 10.0, 20.0, 30.0], [1, 2, 3, 4], 5)
    assert scaled_rate(load, 2.0).arrival_s.tolist() == [0.0, 5.0, 10.0, 15.0]
    cut = between(load, 10.0, 30.0)
    assert cut.arrival_s.tolist() == [0.0, 10.0]
    assert cut.prompt_tokens.tolist() == [2, 3]


def test_no_requests_make_an_empty_run():
    served = run(requests(np.zeros(0), 1, 1), SECOND_A_STEP)
    assert len(served.done_s) == 0
    assert served.totals.span_s == 0
