"""Each operator by hand, and against the measured figures it was fitted to (aiconfigurator-core 0.12.0, H100 SXM)."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog.accelerators import accelerator
from capplan.catalog.operators import Collective, DecodeAttention, MlaDecode, Roofline, operators
from capplan.engine.collectives import all_to_all_s, collectives_s
from capplan.engine.layout import Layout
from capplan.engine.rates import rates
from capplan.engine.roofline import (
    collective_s,
    decode_attention_s,
    experts_hit,
    gemm_s,
    mla_decode_s,
    soft_max,
)
from capplan.engine.serving import Replica

ReplicaOf = Callable[..., Replica]
H100 = operators("h100-sxm")
PEAK, BANDWIDTH = 989e12, 3.35e12
positive = st.floats(1e-9, 1e9)


@given(positive, positive, st.sampled_from([1.0, 1.5, 2.0, 4.0]))
def test_the_rounded_roofline_lies_between_the_slower_cost_and_the_sum_of_both(a: float, b: float, p: float) -> None:
    assert max(a, b) * (1 - 1e-12) <= soft_max(a, b, p) <= (a + b) * (1 + 1e-12)


@given(positive, positive, st.floats(1e-3, 1e3), st.sampled_from([1.0, 2.0, 3.1]))
def test_the_rounded_roofline_scales_with_its_costs(a: float, b: float, factor: float, p: float) -> None:
    assert soft_max(a * factor, b * factor, p) == pytest.approx(factor * soft_max(a, b, p), rel=1e-9)


def test_a_cost_of_nothing_is_nothing() -> None:
    assert soft_max(np.zeros(2), np.zeros(2), 2.0).tolist() == [0.0, 0.0]


def test_a_gemm_by_hand() -> None:
    # 100 x (4096 x 8192): 6.711 GFLOP at 50 TFLOP/s is 134.2 us. Moved: 33.55 MB of weights, 0.82 MB of outputs and
    # (2 + 1) x 0.41 MB of inputs, 36.0 MB in all, 36.0 us at 1 TB/s. p = 1 adds them and 5 us to launch.
    kernel = Roofline(compute=0.5, memory=0.5, fixed_s=5e-6, sharpness=1.0, activation_bytes=1.0)
    moved = 4096 * 8192 + 100 * (2 * 4096 + 3 * 8192)
    wanted = 2 * 100 * 4096 * 8192 / 50e12 + moved / 1e12 + 5e-6
    assert gemm_s(100, 4096, 8192, 1.0, kernel, 100e12, 2e12) == pytest.approx(wanted, rel=1e-12)
    assert wanted * 1e6 == pytest.approx(176.05, abs=0.01)


@pytest.mark.parametrize("tokens", [1, 16, 64])
def test_a_weight_bound_gemm_reads_at_four_fifths_of_the_memory_bandwidth(tokens: int) -> None:
    seconds = gemm_s(tokens, 8192, 8192, 2.0, H100.gemm["bf16"], PEAK, BANDWIDTH)
    assert 2 * 8192 * 8192 / (seconds - H100.gemm["bf16"].fixed_s) / BANDWIDTH == pytest.approx(0.83, abs=0.06)


@pytest.mark.parametrize("tokens", [2048, 8192])
def test_a_large_gemm_reaches_three_quarters_of_the_peak(tokens: int) -> None:
    seconds = gemm_s(tokens, 8192, 8192, 2.0, H100.gemm["bf16"], PEAK, BANDWIDTH)
    assert 0.72 < 2 * tokens * 8192 * 8192 / seconds / PEAK < 0.85


def test_fp8_is_faster_than_bf16_and_short_of_twice() -> None:
    wide, narrow = (
        gemm_s(8192, 8192, 8192, size, H100.gemm[dtype], peak, BANDWIDTH)
        for dtype, size, peak in (("bf16", 2.0, PEAK), ("fp8", 1.0, 2 * PEAK))
    )
    assert 1.55 < wide / narrow < 1.95


def test_decode_attention_by_hand() -> None:
    # 10 us + 32 sequences x 8 heads x 20 ns + 1 GB at 2.7 TB/s.
    kernel = DecodeAttention(memory=0.9, fixed_s=10e-6, per_kv_head_s=20e-9)
    assert decode_attention_s(32, 8, 1e9, kernel, 3e12) * 1e6 == pytest.approx(10 + 5.12 + 370.370, abs=1e-2)


def test_latent_attention_by_hand() -> None:
    # Arithmetic 3 us, bytes 4 us: 5 us with p = 2; 10 us to launch and 8 sequences x 0.1 us.
    kernel = MlaDecode(compute=0.5, memory=0.5, fixed_s=10e-6, sharpness=2.0, per_sequence_s=1e-7)
    seconds = mla_decode_s(8, 3e-6 * 0.5e15, 4e-6 * 1e12, kernel, 1e15, 2e12)
    assert seconds * 1e6 == pytest.approx(5 + 10 + 0.8)


def test_one_token_hits_as_many_experts_as_it_picks_and_many_hit_all() -> None:
    assert float(experts_hit(1, 256, 8, 1.0)) == pytest.approx(256 * (1 - np.exp(-8 / 256)))  # 7.88
    assert float(experts_hit(1e4, 256, 8, 0.9)) == pytest.approx(256)


def test_a_collective_by_hand() -> None:
    link = Collective(fixed_s=5e-6, ramp_s=8e-6, half_bytes=1e6, bandwidth_bytes_per_s=200e9)
    assert collective_s(1e6, link) * 1e6 == pytest.approx(5 + 4 + 5)


def test_eight_h100_reduce_as_fast_as_measured() -> None:
    link = H100.collectives["all_reduce"][8]
    assert 3e-6 < collective_s(0, link) < 5e-6
    assert collective_s(256e3, link) == pytest.approx(10e-6, rel=0.15)
    assert 13e-6 < collective_s(1e6, link) < 26e-6
    assert 15e-6 < collective_s(1e6, H100.collectives["all_reduce_trtllm"][8]) < 26e-6
    assert 233e9 <= link.bandwidth_bytes_per_s <= 260e9


def test_slower_links_slow_what_grows_with_the_message_and_nothing_else() -> None:
    halved = {"like": "h100-sxm", "link": {"bandwidth": "225 GB/s"}}
    slow, fast = (
        rates(accelerator(gpu), "all_reduce").operators.collectives["all_reduce"][8] for gpu in (halved, "h100-sxm")
    )
    assert collective_s(0, slow) == collective_s(0, fast)
    for size in (1e5, 1e7):
        grown = (collective_s(size, one) - one.fixed_s for one in (slow, fast))
        assert next(grown) == pytest.approx(2 * next(grown))


def test_a_chip_on_pcie_does_not_reduce_at_the_speed_of_nvlink() -> None:
    card, module = (rates(accelerator(gpu), "all_reduce") for gpu in ("h100-pcie", "h100-sxm"))
    of = [one.operators.collectives["all_reduce"][8].bandwidth_bytes_per_s for one in (card, module)]
    assert of[0] / of[1] <= 64 / 450


def test_experts_on_other_nodes_are_reached_as_fast_as_deepep_reaches_them() -> None:
    """DeepEP's README: 128 tokens x 7168 in fp8 to 8 experts on 128 H800 take 192 us, their results in bf16 369 us."""
    h800 = rates(accelerator({"like": "h100-sxm", "link": {"bandwidth": "200 GB/s"}}), "all_reduce")
    there, back = (float(all_to_all_s(h800, np.asarray(128.0), 8, 128 * 7168 * size)) for size in (1.0, 2.0))
    assert there == pytest.approx(192e-6, rel=0.25)
    assert back == pytest.approx(369e-6, rel=0.25)


def test_experts_in_the_same_node_are_not_reached_over_the_network() -> None:
    one = rates(accelerator("h100-sxm"), "all_reduce")
    link = one.operators.collectives["all_to_all"][8]
    assert float(all_to_all_s(one, np.asarray(8.0), 8, 1e6)) == pytest.approx(collective_s(8e6, link))


@given(st.floats(1, 1e9), st.floats(1.0, 10.0))
def test_a_longer_message_never_takes_less_time(size: float, factor: float) -> None:
    for family in H100.collectives.values():
        for link in family.values():
            assert collective_s(size * factor, link) >= collective_s(size, link)


def test_a_token_crosses_once_to_every_node_that_holds_an_expert_of_it() -> None:
    """Two nodes, eight of 16 GPUs each: 2 (1 - 1/2^8) nodes are met, half of them the other one, at 1 GB/s."""
    slow = replace(rates(accelerator("h100-sxm"), "all_reduce"), inter_node_bytes_per_s=1e9)
    link = slow.operators.collectives["all_to_all"][8]
    met = 2 * (1 - 1 / 2**8) / 2
    assert float(all_to_all_s(slow, np.asarray(16.0), 8, 1e6)) == pytest.approx(2 * link.fixed_s + met * 1e6 / 1e9)
    assert float(all_to_all_s(slow, np.asarray(8.0), 8, 1e6)) == pytest.approx(collective_s(8e6, link))
    for gpus, table in ((2.0, 2), (4.0, 4)):  # no token goes to more GPUs than there are
        inside = slow.operators.collectives["all_to_all"][table]
        for size in (8.0, 1e6):
            there_s = float(all_to_all_s(slow, np.asarray(gpus), 8, size))
            assert there_s == pytest.approx(collective_s(gpus * size, inside))


def test_an_all_reduce_wider_than_its_table_starts_later_and_crosses_nodes_in_a_ring(replica_of: ReplicaOf) -> None:
    """16 GPUs of two nodes: one doubling more to start, and the message there and back over the network."""
    wide, node = (replica_of("llama-3.1-405b", layout=Layout(n)) for n in (16, 8))
    link = wide.rates.operators.collectives["all_reduce"][8]
    message = 64 * 16_384 * 2.0
    added = link.fixed_s + 2 * message / 45e9
    of = [float(collectives_s(one.work, one.rates, 64.0)) for one in (wide, node)]
    assert of[1] == pytest.approx(2 * 126 * float(collective_s(message, link)))
    assert of[0] - of[1] == pytest.approx(2 * 126 * added)
    for gpus in (16, 72):  # a node that holds them all, as a rack of GB200 does
        one_node = replace(wide.rates, node_gpus=gpus)
        assert float(collectives_s(wide.work, one_node, 64.0)) - of[1] == pytest.approx(2 * 126 * link.fixed_s)
    # What was measured for eight GPUs stands, whatever a node holds: eight GH200 reduce as eight H100 do.
    assert float(collectives_s(node.work, replace(node.rates, node_gpus=4), 64.0)) == of[1]


@pytest.mark.parametrize("ranks", [2, 8])
def test_ranks_send_their_tokens_to_the_experts_and_back(replica_of: ReplicaOf, ranks: int) -> None:
    one = replica_of("deepseek-r1", "h200-sxm", Layout(1, 1, ranks, ranks))
    # 58 layers of experts, there and back, 7,168 values of one byte there and of two back.
    each_s = float(all_to_all_s(one.rates, np.asarray(float(ranks)), 8, 64 * 7168 * 1.5))
    assert float(collectives_s(one.work, one.rates, 64.0)) == pytest.approx(58 * 2 * each_s)


@pytest.mark.parametrize("family", ["all_reduce_trtllm", "all_to_all"])
def test_collectives_that_were_not_measured_take_as_long_as_nccl_s(replica_of: ReplicaOf, family: str) -> None:
    one = replica_of("deepseek-r1", "h200-sxm", Layout(2, 1, 8, 4), engine="trtllm")
    tables = one.rates.operators.collectives
    few, nccl = ({name: table for name, table in tables.items() if name != family}, {**tables})
    nccl[family] = tables["all_reduce_nccl"]
    assert one.rates.collectives == "all_reduce_trtllm"
    of = [
        float(collectives_s(one.work, replace(one.rates, operators=replace(one.rates.operators, collectives=c)), 64.0))
        for c in (few, nccl, tables)
    ]
    assert of[0] == of[1] != of[2]


def test_a_measured_chip_reads_at_the_bandwidth_that_its_efficiencies_are_shares_of() -> None:
    """7.7 TB/s for B200 where the datasheet says 8; a chip described by one keeps its own."""
    own, like = (
        rates(accelerator(gpu), "all_reduce").memory_bandwidth_bytes_per_s
        for gpu in ("b200-sxm", {"like": "b200-sxm", "name": "mine"})
    )
    assert (own, like) == (7.7e12, 8e12)


def test_links_that_nobody_states_are_taken_as_those_that_were_measured() -> None:
    chip = accelerator("h100-sxm")
    silent = replace(chip, name="mine", link_bandwidth_bytes_per_s=None, pcie_bandwidth_bytes_per_s=None)
    assert rates(silent, "all_reduce").operators == rates(chip, "all_reduce").operators
    card = replace(silent, pcie_bandwidth_bytes_per_s=64e9)
    of = [rates(one, "all_reduce").operators.collectives["all_to_all"][8] for one in (card, chip)]
    assert of[0].bandwidth_bytes_per_s / of[1].bandwidth_bytes_per_s == pytest.approx(64 / 450)


def test_one_gpu_sends_nothing(replica_of: ReplicaOf) -> None:
    alone = replica_of("llama-3.1-8b", layout=Layout(1))
    assert float(collectives_s(alone.work, alone.rates, 64.0)) == 0.0
