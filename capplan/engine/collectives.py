"""What the GPUs of a replica send each other in one step."""

from typing import Any

import numpy as np

from capplan.engine.rates import Rates
from capplan.engine.roofline import collective_s
from capplan.engine.work import Work

# Latency of one hop between pipeline stages: a send and a receive of a small message over NCCL, `configs/operators`.
_HOP_S = 10e-6


def collectives_s(work: Work, rates: Rates, tokens: Any) -> Any:
    """All messages of one step that carries `tokens`: not overlapped with arithmetic.

    Tensor parallelism adds an all-reduce after attention and after the MLP. Attention data parallelism sends the tokens
    to their experts and back: one byte a value there, two back, to at most as many ranks as experts are chosen; a dense
    MLP, which all of the stage share, gathers the tokens of every rank and scatters the sums, as dear as an all-reduce.
    """
    layout, arch = work.layout, work.architecture
    activation_bytes = tokens / layout.attention_data * arch.hidden * 2.0
    tensor, ranks = np.asarray(layout.tensor), np.asarray(layout.attention_data)
    inside = work.reductions + np.where(ranks > 1, 0.0, work.dense_reductions)
    total = np.where(tensor > 1, inside * _by_size(rates, rates.collectives, tensor, activation_bytes), 0.0)
    whole_s = _by_size(rates, rates.collectives, np.asarray(layout.stage_gpus), tokens * arch.hidden * 2.0)
    total = total + np.where(ranks > 1, work.dense_reductions * whole_s, 0.0)
    if arch.moe:
        fan_out = np.minimum(arch.moe.active, np.asarray(layout.stage_gpus))
        routed_bytes = tokens / layout.attention_data * arch.hidden * fan_out * 1.5
        there_s = _by_size(rates, "all_to_all", np.asarray(layout.stage_gpus), routed_bytes)
        total = total + np.where(ranks > 1, arch.moe.layers * 2.0 * there_s, 0.0)
    hop_s = activation_bytes / rates.inter_node_bytes_per_s + _HOP_S
    return total + np.where(np.asarray(layout.pipeline) > 1, layout.pipeline * hop_s, 0.0)


def _by_size(rates: Rates, family: str, group: Any, message_bytes: Any) -> Any:
    """The collective for 2, 4 or 8 GPUs; wider groups add a fixed cost for each doubling and cross nodes slowly."""
    table = rates.operators.collectives.get(family) or rates.operators.collectives["all_reduce_nccl"]
    sizes = sorted(table)
    result = collective_s(message_bytes, table[sizes[0]])
    for size in sizes[1:]:
        result = np.where(group >= size, collective_s(message_bytes, table[size]), result)
    widest = sizes[-1]
    wide = result + table[widest].fixed_s * np.log2(np.maximum(group / widest, 1.0))
    crossing_s = 2.0 * message_bytes / rates.inter_node_bytes_per_s
    return np.where(group > widest, wide + np.where(group > rates.node_gpus, crossing_s, 0.0), result)
