"""Weights and state of layers that keep a state of constant size instead of a KV cache."""

from collections.abc import Callable

from capplan.catalog.architecture import RecurrentLayers
from capplan.catalog.fields import Fields

_FP32_BYTES = 4


def recurrent_layers(fields: Fields, hidden: int) -> RecurrentLayers:
    """Build the group from a `recurrent:` mapping: kind, layers, and the sizes that kind needs."""
    kind = fields.word("kind", KINDS, default="mamba2")
    layers = fields.whole("layers", most=10_000)
    parameters, state_values = KINDS[kind](fields, hidden)
    return RecurrentLayers(layers, kind, parameters, float(layers * state_values * _FP32_BYTES))


def _mamba2(fields: Fields, hidden: int) -> tuple[int, int]:
    """Source: Mamba-2, arXiv 2405.21060; transformers 5.23.0, models/nemotron_h."""
    fields.only(("kind", "layers", "heads", "head_dim", "state", "groups", "conv_kernel"))
    heads, head_dim, state = fields.whole("heads"), fields.whole("head_dim"), fields.whole("state")
    inner = heads * head_dim
    convolved = inner + 2 * fields.whole("groups") * state
    projections = hidden * (inner + convolved + heads) + inner * hidden
    convolution = convolved * (fields.whole("conv_kernel", most=64) + 1)  # one bias a channel
    return projections + convolution + 3 * heads + inner, inner * state


def _gated_deltanet(fields: Fields, hidden: int) -> tuple[int, int]:
    """Source: Gated DeltaNet, arXiv 2412.06464; transformers 5.23.0, models/qwen3_next."""
    fields.only(("kind", "layers", "key_heads", "value_heads", "key_head_dim", "value_head_dim", "conv_kernel"))
    value_heads, key_dim, value_dim = (fields.whole(k) for k in ("value_heads", "key_head_dim", "value_head_dim"))
    keys, values = fields.whole("key_heads") * key_dim, value_heads * value_dim
    projections = hidden * (2 * keys + 2 * values + 2 * value_heads) + values * hidden
    convolution = (2 * keys + values) * fields.whole("conv_kernel", most=64)
    return projections + convolution + 2 * value_heads + value_dim, value_heads * key_dim * value_dim


def _kimi_delta(fields: Fields, hidden: int) -> tuple[int, int]:
    """Kimi delta attention: a decay a channel, from a low-rank gate; the output gate is low-rank too, or of full rank.

    Source: Kimi Linear, arXiv 2510.26692; transformers 5.23.0, models/kimi_linear.
    """
    fields.only(("kind", "layers", "heads", "head_dim", "conv_kernel", "full_rank_gate"))
    heads, head_dim = fields.whole("heads"), fields.whole("head_dim")
    inner = heads * head_dim
    low_rank = hidden * head_dim + head_dim * inner
    output_gate = hidden * inner if fields.flag("full_rank_gate") else low_rank
    decay = low_rank + inner + heads
    convolution = 3 * inner * fields.whole("conv_kernel", most=64)
    projections = 4 * hidden * inner + hidden * heads
    return projections + decay + output_gate + convolution + head_dim, inner * head_dim


def _lightning(fields: Fields, hidden: int) -> tuple[int, int]:
    """Source: MiniMax-01, arXiv 2501.08313: q, k, v, output and output gate, all of full width."""
    fields.only(("kind", "layers", "heads", "head_dim"))
    heads, head_dim = fields.whole("heads"), fields.whole("head_dim")
    inner = heads * head_dim
    return 5 * hidden * inner + inner, heads * head_dim * head_dim


KINDS: dict[str, Callable[[Fields, int], tuple[int, int]]] = {
    "mamba2": _mamba2,
    "gated_deltanet": _gated_deltanet,
    "kimi_delta": _kimi_delta,
    "lightning": _lightning,
}
