"""What a replica uses of its chips, by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.engine.architecture import parameters
from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Requests, steady
from capplan.engine.speculation import Speculation
from capplan.engine.usage import bandwidth_utilization, compute_utilization, flop_per_request, weights_read_share

ReplicaOf = Callable[..., Replica]


def test_the_arithmetic_of_a_request_by_hand(replica_of: ReplicaOf) -> None:
    # 8B Llama, 1,000 in and 100 out: 2 x 7.505e9 x 1,100 flop, and 4 x 32 x 128 flop a pair in 32 layers over
    # 1,000 x 1,001 / 2 pairs of the prompt and 100 x 1,050 of the output.
    replica = replica_of("llama-3.1-8b", layout=Layout(1))
    active = parameters(replica.work.architecture).active
    wanted = 2 * active * 1100 + 32 * 4 * 32 * 128 * (1000 * 1001 / 2 + 100 * 1050)
    assert float(flop_per_request(replica, Requests.of(1000.0, 100.0))) == pytest.approx(wanted, rel=1e-9)
    assert active == pytest.approx(7.505e9, rel=1e-3)


def test_a_cached_prefix_saves_its_arithmetic_but_the_rest_still_attends_to_it(replica_of: ReplicaOf) -> None:
    replica = replica_of("llama-3.1-8b", layout=Layout(1))
    whole, rest = (float(flop_per_request(replica, Requests.of(8000.0, 1.0, cached))) for cached in (0.0, 0.5))
    assert whole / 2 < rest < whole * 0.6


def test_a_small_batch_reads_memory_at_the_pace_of_its_kernels(replica_of: ReplicaOf) -> None:
    replica, requests = replica_of(bare=True), Requests.of(10.0, 1000.0)
    used = float(bandwidth_utilization(replica, requests, steady(replica, 1.0, requests)))
    assert 0.6 < used < 0.85  # 0.83 of the peak while weights are read, less in between


@pytest.mark.parametrize("stages", [1, 2, 4])
def test_pipeline_stages_read_their_weights_once_for_each_part_of_the_batch(replica_of: ReplicaOf, stages: int) -> None:
    """One sequence a stage: every GPU is as busy reading as the only GPU of a replica with one stage."""
    requests = Requests.of(10.0, 1000.0)
    flat, deep = (replica_of(layout=Layout(2, n), bare=True) for n in (1, stages))
    alone, shared = (
        float(bandwidth_utilization(r, requests, steady(r, batch, requests)))
        for r, batch in ((flat, 1.0), (deep, float(stages)))
    )
    assert shared == pytest.approx(alone, rel=0.08)  # the hops between stages, and half of the embedding


def test_several_tokens_from_one_reading_use_less_bandwidth_a_token(replica_of: ReplicaOf) -> None:
    requests, drafts = Requests.of(10.0, 1000.0), Speculation(3, 0.9, head_share=0.0)
    plain, drafted = replica_of(bare=True), replica_of(speculation=drafts, bare=True)
    of = [float(bandwidth_utilization(r, requests, steady(r, 1.0, requests))) for r in (plain, drafted)]
    assert of[1] == pytest.approx(of[0], rel=0.1)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([("llama-3.1-8b", 1), ("deepseek-r1", 16), ("gpt-oss-120b", 2)]),
    st.floats(1, 30_000),
    st.floats(2, 5_000),
    st.floats(0.01, 500),
)
def test_no_utilization_leaves_nought_to_one(
    replica_of: ReplicaOf, which: tuple[str, int], prompt: float, output: float, batch: float
) -> None:
    replica, requests = replica_of(which[0], layout=Layout(which[1])), Requests.of(prompt, output)
    state = steady(replica, batch, requests)
    memory = float(bandwidth_utilization(replica, requests, state))
    compute = float(compute_utilization(replica, requests, state))
    assert 0 <= memory <= 1 and np.isfinite(compute)
    assert 0 < compute < 2.0  # of the bf16 peak, and fp8 has twice that


@pytest.mark.parametrize("stages", [1, 2])
def test_a_prefill_step_reads_each_weight_once_in_every_stage_by_hand(replica_of: ReplicaOf, stages: int) -> None:
    replica = replica_of(layout=Layout(4, stages), weights="bf16")
    held = float(replica.memory.weight_bytes)
    assert float(weights_read_share(replica, 0.5)) == pytest.approx(held * stages / (0.5 * 3.35e12))
    assert float(weights_read_share(replica, 1e-6)) == 1.0


def test_what_follows_a_cached_half_attends_to_all_of_it_by_hand(replica_of: ReplicaOf) -> None:
    replica = replica_of("llama-3.1-8b", layout=Layout(1))
    active = parameters(replica.work.architecture).active
    pairs = 8000 * 8001 / 2 - 4000 * 4001 / 2 + 100 * 8050
    wanted = 2 * active * 4100 + 32 * 4 * 32 * 128 * pairs
    assert float(flop_per_request(replica, Requests.of(8000.0, 100.0, 0.5))) == pytest.approx(wanted, rel=1e-9)


def test_nothing_is_read_faster_than_the_memory_is(replica_of: ReplicaOf) -> None:
    replica, requests = replica_of(), Requests.of(10.0, 1000.0)
    state = replace(steady(replica, 1.0, requests), itl_s=np.array(1e-9))
    assert float(bandwidth_utilization(replica, requests, state)) == 1.0
