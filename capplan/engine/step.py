"""The time of one engine step: decode tokens and prefill tokens through one replica."""

from typing import Any

import numpy as np

from capplan.catalog.architecture import Moe
from capplan.catalog.engines import Overheads
from capplan.engine.architecture import expert_parameters
from capplan.engine.attention import attention_s, recurrent_s
from capplan.engine.collectives import collectives_s
from capplan.engine.rates import Rates
from capplan.engine.roofline import experts_hit, gemm_s, soft_max
from capplan.engine.work import Gemm, Work
from capplan.records import dataclass


@dataclass(frozen=True)
class Step:
    """Parts of a step's time on the critical path, in seconds; each a scalar or an array."""

    gemm_s: Any
    attention_s: Any
    moe_s: Any
    collective_s: Any
    overhead_s: Any

    @property
    def total_s(self) -> Any:
        return self.gemm_s + self.attention_s + self.moe_s + self.collective_s + self.overhead_s


def step(
    work: Work,
    rates: Rates,
    overheads: Overheads,
    sequences: Any,
    context: Any,
    prefill: Any = 0.0,
    prompt: Any = 1.0,
    verify: float = 1.0,
    past: Any = 0.0,
    piece: Any = np.inf,
) -> Step:
    """One step of a replica in which `sequences` decode at mean length `context` beside `prefill` prompt tokens.

    prompt: length of the prompts that the prefill tokens belong to; past: the part of each that a cache held.
    verify: tokens of each sequence in the step, more than one where drafted tokens are verified. piece: most prompt
    tokens of a rank.
    All broadcast against each other and against a layout of arrays. With pipeline parallelism each stage works on its
    own part of the sequences, and the time is that of all stages: an output token of a sequence passes every one.
    Attention-data-parallel ranks share sequences evenly, but each prompt stays whole on one of them, so the rank that
    all others wait for has at least a prompt.
    """
    layout = work.layout
    prompt = np.maximum(prompt, 1.0)
    new = np.maximum(prompt - past, 1.0)
    sequences = sequences / layout.pipeline
    prefill = prefill / layout.pipeline
    decode = sequences * verify
    tokens = np.maximum(decode + prefill, 1e-9)
    share = 1 / layout.attention_data
    own, own_prefill = sequences * share, np.maximum(prefill * share, np.minimum(prefill, np.minimum(new, piece)))
    own_tokens, own_sampled = decode * share + own_prefill, decode * share + own_prefill / new
    attention = sum(
        attention_s(group, work, rates, own, context, own_prefill, prompt, overheads.kv_reuse, past, verify)
        for group in work.architecture.attention
    )
    return Step(
        gemm_s=overheads.gemm * sum(_gemm_s(g, rates, own_tokens, own_sampled) for g in work.gemms),
        attention_s=overheads.attention * (attention + recurrent_s(work, rates, sequences + prefill / new)),
        moe_s=overheads.moe * _moe_s(work.architecture.moe, work, rates, tokens) if work.architecture.moe else 0.0,
        collective_s=overheads.collective * collectives_s(work, rates, own_tokens),
        overhead_s=overheads.step_s * layout.pipeline
        + overheads.layer_s * work.architecture.layers
        # Every attention rank looks after its own sequences.
        + (overheads.sequence_s * layout.pipeline + overheads.sequence_layer_s * work.architecture.layers) * own,
    )


def _gemm_s(gemm: Gemm, rates: Rates, tokens: Any, sampled: Any) -> Any:
    rows = sampled if gemm.sampled_rows else tokens
    return gemm.layers * gemm_s(
        np.maximum(rows, 1.0),
        gemm.outputs,
        gemm.inputs,
        gemm.storage.bytes_per_weight,
        rates.operators.gemm[gemm.storage.kernel],
        rates.peak_flop_per_s[gemm.storage.peak],
        rates.memory_bandwidth_bytes_per_s,
    )


def _moe_s(moe: Moe, work: Work, rates: Rates, tokens: Any) -> Any:
    """Routed experts: tokens of all attention ranks of a stage meet here; each GPU reads its share of those hit.

    Skewed routing slows arithmetic where GPUs hold different experts and wait for the one with the favourites; a GPU
    that holds a part of every expert has as much to do as all others.
    """
    storage, gpus = work.precision.experts, work.layout.stage_gpus
    kernel = rates.operators.moe[storage.kernel]
    weights = expert_parameters(moe, work.architecture.hidden)
    hit = experts_hit(tokens, moe.experts, moe.active, kernel.experts_hit)
    width = moe.latent or work.architecture.hidden
    activations = tokens * moe.active * (width + moe.matrices * moe.intermediate) * 4.0
    flop = 2.0 * tokens * moe.active * weights
    spread = 1.0 - 1.0 / np.maximum(work.layout.expert, 1)
    compute = kernel.balanced * (kernel.compute / kernel.balanced) ** spread
    time_s = soft_max(
        flop / gpus / (rates.peak_flop_per_s[storage.peak] * compute),
        (hit * weights * storage.bytes_per_weight + activations)
        / gpus
        / (rates.memory_bandwidth_bytes_per_s * kernel.memory),
        kernel.sharpness,
    )
    return moe.layers * (time_s + kernel.fixed_s)
