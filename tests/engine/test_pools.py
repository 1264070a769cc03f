"""What a replica that only reads prompts does, and one that only writes answers, by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from capplan.engine.disaggregated import Pools, batched_per_s, closed_loop, decoding, prefilling, sending_s
from capplan.engine.layout import Layout
from capplan.engine.point import Pool
from capplan.engine.runs import prefill_alone_s
from capplan.engine.serving import Replica, Requests, decode_step_s, most_sequences

ReplicaOf = Callable[..., Replica]
REQUESTS = Requests.of(2000.0, 301.0)


def with_network(replica: Replica, bytes_per_s: float) -> Replica:
    return replace(replica, rates=replace(replica.rates, inter_node_bytes_per_s=bytes_per_s))


def test_prompts_are_read_together_as_far_as_a_step_takes_them(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    assert replica.profile.max_batched_tokens == 8192  # four prompts of 2,000
    assert float(batched_per_s(replica, REQUESTS)) == pytest.approx(4 / float(prefill_alone_s(replica, 4.0, REQUESTS)))
    long = Requests.of(20_000.0, 10.0)
    assert float(batched_per_s(replica, long)) == pytest.approx(1 / float(prefill_alone_s(replica, 1.0, long)))
    ranks = replica_of("deepseek-r1", layout=Layout(1, 2, 8, 8))
    assert float(batched_per_s(ranks, REQUESTS)) == pytest.approx(32 / float(prefill_alone_s(ranks, 32.0, REQUESTS)))
    # Of prompts that take several steps, each rank reads one.
    assert float(batched_per_s(ranks, long)) == pytest.approx(8 / float(prefill_alone_s(ranks, 8.0, long)))


def test_a_prefill_replica_is_as_fast_as_its_gpus_or_its_network_cards(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    does = prefilling(replica, REQUESTS)
    assert float(does.own_s) == pytest.approx(float(prefill_alone_s(replica, 1.0, REQUESTS)))
    assert float(does.most_per_s) == pytest.approx(float(batched_per_s(replica, REQUESTS)))
    assert float(does.transfer_s) == pytest.approx(2000 * 163_840 / 2 / 45e9)  # half of the heads on each of two
    assert does.arrival_s == replica.profile.overheads.arrival_s and float(does.bend) == 0.0
    slow = prefilling(with_network(replica, 1e9), REQUESTS)
    assert float(slow.most_per_s) == pytest.approx(1e9 / (2000 * 163_840 / 2))
    assert float(slow.own_s) == float(does.own_s)
    # Eight ranks send eight prompts at once, each over its own card.
    ranks = with_network(replica_of("deepseek-r1", layout=Layout(1, 2, 8, 8)), 1e7)
    assert float(prefilling(ranks, REQUESTS).most_per_s) == pytest.approx(8 / float(sending_s(ranks, REQUESTS)))


def test_samples_that_fork_are_read_and_sent_once(replica_of: ReplicaOf) -> None:
    replica = with_network(replica_of(), 1e8)
    forked = replace(REQUESTS, prefill_tokens=500.0, forks=4.0)
    does, whole = prefilling(replica, forked), prefilling(replica, REQUESTS)
    assert float(does.own_s) == pytest.approx(float(prefill_alone_s(replica, 4.0, forked)))
    assert float(does.most_per_s) == pytest.approx(4 * float(whole.most_per_s))


def test_a_prefill_replica_holds_prompts_and_no_answers(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    prompts = replace(REQUESTS, output_tokens=1.0, held_tokens=2000.0, longest_tokens=2000.0)
    assert float(prefilling(replica, REQUESTS).fits) == float(most_sequences(replica, prompts))
    assert float(prefilling(replica, replace(REQUESTS, beams=4.0)).fits) == float(most_sequences(replica, prompts))
    short = replace(Requests.of(20.0, 3000.0), beams=4.0)
    assert float(prefilling(replica, short).fits) == replica.profile.max_sequences
    longest = replace(REQUESTS, weighted_prompt_tokens=10e6)
    assert float(prefilling(replica, longest).fits) == 0.0


def test_unequal_prompts_are_read_at_the_length_that_their_tokens_see(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    does = prefilling(replica, replace(REQUESTS, weighted_prompt_tokens=6000.0))
    long_s, usual_s = (float(prefill_alone_s(replica, 1.0, replace(REQUESTS, prompt_tokens=n))) for n in (6e3, 2e3))
    assert float(does.own_s) == pytest.approx(long_s)
    assert float(does.bend) == pytest.approx((long_s - usual_s) * 6000 / 4000 / long_s)
    together = prefill_alone_s(replica, 4.0, replace(REQUESTS, prompt_tokens=6000.0))
    assert float(does.most_per_s) == pytest.approx(4 / float(together))


def test_a_prefill_replica_at_a_rate_has_the_cycle_of_a_step_and_the_prompts_in_it(replica_of: ReplicaOf) -> None:
    does = prefilling(replica_of(), REQUESTS)
    state = does.at(np.array([0.0, 2.0]))
    each_s = 1 / float(does.most_per_s)
    assert state.decoding.tolist() == pytest.approx([0.0, 2 * float(does.own_s)])
    assert state.prefill_s.tolist() == pytest.approx([each_s] * 2)
    assert state.decode_s.tolist() == pytest.approx([float(does.own_s) - each_s] * 2)
    assert state.mixed_s.tolist() == state.own_prefill_s.tolist() == pytest.approx([float(does.own_s)] * 2)
    assert state.ttft_s.tolist() == pytest.approx([float(does.own_s) + float(does.arrival_s)] * 2)
    assert state.arrival_s.tolist() == [float(does.arrival_s)] * 2
    assert state.requests_per_s.tolist() == [0.0, 2.0]
    assert state.prefill_share.tolist() == [1.0, 1.0]
    assert state.itl_s.tolist() == state.queue_s.tolist() == state.bend.tolist() == [0.0, 0.0]
    slower = replace(does, most_per_s=0.5 / does.own_s)  # the network holds prompts up longer than the GPUs do
    assert float(slower.at(1.0).decode_s) == 0.0


def test_prompts_of_several_steps_are_joined_in_each_of_them(replica_of: ReplicaOf) -> None:
    """Two and a half steps of one rank each, while the seven others begin with prompts of their own at every step."""
    ranks = replica_of("deepseek-r1", "h200-sxm", Layout(1, 1, 8, 8))
    long = Requests.of(2.5 * ranks.profile.max_batched_tokens, 10.0)
    does = prefilling(ranks, long)
    assert (float(does.steps), float(does.together)) == (2.5, 8.0)
    assert float(does.own_s) == pytest.approx(float(prefill_alone_s(ranks, 1.0, long)))
    beside_s = (float(does.own_s) - 1.0 / float(does.most_per_s)) / 2.5
    assert float(does.at(0.1).decode_s) == pytest.approx(beside_s)
    shared = prefilling(ranks, replace(long, forks=5.0, prefill_tokens=long.prefill_tokens / 5))
    assert float(shared.steps) == 2.5 and float(prefilling(ranks, REQUESTS).steps) == 1.0


def test_a_decode_replica_holds_as_many_as_its_answers_take_time(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    state = decoding(replica, np.array([0.0, 16.0]), REQUESTS, arrival_s=0.25)
    step_s = float(decode_step_s(replica, 16.0, REQUESTS))
    assert float(state.itl_s[1]) == float(state.decode_s[1]) == float(state.mixed_s[1]) == step_s
    assert float(state.requests_per_s[1]) == pytest.approx(16 / (300 * step_s))
    assert float(state.ttft_s[1]) == pytest.approx(0.25 + 1.5 * step_s)
    assert state.arrival_s.tolist() == [0.25, 0.25] and float(state.decoding[1]) == 16.0
    none = (state.prefill_share, state.prefill_s, state.own_prefill_s, state.queue_s)
    assert all(values.tolist() == [0.0, 0.0] for values in none)
    assert float(state.requests_per_s[0]) > 0  # nearly none, so that nothing is divided by it
    single = decoding(replica, 4.0, Requests.of(2000.0, 1.0))
    assert float(single.arrival_s) == 0.0
    assert float(single.requests_per_s) == pytest.approx(4.0 / float(single.decode_s))


def test_a_lone_client_waits_for_its_prompt_its_cache_and_its_tokens(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    state = closed_loop(Pools(replica, replica, 50.0, 1.0), np.array(1.0), np.array(10.0), REQUESTS)
    own_s = float(prefill_alone_s(replica, 1.0, REQUESTS) + sending_s(replica, REQUESTS))
    assert float(state.own_prefill_s) == float(state.prefill_s) == pytest.approx(own_s)
    assert float(state.arrival_s) == replica.profile.overheads.arrival_s
    assert float(state.queue_s) == pytest.approx(0.0, abs=own_s / 50)
    assert float(state.ttft_s) == pytest.approx(float(state.arrival_s + own_s + state.queue_s))
    assert float(state.requests_per_s) == pytest.approx(1 / (own_s + 300 * float(state.itl_s)), rel=1e-3)
    assert float(state.decoding) == pytest.approx(float(state.requests_per_s) * 300 * float(state.itl_s), rel=1e-6)


def test_a_prefill_pool_half_busy_makes_prompts_wait_as_in_md1(replica_of: ReplicaOf) -> None:
    replica, clients = replica_of(), np.array(24.0)
    state = closed_loop(Pools(replica, replica, 1.0, 1.0), clients, np.array(100.0), REQUESTS)
    busy = float(state.requests_per_s / batched_per_s(replica, REQUESTS))
    assert 0.1 < busy < 0.9
    assert float(state.queue_s) == pytest.approx(float(state.own_prefill_s) * busy / (2 * (1 - busy)), rel=0.02)


def test_clients_beyond_what_both_pools_take_queue_by_little(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    few, many = (closed_loop(Pools(replica, replica, 1.0, 2.0), np.array(n), np.array(8.0), REQUESTS)
                 for n in (64.0, 128.0))  # fmt: skip
    assert float(many.requests_per_s) == pytest.approx(float(few.requests_per_s))
    assert float(few.decoding) == pytest.approx(16.0)  # both of the decode replicas are full
    assert float(many.queue_s - few.queue_s) == pytest.approx(64 / float(few.requests_per_s))
    assert float(many.ttft_s - few.ttft_s) == pytest.approx(64 / float(few.requests_per_s))


def test_a_pool_has_the_gpus_of_all_its_replicas() -> None:
    pool = Pool(tp=2, pp=3, ep=8, attn_dp=4, replicas=5)
    assert (pool.gpus_per_replica, pool.gpus) == (24, 120)
