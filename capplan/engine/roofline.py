"""The time of one operator on one GPU, from what it computes and what it moves.

Every function takes floats or arrays that broadcast and returns the same shape, in seconds.
Efficiencies come from `configs/operators/`, peaks from the accelerator.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from capplan.catalog.operators import Collective, DecodeAttention, MlaDecode, Roofline

Array = NDArray[np.float64] | float


def soft_max(a: Any, b: Any, sharpness: float) -> Any:
    """(a^p + b^p)^(1/p): the slower of two overlapping costs, rounded off where they meet.

    p = 1 adds them, p = infinity is the plain roofline.

    >>> float(soft_max(3.0, 4.0, 2.0))
    5.0
    """
    if sharpness == 1.0:
        return a + b
    top = np.maximum(a, b)
    low = np.minimum(a, b)
    ratio = low / np.where(top > 0, top, 1.0)
    return top * (1.0 + ratio**sharpness) ** (1.0 / sharpness)


def gemm_s(
    tokens: Any, outputs: Any, inputs: Any, weight_bytes: float, kernel: Roofline, flop_per_s: float, bytes_per_s: float
) -> Any:
    """`tokens` rows through an `inputs` x `outputs` weight matrix of `weight_bytes` a value.

    Source: form fitted to measured kernels, `configs/operators`; 2 flop per multiply-add, activations in 16 bit.
    """
    flop = 2.0 * tokens * outputs * inputs
    moved = outputs * inputs * weight_bytes + tokens * (2.0 * outputs + (2.0 + kernel.activation_bytes) * inputs)
    return (
        soft_max(flop / (flop_per_s * kernel.compute), moved / (bytes_per_s * kernel.memory), kernel.sharpness)
        + kernel.fixed_s
    )


def decode_attention_s(
    sequences: Any, kv_heads: Any, kv_bytes: Any, kernel: DecodeAttention, bytes_per_s: float
) -> Any:
    """Reads `kv_bytes` of cache for `sequences` sequences with `kv_heads` KV heads on this GPU.

    >>> from capplan.catalog.operators import DecodeAttention
    >>> decode_attention_s(0, 8, 0, DecodeAttention(0.9, 10e-6, 20e-9), 3e12)
    1e-05
    """
    return kernel.fixed_s + kernel.per_kv_head_s * sequences * kv_heads + kv_bytes / (bytes_per_s * kernel.memory)


def mla_decode_s(
    sequences: Any, flop: Any, kv_bytes: Any, kernel: MlaDecode, flop_per_s: float, bytes_per_s: float
) -> Any:
    """Absorbed latent attention: every head reads the same latent vector, so arithmetic matters as much as bytes."""
    return (
        soft_max(flop / (flop_per_s * kernel.compute), kv_bytes / (bytes_per_s * kernel.memory), kernel.sharpness)
        + kernel.fixed_s
        + kernel.per_sequence_s * sequences
    )


def experts_hit(tokens: Any, experts: float, active: float, eta: float) -> Any:
    """How many of `experts` are touched when each of `tokens` picks `active`.

    Independent picks touch E (1 - (1 - k/E)^T), about E (1 - exp(-T k / E)); eta < 1 is skewed routing.

    >>> float(experts_hit(1e9, 256, 8, 1.0))
    256.0
    """
    return experts * -np.expm1(-eta * tokens * active / experts)


def collective_s(message_bytes: Any, link: Collective) -> Any:
    """All-reduce or all-to-all of `message_bytes` a GPU."""
    return (
        link.fixed_s
        + link.ramp_s * message_bytes / (message_bytes + link.half_bytes)
        + message_bytes / link.bandwidth_bytes_per_s
    )
