"""Arithmetic of one query, attention included, and configurations that cost the same of it."""

import numpy as np

from capplan.catalog.architecture import Architecture
from capplan.engine.architecture import parameters
from capplan.engine.attention_span import attended_pairs, attention_flop_per_pair
from capplan.reasoning.normal import Array, Values


def query_flop(parameters: Values, layers: Values, hidden: Values, tokens: Values) -> Array:
    """FLOP to process `tokens` tokens of one sequence: 2 per active parameter and token, plus causal attention.

    Attention multiplies queries with keys and weights with values, 2 x 2 FLOP per layer, width and pair of tokens, and
    a causal mask leaves half of the pairs. hidden is heads x head_dim of the queries: grouped keys save memory, not
    arithmetic. Counts prompt and output alike.

    >>> round(float(query_flop(405e9, 126, 16384, 1000)) / 1e12)  # Llama 3.1 405B over 1,000 tokens
    814
    """
    count = np.asarray(tokens, dtype=np.float64)
    linear = 2 * np.asarray(parameters, dtype=np.float64) * count
    attention = 4 * np.asarray(layers, dtype=np.float64) * hidden * count**2 / 2
    return np.asarray(linear + attention)


def tokens_at_flop(parameters: Values, layers: Values, hidden: Values, flop: Values) -> Array:
    """Tokens that a model processes for so many FLOP: the inverse of query_flop, shapes broadcast.

    >>> round(float(tokens_at_flop(7e9, 32, 4096, query_flop(7e9, 32, 4096, 5000))))
    5000
    """
    half_linear = np.asarray(parameters, dtype=np.float64)  # of 2 N T
    quadratic = 2 * np.asarray(layers, dtype=np.float64) * hidden
    budget = np.asarray(flop, dtype=np.float64)
    # This form of the root has no cancellation where attention is negligible.
    return np.asarray(budget / (half_linear + np.sqrt(half_linear**2 + quadratic * budget)))


def model_flop(arch: Architecture, tokens: Values) -> Array:
    """As query_flop for a model of the catalogue: active parameters, and each attention layer over what it reads.

    Sliding windows and sparse indices read less than everything; recurrent layers are in the parameters.
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
