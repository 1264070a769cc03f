"""Parameters and cache of a model, computed from its shape alone."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.catalog.architecture import Architecture, AttentionLayers, DenseMlp, Moe
from capplan.engine.projections import attention_parameters, index_layers, value_head_dim
from capplan.records import dataclass

__all__ = [
    "INDEX_KEY_BYTES",
    "Parameters",
    "attention_parameters",
    "expert_parameters",
    "index_bytes_per_token",
    "kv_bytes_per_sequence",
    "kv_bytes_per_token",
    "kv_values_per_token",
    "parameters",
    "value_head_dim",
]

# vLLM and SGLang keep the indexer's keys in fp8 whatever the precision of the cache itself.
INDEX_KEY_BYTES = 1.0


@dataclass(frozen=True)
class Parameters:
    """Parameters by component, all layers together; `experts` counts every routed expert.

    active_experts: routed experts that one token passes. Active parameters are those multiplied for one token;
    the input embedding is a table look-up, so `active` leaves it out and `active_with_embedding` puts it back
    (vendors differ in which of the two they print).
    """

    embedding: float
    head: float
    attention: float
    recurrent: float
    dense_mlp: float
    router: float
    experts: float
    shared_experts: float
    norms: float
    other: float
    active_experts: float
    tied_embeddings: bool = False
    active_override: float | None = None

    @property
    def total(self) -> float:
        """Everything that is stored; a tied output head shares the embedding's memory."""
        head = 0.0 if self.tied_embeddings else self.head
        return self.embedding + head + self._body + self.experts

    @property
    def active(self) -> float:
        """Multiplied for each token: 2 flop each. The output head counts, tied or not."""
        if self.active_override is not None:
            return self.active_override
        return self.head + self._body + self.active_experts

    @property
    def active_with_embedding(self) -> float:
        """As `active`, the input embedding counted too where it is a table of its own."""
        return self.active + (0.0 if self.tied_embeddings else self.embedding)

    @property
    def _body(self) -> float:
        return (
            self.attention
            + self.recurrent
            + self.dense_mlp
            + self.router
            + self.shared_experts
            + self.norms
            + self.other
        )


def parameters(arch: Architecture) -> Parameters:
    """Parameters of the language model, multi-token-prediction layers and vision towers left out.

    A model given only by its total (`total_parameters_override`) has it all in `other`.

    >>> from capplan.catalog.models import model
    >>> parameters(model("llama-3.1-8b").architecture).total
    8030261248
    """
    if arch.total_parameters_override is not None:
        return _only_total(arch, arch.total_parameters_override)
    moe = arch.moe
    return Parameters(
        embedding=(arch.vocab + arch.learned_positions) * arch.hidden,
        head=arch.vocab * (arch.hidden + arch.head_bias),
        attention=sum(attention_parameters(group, arch.hidden) for group in arch.attention),
        recurrent=arch.recurrent.layers * arch.recurrent.parameters_per_layer if arch.recurrent else 0,
        dense_mlp=sum(group.layers * _mlp_parameters(group, arch.hidden) for group in arch.mlps),
        router=moe.layers * _router_parameters(moe, arch.hidden) if moe else 0,
        experts=moe.layers * moe.experts * expert_parameters(moe, arch.hidden) if moe else 0,
        shared_experts=moe.layers * moe.matrices * arch.hidden * moe.shared_intermediate if moe else 0,
        norms=(arch.layers * arch.norms_per_layer + 1) * arch.hidden * (2 if arch.norm_bias else 1),
        other=arch.extra_parameters,
        active_experts=moe.layers * moe.active * expert_parameters(moe, arch.hidden) if moe else 0,
        tied_embeddings=arch.tied_embeddings,
    )


def expert_parameters(moe: Moe, hidden: int) -> int:
    """One routed expert of one layer."""
    width = moe.latent or hidden
    bias = (moe.matrices - 1) * moe.intermediate + width if moe.bias else 0
    return moe.matrices * width * moe.intermediate + bias


def kv_values_per_token(group: AttentionLayers) -> float:
    """Cached values per token in one layer of the group, while the token is within its window.

    >>> from capplan.catalog.architecture import Mla
    >>> mla = Mla(kv_lora_rank=512, rope_dim=64, nope_dim=128, v_dim=128, q_lora_rank=1536)
    >>> kv_values_per_token(AttentionLayers(61, heads=128, kv_heads=128, head_dim=128, mla=mla))
    576
    >>> kv_values_per_token(AttentionLayers(80, heads=64, kv_heads=8, head_dim=128))
    2048
    """
    if group.compression:
        # One pooled vector of head_dim serves as key and value.
        return group.head_dim / group.compression.ratio if group.compression.ratio else 0.0
    if group.mla:
        return group.mla.kv_lora_rank + group.mla.rope_dim
    return group.kv_heads * (group.head_dim + value_head_dim(group))


def kv_bytes_per_token(arch: Architecture, bytes_per_value: ArrayLike) -> NDArray[np.float64]:
    """Cache growth per token at long context: layers whose cache never saturates. Indexer keys are extra.

    bytes_per_value: 2 for bf16, 1 for fp8; scalar or array, the result has its shape.

    >>> from capplan.catalog.models import model
    >>> float(kv_bytes_per_token(model("llama-3.1-70b").architecture, 2))  # 80 x 2 x 8 x 128 x 2
    327680.0
    """
    growing = sum(g.layers * kv_values_per_token(g) for g in arch.attention if g.window_tokens is None)
    return np.asarray(np.multiply(growing, bytes_per_value, dtype=np.float64))


def index_bytes_per_token(arch: Architecture, bytes_per_value: float = INDEX_KEY_BYTES) -> float:
    """Indexer keys per token, all layers of sparse-attention models; 0 for the others."""
    return sum(_index_values_per_token(group) for group in arch.attention) * bytes_per_value


def kv_bytes_per_sequence(arch: Architecture, tokens: ArrayLike, bytes_per_value: ArrayLike) -> NDArray[np.float64]:
    """Memory that one sequence of `tokens` holds: KV cache, indexer keys and recurrent state.

    Windowed and chunked layers saturate at their window, recurrent state does not depend on length. Engines that do not
    free blocks behind the window hold more. tokens, bytes_per_value: broadcast against each other.

    >>> from capplan.catalog.models import model
    >>> round(float(kv_bytes_per_sequence(model("deepseek-r1").architecture, 30_000, 2)) / 1e9, 2)
    2.11
    """
    length = np.asarray(tokens)
    values = sum(_cached_values(group, length) for group in arch.attention)
    state_bytes = arch.recurrent.state_bytes_per_sequence if arch.recurrent else 0.0
    return np.asarray(values * np.asarray(bytes_per_value) + index_bytes_per_token(arch) * length + state_bytes)


def _cached_values(group: AttentionLayers, tokens: NDArray[Any]) -> NDArray[Any]:
    held = tokens if group.window_tokens is None else np.minimum(tokens, group.window_tokens)
    values = held * kv_values_per_token(group)
    if group.compression:
        values = values + np.minimum(tokens, group.compression.local_tokens) * group.head_dim
    return np.asarray(group.layers * values)


def _index_values_per_token(group: AttentionLayers) -> float:
    if group.index is None:
        return 0.0
    ratio = group.compression.ratio if group.compression and group.compression.ratio else 1
    return index_layers(group) * group.index.head_dim / ratio


def _mlp_parameters(group: DenseMlp, hidden: int) -> int:
    bias = (group.matrices - 1) * group.intermediate + hidden if group.bias else 0
    return group.matrices * hidden * group.intermediate + bias


def _router_parameters(moe: Moe, hidden: int) -> int:
    """Router, the gate of the shared expert, and the projections into and out of the experts' latent width."""
    router = moe.experts * (hidden + moe.bias)
    return router + (hidden if moe.shared_gate else 0) + (2 * hidden * moe.latent if moe.latent else 0)


def _only_total(arch: Architecture, total: float) -> Parameters:
    return Parameters(
        embedding=0,
        head=0,
        attention=0,
        recurrent=0,
        dense_mlp=0,
        router=0,
        experts=0,
        shared_experts=0,
        norms=0,
        other=total,
        active_experts=0,
        active_override=arch.active_parameters_override,
    )
