"""How the engine schedules: what it admits, whom it preempts, and how replicas share the load."""

import math
from dataclasses import dataclass
from enum import StrEnum

from capplan.errors import UserError


class Preemption(StrEnum):
    """What becomes of a preempted sequence's KV."""

    RECOMPUTE = "recompute"
    SWAP = "swap"


class Routing(StrEnum):
    """How a router picks the replica of a request."""

    ROUND_ROBIN = "round_robin"
    LEAST_OUTSTANDING = "least_outstanding"
    PREDICTED_LENGTH = "predicted_length"


@dataclass(frozen=True)
class Policy:
    """Scheduling of one pool of replicas.

    replicas, routing: `predicted_length` sends a request where the fewest predicted output tokens are outstanding.
    prediction_sigma: the prediction is the true length times a lognormal factor of this sigma (0 is an oracle).
    watermark: share of the KV blocks that admission leaves free (vLLM's default is 0.01).
    growth_tokens: output tokens for which admission reserves KV beside the prompt, whether they come or not; the
        longest output there is makes TensorRT-LLM's guaranteed_no_evict, 0 is vLLM's way.
    priorities: rank of each class, 0 served first; empty means that all classes are equal.
    preempt_lower: a waiting class of better rank takes the place of a running one, not only of a waiting one.
    checkpoint_tokens: chunked reasoning; at every so many output tokens a sequence steps back when others wait.
    prefix_hit_ratio: share of every prompt found in the prefix cache, whatever pages the requests carry.
    prefix_page_tokens: prompt tokens of one page, where they do (Mooncake traces hash 512 at a time).
    """

    replicas: int = 1
    routing: Routing = Routing.LEAST_OUTSTANDING
    prediction_sigma: float = 0.0
    preemption: Preemption = Preemption.RECOMPUTE
    watermark: float = 0.01
    growth_tokens: int = 0
    priorities: tuple[int, ...] = ()
    preempt_lower: bool = False
    checkpoint_tokens: int | None = None
    prefix_hit_ratio: float = 0.0
    prefix_page_tokens: int = 512

    def __post_init__(self) -> None:
        faults = []
        if self.replicas < 1:
            faults.append(f"replicas {self.replicas}: at least 1 is needed")
        if not 0 <= self.watermark < 1:
            faults.append(f"watermark {self.watermark}: give a share of the KV blocks, 0 to below 1")
        if not 0 <= self.prefix_hit_ratio <= 1:
            faults.append(f"prefix_hit_ratio {self.prefix_hit_ratio}: give a share, 0 to 1")
        if not (math.isfinite(self.prediction_sigma) and self.prediction_sigma >= 0):
            faults.append(f"prediction_sigma {self.prediction_sigma}: give a finite number, 0 or above")
        if self.growth_tokens < 0 or self.prefix_page_tokens < 1:
            faults.append("growth_tokens must not be negative and prefix_page_tokens must be at least 1")
        if self.checkpoint_tokens is not None and self.checkpoint_tokens < 1:
            faults.append(f"checkpoint_tokens {self.checkpoint_tokens}: at least 1 token")
        if any(rank < 0 for rank in self.priorities):
            faults.append("priorities: ranks count from 0, the first served")
        if faults:
            raise UserError("scheduling: " + "; ".join(faults))
