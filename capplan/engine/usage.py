"""What a replica uses of its chips: arithmetic and memory traffic, for power and for naming the bottleneck."""

from typing import Any

import numpy as np

from capplan.engine.architecture import parameters
from capplan.engine.attention_span import attended_pairs, attended_tokens, attention_flop_per_pair
from capplan.engine.memory import kv_bytes_per_gpu, weight_bytes_per_gpu
from capplan.engine.roofline import experts_hit
from capplan.engine.serving import Replica, Requests, Steady


def flop_per_request(replica: Replica, requests: Requests) -> Any:
    """Arithmetic of one request: 2 flop for each active parameter and token, and the attention over its context."""
    arch = replica.work.architecture
    tokens = requests.prefill_tokens + requests.output_tokens
    past = requests.cached_tokens
    new = np.maximum(requests.prompt_tokens - past, 1.0)
    prefill = sum(
        g.layers * attention_flop_per_pair(g, decode=False) * attended_pairs(g, past, new) for g in arch.attention
    )
    decode = sum(
        g.layers * attention_flop_per_pair(g, decode=True) * attended_tokens(g, requests.context_tokens)
        for g in arch.attention
    )
    attention = prefill * requests.prefill_tokens / new + decode * requests.output_tokens
    return 2.0 * parameters(arch).active * tokens + attention


def compute_utilization(replica: Replica, requests: Requests, state: Steady) -> Any:
    """Flop/s over the dense bf16 peak of all GPUs of the replica (MFU in the usual sense)."""
    peak = replica.rates.peak_flop_per_s["bf16"] * replica.work.layout.gpus
    return state.requests_per_s * flop_per_request(replica, requests) / peak


def bandwidth_utilization(replica: Replica, requests: Requests, state: Steady) -> Any:
    """Bytes/s over the peak memory bandwidth (MBU): weights touched and cache read in each step.

    While a token passes all stages of a pipeline, each GPU reads its weights once for every part of the batch that is
    under way, one a stage. With speculation a step yields several tokens for one reading.
    """
    job = replica.work
    arch, layout = job.architecture, job.layout
    weights = weight_bytes_per_gpu(arch, layout, job.precision)
    if arch.moe:
        experts = parameters(arch).experts * job.precision.experts.bytes_per_weight / layout.gpus
        hit = experts_hit(state.decoding / layout.pipeline, arch.moe.experts, arch.moe.active, 1.0) / arch.moe.experts
        weights = weights - experts * (1.0 - hit)
    each = kv_bytes_per_gpu(arch, layout, job.precision, requests.context_tokens)
    read = weights * layout.pipeline + state.decoding / layout.attention_data * each
    yielded = replica.speculation.tokens_per_step if replica.speculation else 1.0
    return np.minimum(read / (yielded * state.itl_s * replica.rates.memory_bandwidth_bytes_per_s), 1.0)


def weights_read_share(replica: Replica, seconds: Any) -> Any:
    """Bytes/s over the peak memory bandwidth of a step of so many seconds that reads each weight once: prefill."""
    job = replica.work
    read = weight_bytes_per_gpu(job.architecture, job.layout, job.precision) * job.layout.pipeline
    return np.minimum(read / (seconds * replica.rates.memory_bandwidth_bytes_per_s), 1.0)
