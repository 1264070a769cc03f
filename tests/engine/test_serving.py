"""Laws of the steady state: Little, capacity, and what each resource may and may not do."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.engine.attention import recurrent_s
from capplan.engine.layout import Layout
from capplan.engine.rates import Rates
from capplan.engine.runs import burst, static_batch
from capplan.engine.serving import (
    Replica,
    Requests,
    at_limit,
    closed_loop,
    decode_step_s,
    most_sequences,
    open_loop,
    steady,
)
from capplan.engine.solve import bisect
from capplan.engine.step import step

ReplicaOf = Callable[..., Replica]
MODELS = st.sampled_from([
    ("llama-3.1-8b", 1), ("llama-3.3-70b", 2), ("gpt-oss-120b", 2), ("deepseek-r1", 16), ("gemma-3-27b", 1)
])  # fmt: skip
prompts = st.floats(1, 60_000)
outputs = st.floats(1, 20_000)
clients = st.floats(1, 2_000)
quick = settings(max_examples=40, deadline=None)


def faster(replica: Replica, compute: float = 1.0, memory: float = 1.0) -> Replica:
    rates: Rates = replica.rates
    peaks = {dtype: peak * compute for dtype, peak in rates.peak_flop_per_s.items()}
    changed = replace(rates, peak_flop_per_s=peaks,
                      memory_bandwidth_bytes_per_s=rates.memory_bandwidth_bytes_per_s * memory)  # fmt: skip
    return replace(replica, rates=changed)


@quick
@given(MODELS, prompts, outputs, clients)
def test_every_closed_loop_obeys_little(
    replica_of: ReplicaOf, which: tuple[str, int], prompt: float, output: float, count: float
) -> None:
    requests = Requests.of(prompt, output)
    state = closed_loop(replica_of(which[0], layout=Layout(which[1])), count, requests)
    time_s = state.ttft_s + max(output - 1.0, 0.0) * state.itl_s
    assert float(state.requests_per_s * time_s) == pytest.approx(count, rel=0.02)


@quick
@given(MODELS, prompts, st.floats(1, 5_000), clients)
def test_a_replica_never_starts_more_prompts_than_it_can_prefill(
    replica_of: ReplicaOf, which: tuple[str, int], prompt: float, output: float, count: float
) -> None:
    state = steady(replica_of(which[0], layout=Layout(which[1])), count, Requests.of(prompt, output))
    assert float(state.requests_per_s * state.prefill_s) <= 1.0 + 1e-9


@quick
@given(MODELS, prompts, st.floats(10, 20_000), clients, st.floats(1, 10))
def test_more_bandwidth_never_raises_itl(
    replica_of: ReplicaOf, which: tuple[str, int], prompt: float, output: float, count: float, factor: float
) -> None:
    replica = replica_of(which[0], layout=Layout(which[1]))
    requests = Requests.of(prompt, output)
    slow, fast = (steady(one, count, requests).itl_s for one in (replica, faster(replica, memory=factor)))
    # Faster reading hides less of a prompt's arithmetic: a shade more where hardly anything is decoded.
    assert float(fast) <= float(slow) * 1.005


@quick
@given(MODELS, prompts, outputs, clients, st.floats(1, 10))
def test_more_compute_never_raises_ttft(
    replica_of: ReplicaOf, which: tuple[str, int], prompt: float, output: float, count: float, factor: float
) -> None:
    replica = replica_of(which[0], layout=Layout(which[1]))
    requests = Requests.of(prompt, output)
    slow, fast = (open_loop(one, 0.1, count, requests).ttft_s for one in (replica, faster(replica, compute=factor)))
    assert float(fast) <= float(slow) * (1 + 1e-6)


@quick
@given(MODELS, st.floats(1, 40_000), st.floats(1, 1.5), st.floats(2, 5_000), st.floats(1, 500))
def test_a_longer_prompt_never_lowers_ttft(
    replica_of: ReplicaOf, which: tuple[str, int], prompt: float, factor: float, output: float, count: float
) -> None:
    replica = replica_of(which[0], layout=Layout(which[1]))
    short, long = (float(steady(replica, count, Requests.of(p, output)).ttft_s) for p in (prompt, prompt * factor))
    # Attention kernels reach a larger share of the peak on longer prompts, which may win back a little.
    assert long >= short * 0.999


@quick
@given(MODELS, st.floats(1, 200_000), st.floats(1, 10), clients)
def test_a_longer_context_never_lowers_itl(
    replica_of: ReplicaOf, which: tuple[str, int], context: float, factor: float, count: float
) -> None:
    replica, requests = replica_of(which[0], layout=Layout(which[1])), Requests.of(1000.0, 1000.0)
    short, long = (
        float(decode_step_s(replica, count, replace(requests, context_tokens=tokens)))
        for tokens in (context, context * factor)
    )
    assert long >= short * (1 - 1e-9)


@quick
@given(MODELS, prompts, st.floats(2, 5_000))
def test_more_concurrency_never_lowers_throughput_before_the_cache_is_full(
    replica_of: ReplicaOf, which: tuple[str, int], prompt: float, output: float
) -> None:
    replica, requests = replica_of(which[0], layout=Layout(which[1])), Requests.of(prompt, output)
    fit = max(float(most_sequences(replica, requests)), 1.0)
    rates = steady(replica, np.geomspace(0.01, fit, 40), requests).requests_per_s
    # Two tokens a request and thousands of requests: the last few per mille are lost to their bookkeeping.
    assert (rates >= np.maximum.accumulate(rates) * 0.99).all()


def test_more_clients_than_fit_change_no_throughput(replica_of: ReplicaOf) -> None:
    replica, requests = replica_of(), Requests.of(2000.0, 500.0)
    fit = float(most_sequences(replica, requests))
    served = [float(open_loop(replica, rate, fit, requests).requests_per_s) for rate in (1e3, 1e4)]
    assert served[0] == served[1] == pytest.approx(float(steady(replica, fit, requests).requests_per_s))


@quick
@given(MODELS, prompts, st.floats(2, 5_000), st.floats(1e-3, 1.0))
def test_below_saturation_an_open_loop_serves_what_arrives(
    replica_of: ReplicaOf, which: tuple[str, int], prompt: float, output: float, part: float
) -> None:
    replica, requests = replica_of(which[0], layout=Layout(which[1])), Requests.of(prompt, output)
    fit = max(float(most_sequences(replica, requests)), 1.0)
    rate = part * float(steady(replica, fit, requests).requests_per_s)
    assert float(open_loop(replica, rate, fit, requests).requests_per_s) == pytest.approx(rate, rel=0.01, abs=1e-4)


def test_a_step_adds_its_parts_by_hand(replica_of: ReplicaOf) -> None:
    """A 70B Llama in fp8 on two H100, 32 sequences at 2,000 tokens: weights 35 GB at 0.83 of 3.35 TB/s are 12.5 ms."""
    replica = replica_of(bare=True)
    parts = step(replica.work, replica.rates, replica.profile.overheads, 32.0, 2000.0)
    weights_s = 80 * (8192 * 144 * 128 + 3 * 8192 * 28672) / 2 / (0.828 * 3.35e12)
    head_s = 128256 * 8192 * 2 / 2 / (0.874 * 3.35e12)
    fixed_s = 80 * 4 * 5.63e-6
    assert float(parts.gemm_s) == pytest.approx(weights_s + head_s + fixed_s, rel=0.05)  # activations, rounding
    # 32 x 2,000 x 163,840 B halved by two GPUs at 0.78 of 3.35 TB/s, and 80 x (13.41 us + 32 x 4 heads x 23.25 ns).
    cache_s = 32 * 2000 * 163_840 / 2 / (0.78 * 3.35e12) + 80 * (13.41e-6 + 32 * 4 * 23.25e-9)
    assert float(parts.attention_s) == pytest.approx(cache_s, rel=1e-6)
    # Two all-reduces a layer of 32 x 8192 x 2 B = 524 kB between two GPUs.
    one_s = 4.2e-6 + 79.37e-6 * 524_288 / (524_288 + 50e6) + 524_288 / 323.2e9
    assert float(parts.collective_s) == pytest.approx(160 * one_s, rel=1e-6)
    assert float(parts.moe_s) == float(parts.overhead_s) == 0.0
    assert float(parts.total_s) == pytest.approx(
        float(parts.gemm_s + parts.attention_s + parts.collective_s), rel=1e-12
    )


def test_a_prompt_is_prefilled_causally_by_hand(replica_of: ReplicaOf) -> None:
    # 8192 tokens of an 8B Llama: 8192 x 8193 / 2 pairs x 4 x 32 x 128 flop x 32 layers at 0.604 of 989 TFLOP/s.
    replica = replica_of("llama-3.1-8b", layout=Layout(1), bare=True)
    parts = step(replica.work, replica.rates, replica.profile.overheads, 0.0, 1.0, 8192.0, 8192.0)
    flop = 32 * 8192 * 8193 / 2 * 4 * 32 * 128
    assert float(parts.attention_s) == pytest.approx(flop / (0.604 * 989e12) + 32 * 13e-6, rel=1e-6)


def test_tokens_behind_a_cached_prefix_attend_to_it(replica_of: ReplicaOf) -> None:
    replica = replica_of("llama-3.1-8b", layout=Layout(1), bare=True)

    def attention_s(new: float, past: float) -> float:
        parts = step(replica.work, replica.rates, replica.profile.overheads, 0.0, 1.0, new, 8192.0, past=past)
        return float(parts.attention_s) - 32 * 13e-6

    # The last tenth of a prompt has 19 % of its pairs, not 10 %.
    assert attention_s(819.2, 8192 * 0.9) / attention_s(8192, 0) == pytest.approx(0.19, abs=0.001)


def test_sequences_of_other_attention_ranks_cost_a_rank_nothing(replica_of: ReplicaOf) -> None:
    one, eight = (replica_of("deepseek-r1", layout=Layout(1, 1, n, n)) for n in (1, 8))
    alone, shared = (step(r.work, r.rates, r.profile.overheads, s, 1000.0) for r, s in ((one, 16.0), (eight, 128.0)))
    assert float(shared.overhead_s) == pytest.approx(float(alone.overhead_s))
    assert float(shared.attention_s) == pytest.approx(float(alone.attention_s))


def test_two_stages_take_the_time_of_all_layers_with_half_of_the_batch(replica_of: ReplicaOf) -> None:
    flat, deep = replica_of(layout=Layout(2), bare=True), replica_of(layout=Layout(2, 2), bare=True)
    half, whole = (step(r.work, r.rates, r.profile.overheads, s, 1000.0) for r, s in ((flat, 16.0), (deep, 32.0)))
    assert float(whole.gemm_s) == pytest.approx(float(half.gemm_s))
    assert float(whole.attention_s) == pytest.approx(float(half.attention_s))
    assert float(whole.collective_s) > float(half.collective_s)  # the hops


def test_samples_of_one_prompt_share_its_prefill_and_each_waits_for_all_of_it(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    alone = Requests.of(8000.0, 500.0)
    forked = replace(alone, prefill_tokens=1000.0, forks=8.0)
    one, eight = (steady(replica, 16.0, requests) for requests in (alone, forked))
    assert float(eight.own_prefill_s) == pytest.approx(float(one.own_prefill_s), rel=1e-6)
    assert float(eight.prefill_s) < float(one.prefill_s) / 4
    assert float(forked.cached_tokens) == 0.0


def test_arrays_give_what_their_elements_give(replica_of: ReplicaOf) -> None:
    prompt, output, count = np.array([100.0, 4000.0, 30_000.0]), np.array([1.0, 300.0, 2.0]), np.array([1.0, 64.0, 8.0])
    replica = replica_of()
    together = closed_loop(replica, count, Requests.of(prompt, output))
    for i in range(3):
        single = closed_loop(replica, float(count[i]), Requests.of(float(prompt[i]), float(output[i])))
        for name in ("ttft_s", "itl_s", "requests_per_s", "decoding"):
            assert float(getattr(together, name)[i]) == pytest.approx(float(getattr(single, name)), rel=1e-9)


def test_a_static_batch_ends_after_its_prefill_and_its_steps(replica_of: ReplicaOf) -> None:
    replica, requests = replica_of(), Requests.of(1000.0, 101.0)
    run = static_batch(replica, 8.0, 64.0, requests)
    assert float(run.seconds) == pytest.approx(float(run.ttft_s + 100 * run.itl_s))
    twice = static_batch(replica, 128.0, 64.0, requests)
    assert float(twice.seconds) == pytest.approx(2 * float(static_batch(replica, 64.0, 64.0, requests).seconds))


@quick
@given(st.floats(1, 5_000), st.floats(2, 2_000), st.floats(1, 300), st.floats(0, 2_000))
def test_a_burst_of_more_requests_never_ends_sooner(
    replica_of: ReplicaOf, prompt: float, output: float, count: float, more: float
) -> None:
    replica, requests = replica_of(), Requests.of(prompt, output)
    ends = [float(burst(replica, n, 64.0, requests).seconds) for n in (count, count + more)]
    assert ends[0] <= ends[1] * (1 + 1e-9)


@given(st.floats(0.1, 100), st.floats(0.0, 10.0))
def test_bisection_finds_the_root_of_a_rising_line(slope: float, root: float) -> None:
    found = bisect(lambda x: slope * (x - root), np.array(0.0), np.array(10.0))
    assert float(found) == pytest.approx(root, abs=1e-7)


def test_the_indexer_reads_the_whole_past_in_fp8_by_hand(replica_of: ReplicaOf) -> None:
    """DeepSeek-V3.2 on 16 H100: 31 layers without their indexer save its keys and its 64 heads of 128."""
    replica = replica_of("deepseek-v3.2", layout=Layout(16), bare=True, kv="bf16")
    (group,) = replica.work.architecture.attention
    assert group.index is not None and group.layers == 61
    fewer = replace(replica.work.architecture, attention=(replace(group, index=replace(group.index, layers=30)),))

    def saved_s(*load: float) -> float:
        every, some = (
            float(step(replace(replica.work, architecture=arch), replica.rates, replica.profile.overheads,
                       *load).attention_s)
            for arch in (replica.work.architecture, fewer)
        )  # fmt: skip
        return every - some

    # Decode, 8 sequences at 100,000: 102.4 MB at 0.874 of 3.35 TB/s beside 13.1 GFLOP at 0.811 of 1979 TFLOP/s.
    keys = 8 * 100_000
    read_s, scored_s = keys * 128 / (0.874 * 3.35e12), keys * 2 * 64 * 128 / (0.811 * 1979e12)
    assert saved_s(8.0, 100_000.0) == pytest.approx(31 * np.hypot(read_s, scored_s), rel=1e-6)
    # Prefill of 8,192: every pair of the prompt is scored once.
    pairs = 8192 * 8193 / 2
    assert saved_s(0.0, 1.0, 8192.0, 8192.0) == pytest.approx(31 * pairs * 2 * 64 * 128 / (0.811 * 1979e12), rel=1e-6)


@quick
@given(st.floats(100, 20_000), st.floats(2, 2_000), st.floats(0.3, 10.0), st.floats(0.02, 0.2))
def test_a_rate_raised_to_its_limits_stops_at_the_first_of_them(
    replica_of: ReplicaOf, prompt: float, output: float, ttft_s: float, tpot_s: float
) -> None:
    replica, requests, most = replica_of(), Requests.of(prompt, output), 256.0
    edge = at_limit(replica, ttft_s, tpot_s, most, requests)
    over = max(float(edge.ttft_s) / ttft_s, float(edge.itl_s) / tpot_s)
    if float(edge.decoding) > 1.01:
        assert over <= 1.001
    if 1.01 < float(edge.decoding) < 0.99 * most:
        assert over == pytest.approx(1.0, rel=0.01)
        beyond = steady(replica, 1.05 * edge.decoding, requests)
        assert max(float(beyond.ttft_s) / ttft_s, float(beyond.itl_s) / tpot_s) > 1.0


def test_no_limit_is_none(replica_of: ReplicaOf) -> None:
    replica, requests = replica_of(), Requests.of(1000.0, 500.0)
    assert float(at_limit(replica, np.inf, np.inf, 64.0, requests).decoding) == pytest.approx(64.0)
    assert float(at_limit(replica, 1e-9, 1e-9, 64.0, requests).decoding) == pytest.approx(1.0)


def test_a_recurrent_state_is_read_and_written_once_a_step_by_hand(replica_of: ReplicaOf) -> None:
    # Nemotron 3 Nano: 48.2 MB a sequence, there and back for 10 of them at 0.874 of 3.35 TB/s; 4 kernels of 3.8 us in
    # each of 23 layers.
    replica = replica_of("nemotron-3-nano-30b-a3b", layout=Layout(1), bare=True)
    seconds = 2 * 10 * 48_234_496 / (0.874 * 3.35e12) + 23 * 4 * 3.8e-6
    assert float(recurrent_s(replica.work, replica.rates, 10.0)) == pytest.approx(seconds, rel=1e-6)
    assert recurrent_s(replica_of().work, replica.rates, 10.0) == 0.0
