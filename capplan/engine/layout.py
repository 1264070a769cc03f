"""How one replica of a model is spread over GPUs."""

from collections.abc import Callable
from dataclasses import field
from typing import Any, Optional

import numpy as np

from capplan.records import dataclass


@dataclass(frozen=True)
class Layout:
    """Degrees of parallelism of one replica; each an int, or an array of candidates.

    tensor: GPUs that share one attention layer. attention_data: groups that each hold whole attention layers and their
    own sequences. expert: GPUs over which whole experts are spread; the rest of a stage splits each expert.
    prefill: of replicas that only read prompts, where those that write answers are apart; arrays of the same length.
    """

    tensor: Any = 1
    pipeline: Any = 1
    expert: Any = 1
    attention_data: Any = 1
    prefill: Optional["Layout"] = field(default=None, kw_only=True)

    @property
    def stage_gpus(self) -> Any:
        """GPUs that hold one pipeline stage."""
        return self.tensor * self.attention_data

    @property
    def gpus(self) -> Any:
        """GPUs of one replica."""
        return self.stage_gpus * self.pipeline

    def kv_heads(self, kv_heads: int) -> Any:
        """KV heads on each GPU: at least one, so tensor parallelism beyond them replicates the cache."""
        return np.maximum(kv_heads / self.tensor, 1.0)

    def kv_share(self, kv_heads: int) -> Any:
        """Part of one sequence's KV cache that each GPU of its group holds."""
        return self.kv_heads(kv_heads) / kv_heads

    def each(self, change: Callable[[Any], Any]) -> "Layout":
        """The layout with every degree changed, those for prefill too."""
        degrees = (self.tensor, self.pipeline, self.expert, self.attention_data)
        return Layout(*map(change, degrees), prefill=self.prefill.each(change) if self.prefill else None)

    def take(self, index: Any) -> "Layout":
        """The candidates at `index`, of a layout of arrays."""
        return self.each(lambda degree: np.asarray(degree)[index])
