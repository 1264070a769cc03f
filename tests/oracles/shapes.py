"""Weights and cache of a model by the sizes in its file: grouped-query or latent attention, windows, experts.

Sources: grouped queries, Ainslie et al. 2023 (arXiv 2305.13245); latent attention and its absorbed form in decode,
DeepSeek-V2 (arXiv 2405.04434, section 2.1); 2 flop for each multiply-add. Biases and norms as checkpoints hold them.
"""

from dataclasses import dataclass
from typing import Any

from tests.oracles.figures import entry


@dataclass(frozen=True)
class Layers:
    """Attention layers that are alike; window in tokens, infinite without one."""

    count: int
    window: float

    def seen(self, context: float) -> float:
        """Tokens of the past that a token reads, itself included."""
        return min(context, self.window)

    def pairs(self, past: float, prompt: float) -> float:
        """Query-key pairs of the tokens after `past` up to the end of the prompt: the sum of what each one reads."""
        return self._up_to(prompt) - self._up_to(past)

    def _up_to(self, tokens: float) -> float:
        inside = min(tokens, self.window)
        return inside * (inside + 1) / 2 + ((tokens - inside) * self.window if tokens > inside else 0.0)


class Shape:
    """Sizes of one model; every figure is of one layer unless it says otherwise."""

    def __init__(self, model: str) -> None:
        shape = entry(f"models/{model}")["shape"]
        self.layers, self.hidden, self.vocab = shape["layers"], shape["hidden"], shape["vocab"]
        self.native = shape["native_weights"]
        self.mla, self.moe = shape.get("mla"), shape.get("moe")
        self.heads = shape["heads"]
        self.kv_heads, self.width = shape.get("kv_heads", self.heads), shape.get("head_dim", 0)
        groups = shape.get("attention", [{"layers": self.layers}])
        self.groups = [Layers(one["layers"], one.get("window", float("inf"))) for one in groups]
        self.tied = shape.get("tied_embeddings", False)
        self.dense_layers = self.layers - (self.moe["layers"] if self.moe else 0)
        self.intermediate = shape.get("intermediate", 0)
        self._flags = {key for key in ("qk_norm", "qkv_bias", "output_bias", "sinks") if shape.get(key)}
        self.norms = (self.layers * shape.get("norms_per_layer", 2) + 1) * self.hidden

    def attention(self) -> float:
        if self.mla:
            m, heads = self.mla, self.heads
            queries = (self.hidden + 1) * m["q_lora_rank"] + m["q_lora_rank"] * heads * (m["nope_dim"] + m["rope_dim"])
            latent = self.hidden * (m["kv_lora_rank"] + m["rope_dim"]) + m["kv_lora_rank"]
            up = m["kv_lora_rank"] * heads * (m["nope_dim"] + m["v_dim"])
            return queries + latent + up + heads * m["v_dim"] * self.hidden
        queries, keys = self.heads * self.width, self.kv_heads * self.width
        small = {
            "qk_norm": 2 * self.width,
            "qkv_bias": queries + 2 * keys,
            "output_bias": self.hidden,
            "sinks": self.heads,
        }
        return self.hidden * (2 * queries + 2 * keys) + sum(size for flag, size in small.items() if flag in self._flags)

    def mlp(self) -> float:
        """Gate, up and down of a dense layer."""
        return 3 * self.hidden * self.intermediate

    def expert(self) -> float:
        width = self.moe["intermediate"]
        return 3 * self.hidden * width + (2 * width + self.hidden if self.moe.get("bias") else 0)

    def shared(self) -> float:
        """Experts that every token passes."""
        return 3 * self.hidden * self.moe.get("shared_intermediate", 0)

    def router(self) -> float:
        return self.moe["experts"] * (self.hidden + (1 if self.moe.get("bias") else 0))

    # All layers together

    def split(self) -> float:
        """What a tensor group shares out, routed experts apart."""
        dense = self.layers * self.attention() + self.dense_layers * self.mlp()
        return dense + (self.moe["layers"] * self.shared() if self.moe else 0)

    def routed(self) -> float:
        return self.moe["layers"] * self.moe["experts"] * self.expert() if self.moe else 0.0

    def whole(self) -> float:
        """Norms and routers, which each GPU holds whole."""
        return self.norms + (self.moe["layers"] * self.router() if self.moe else 0)

    def active(self) -> float:
        """Multiplied for each token; the head is, the input embedding is only looked up."""
        experts = self.moe["layers"] * self.moe["active"] * self.expert() if self.moe else 0.0
        return self.split() + self.whole() + experts + self.vocab * self.hidden

    def cached(self) -> float:
        """Values that a token leaves in the cache of a layer."""
        return self.mla["kv_lora_rank"] + self.mla["rope_dim"] if self.mla else 2 * self.kv_heads * self.width

    def pair_flop(self, decode: bool) -> float:
        """Of one query and one key, all heads: score and weighted sum. Decode works on the latent vectors."""
        if not self.mla:
            return 2 * self.heads * 2 * self.width
        m = self.mla
        width = 2 * m["kv_lora_rank"] + m["rope_dim"] if decode else m["nope_dim"] + m["rope_dim"] + m["v_dim"]
        return 2 * self.heads * width

    def matrices(self, tensor: int) -> list[tuple[float, float, float]]:
        """(layers, outputs, inputs) of attention and dense MLPs on each GPU of a tensor group."""
        hidden = self.hidden
        if self.mla:
            m, heads = self.mla, self.heads / tensor
            found = [
                (self.layers, m["q_lora_rank"] + m["kv_lora_rank"] + m["rope_dim"], hidden),
                (self.layers, heads * (m["nope_dim"] + m["rope_dim"]), m["q_lora_rank"]),
                (self.layers, heads * (m["nope_dim"] + m["v_dim"]), m["kv_lora_rank"]),
                (self.layers, hidden, heads * m["v_dim"]),
            ]
        else:
            own = self.heads * self.width / tensor
            held = 2 * max(self.kv_heads / tensor, 1.0) * self.width
            found = [(self.layers, own + held, hidden), (self.layers, hidden, own)]
        mlps = [(self.dense_layers, self.intermediate)] if self.dense_layers else []
        if self.moe and self.moe.get("shared_intermediate"):
            mlps.append((self.moe["layers"], self.moe["shared_intermediate"]))
        for layers, width in mlps:
            found += [(layers, 2 * width / tensor, hidden), (layers, hidden, width / tensor)]
        return found


def widest(shape: Shape) -> Any:
    """Columns of the widest activation of a layer."""
    return max(shape.intermediate, 4 * shape.hidden)
