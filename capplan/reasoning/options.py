"""What a scenario's `reasoning` section says, read once into plain values for the strategies."""

import math
from dataclasses import dataclass, field

from capplan.reasoning.lengths import Constant, LengthLaw
from capplan.reasoning.normal import Values

# Coefficient of variation of output length among samples of one prompt: median of 435 model x prompt cells with
# 5 runs each (LRMTokenEconomy, read 2026-11-21); p90 is 0.538. Kept with its source in configs/quality/sampling.yaml.
WITHIN_PROMPT_CV = 0.237


@dataclass(frozen=True)
class Verifier:
    """Who judges the samples. model None: the generating model itself; pool: `shared` or `own` accelerators."""

    model: str | None = None
    kind: str = "outcome"
    accuracy: Values | None = None
    decode_tokens: Values = 0.0
    pool: str = "shared"


@dataclass(frozen=True)
class Options:
    """The keys of `reasoning`; each strategy reads those that it knows. Counts may be arrays and broadcast."""

    strategy: str = "chain_of_thought"
    k: Values = 8.0
    tokens_per_step: Values = 256.0
    calls: str = "one"
    thinking: LengthLaw | None = None
    thinking_budget_tokens: Values = math.inf
    samples: Values = 8.0
    vote_share: Values | None = None
    concentration: Values | None = None
    adaptive: bool = False
    width: Values = 4.0
    branching: Values = 3.0
    depth: Values = 4.0
    keep: Values = 1.0
    rollouts: Values = 16.0
    rounds: Values = 2.0
    critic: Verifier | None = None
    critique_tokens: Values = 0.0
    verifier: Verifier | None = None
    sample_cv: float = field(default=WITHIN_PROMPT_CV)

    def thinking_law(self) -> LengthLaw:
        """Thinking of one sample before any cap: as given, else K steps of `tokens_per_step`."""
        return self.thinking if self.thinking is not None else Constant(self.k * self.tokens_per_step)


@dataclass(frozen=True)
class Query:
    """What one user request brings: the laws of its prompt and of its visible answer."""

    prompt: LengthLaw
    answer: LengthLaw
