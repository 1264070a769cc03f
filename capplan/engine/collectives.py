"""What the GPUs of a replica send each other in one step."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from capplan.catalog.operators import Collective
from capplan.engine.rates import Rates
from capplan.engine.roofline import collective_s
from capplan.engine.work import Work

# Latency of one hop between pipeline stages: a send and a receive of a small message over NCCL, `configs/operators`.
_HOP_S = 10e-6


def collectives_s(work: Work, rates: Rates, tokens: Any) -> Any:
    """All messages of one step with `tokens` on each attention-data-parallel rank: not overlapped with arithmetic.

    Tensor parallelism adds an all-reduce after attention and after the MLP. Attention data parallelism sends the tokens
    to their experts and back: one byte a value there, two back, to at most as many ranks as experts are chosen.
    """
    layout, arch = work.layout, work.architecture
    activation_bytes = tokens * arch.hidden * 2.0
    tensor, ranks = np.asarray(layout.tensor), np.asarray(layout.attention_data)
    total = np.where(tensor > 1, work.reductions * _by_size(rates, rates.collectives, tensor, activation_bytes), 0.0)
    if arch.moe:
        token_bytes = tokens * arch.hidden * 1.5
        there_s = all_to_all_s(rates, np.asarray(layout.stage_gpus), arch.moe.active, token_bytes)
        total = total + np.where(ranks > 1, arch.moe.layers * 2.0 * there_s, 0.0)
    hop_s = activation_bytes / rates.inter_node_bytes_per_s + _HOP_S
    return total + np.where(np.asarray(layout.pipeline) > 1, layout.pipeline * hop_s, 0.0)


def all_to_all_s(rates: Rates, group: Any, active: int, token_bytes: Any) -> Any:
    """Sending each GPU's `token_bytes` to the `active` experts chosen for each token, or the results back.

    Across nodes a token crosses once to each node that holds some of its experts, n (1 - (1 - 1/n)^k) of n nodes where
    all are equally likely, and is handed on over the fast links meanwhile; the slower of the two sets the pace.
    """
    table = _table(rates, "all_to_all")
    widest = max(table)
    inside_s = _by_size(rates, "all_to_all", np.minimum(group, widest), token_bytes * np.minimum(active, group))
    fixed_s = table[widest].fixed_s
    more_s = fixed_s * np.log2(np.maximum(group / widest, 1.0))
    nodes = np.maximum(np.ceil(group / rates.node_gpus), 1.0)
    crossing = nodes * (1.0 - (1.0 - 1.0 / nodes) ** active) * (nodes - 1.0) / nodes
    crossing_s = np.where(nodes > 1, fixed_s + token_bytes * crossing / rates.inter_node_bytes_per_s, 0.0)
    return more_s + np.maximum(inside_s, crossing_s)


def _table(rates: Rates, family: str) -> Mapping[int, Collective]:
    return rates.operators.collectives.get(family) or rates.operators.collectives["all_reduce_nccl"]


def _by_size(rates: Rates, family: str, group: Any, message_bytes: Any) -> Any:
    """The collective for 2, 4 or 8 GPUs as measured; a wider one costs more to start and crosses nodes in a ring.

    Optimistic where fast links join fewer GPUs than the table does: by itself the planner splits no layer over them.
    """
    table = _table(rates, family)
    sizes = sorted(table)
    result = collective_s(message_bytes, table[sizes[0]])
    for size in sizes[1:]:
        result = np.where(group >= size, collective_s(message_bytes, table[size]), result)
    widest = sizes[-1]
    wider_s = table[widest].fixed_s * np.log2(np.maximum(group / widest, 1.0))
    crossing_s = 2.0 * message_bytes / rates.inter_node_bytes_per_s
    return result + wider_s + np.where(group > max(rates.node_gpus, widest), crossing_s, 0.0)
