"""Arithmetic of one query, attention included, and the tokens that cost the same of it."""

import numpy as np

from capplan.catalog.architecture import Architecture
from capplan.engine.architecture import parameters
from capplan.engine.attention_span import attended_pairs, attention_flop_per_pair
from capplan.reasoning.normal import Array, Values


def model_flop(arch: Architecture, tokens: Values) -> Array:
    """FLOP to process `tokens` tokens of one sequence, prompt and output alike; the shape of `tokens`.

    2 per active parameter and token, plus causal attention of each layer over what it reads: sliding windows and sparse
    indices read less than everything; recurrent layers are in the parameters.

    >>> from capplan.catalog.models import model
    >>> round(float(model_flop(model("llama-3.1-405b").architecture, 1000)) / 1e12)  # 2 x 404e9 x 1,000, attention 4
    812
    """
    count = np.asarray(tokens, dtype=np.float64)
    attention = sum(
        (group.layers * attention_flop_per_pair(group, decode=False) * attended_pairs(group, 0.0, count)
         for group in arch.attention),
        start=np.zeros_like(count),
    )  # fmt: skip
    return np.asarray(2 * float(parameters(arch).active) * count + attention)


def model_tokens_at_flop(arch: Architecture, flop: float) -> float:
    """Tokens that a model of the catalogue processes for so many FLOP, by halving."""
    low, high = 0.0, 1.0
    while float(model_flop(arch, high)) < flop:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(model_flop(arch, middle)) < flop else (low, middle)
    return high
