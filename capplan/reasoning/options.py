"""What a scenario's `reasoning` section says, read once into plain values for the strategies."""

import math
from functools import lru_cache
from typing import Any

from capplan.reasoning.combined_lengths import mixture
from capplan.reasoning.lengths import Constant, LengthLaw, Lognormal, Quantiles
from capplan.reasoning.normal import Values
from capplan.records import dataclass
from capplan.scenario.length import Length
from capplan.scenario.policies import Policies
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.reasoning import Verifier as VerifierSection

# Coefficient of variation of output length among samples of one prompt: median of 435 model x prompt cells with
# 5 runs each (LRMTokenEconomy); p90 is 0.538. configs/workloads/reasoning-maths.yaml has both; a test holds them equal.
WITHIN_PROMPT_CV = 0.237


@dataclass(frozen=True)
class Verifier:
    """Who judges the samples. model None: the generating model itself; own_pool: on accelerators of its own."""

    model: str | None = None
    kind: str = "outcome"
    accuracy: Values | None = None
    decode_tokens: Values = 0.0
    own_pool: bool = False


@dataclass(frozen=True)
class Options:
    """The keys of `reasoning`; each strategy reads those that it knows. Counts may be arrays and broadcast.

    single_accuracy: of one sample, which adaptive voting needs to know how soon votes are decided. policies: on the
    thinking, see `strategy.under_policies`. stages: of a cascade; stage_accuracies: what is known of each (`Accuracy`),
    empty where that is not all of them.
    """

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
    verifier: Verifier | None = None
    critic: Verifier | None = None
    sample_cv: float = WITHIN_PROMPT_CV
    single_accuracy: float | None = None
    policies: Policies | None = None
    stages: "tuple[Options, ...]" = ()
    stage_accuracies: tuple[Any, ...] = ()
    keeps_right: float = 1.0
    keeps_wrong: float = 0.0
    escalated: float | None = None

    def thinking_law(self) -> LengthLaw:
        """Thinking of one sample before any cap: as given, else K steps of `tokens_per_step`."""
        return self.thinking if self.thinking is not None else Constant(self.k * self.tokens_per_step)

    def path_law(self) -> LengthLaw:
        """Thinking along one path of a search: as given, else `depth` steps of `tokens_per_step`."""
        return self.thinking if self.thinking is not None else Constant(self.depth * self.tokens_per_step)


@dataclass(frozen=True)
class Query:
    """What one user request brings: the laws of its prompt and of its visible answer."""

    prompt: LengthLaw
    answer: LengthLaw


def read(section: Reasoning, single_accuracy: float | None = None) -> Options:
    """The options of a scenario's `reasoning` section."""
    budget = section.thinking_budget_tokens
    return Options(
        strategy=section.strategy,
        k=section.k,
        tokens_per_step=section.tokens_per_step,
        calls=section.calls,
        thinking=None if section.thinking_tokens is None else law(section.thinking_tokens),
        thinking_budget_tokens=math.inf if budget is None else budget,
        samples=section.samples,
        vote_share=section.vote_share,
        concentration=section.concentration,
        adaptive=section.adaptive,
        width=section.width,
        branching=section.branching,
        depth=section.depth,
        keep=section.keep,
        rollouts=section.rollouts,
        rounds=section.rounds,
        verifier=_verifier(section.verifier),
        critic=_verifier(section.critic),
        single_accuracy=single_accuracy,
        policies=section.policies if section.given("policies") else None,
        stages=tuple(read(stage, single_accuracy) for stage in section.stages),
        keeps_right=section.keeps_right,
        keeps_wrong=section.keeps_wrong,
        escalated=section.escalated,
    )


def query(prompt: Length, answer: Length) -> Query:
    """The lengths of a scenario's workload."""
    return Query(law(prompt), law(answer))


@lru_cache(maxsize=256)
def law(length: Length) -> LengthLaw:
    """The law of a length of a scenario; kept, since contenders of a comparison share theirs and its integrals."""
    if length.law == "constant":
        return Constant(length.mean_tokens)
    if length.law == "lognormal":
        return Lognormal(length.mu, length.sigma)
    if length.kinds:
        return mixture([share for share, _ in length.kinds], [law(kind) for _, kind in length.kinds])
    return Quantiles(length.shares, length.quantile_tokens, length.maximum_tokens, length.parameter("mean"))


def _verifier(section: VerifierSection | None) -> Verifier | None:
    if section is None:
        return None
    return Verifier(section.model, section.kind, section.accuracy, section.tokens, section.pool == "own")
