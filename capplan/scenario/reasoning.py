"""`reasoning`: how the model thinks before it answers. One section serves every strategy; each reads its own keys."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from capplan.scenario.kinds import Choice, Flag, Kind, Reference, ValueFault, Whole, nearest, scalar_text
from capplan.scenario.length import Length
from capplan.scenario.length_kind import LengthKind
from capplan.scenario.part import Contradiction, Part, key, slots
from capplan.scenario.policies import Policies
from capplan.scenario.quantity import Quantity

_THOUGHT = ("k", "calls", "tokens_per_step", "thinking_tokens")
# Keys that a strategy reads, beside `strategy` and the common ones. A strategy that only has a module may use all.
KEYS: dict[str, tuple[str, ...]] = {
    "direct": (),
    "chain_of_thought": _THOUGHT,
    "long_thinking": ("thinking_tokens",),
    "majority_vote": (*_THOUGHT, "samples", "vote_share", "concentration", "adaptive"),
    "best_of_n": (*_THOUGHT, "samples", "verifier"),
    "beam": (*_THOUGHT, "width", "branching", "depth", "verifier"),
    "tree_of_thought": (*_THOUGHT, "branching", "depth", "keep", "verifier"),
    "mcts": (*_THOUGHT, "rollouts", "branching", "depth", "verifier"),
    "refine": (*_THOUGHT, "rounds", "critic"),
    "cascade": ("stages", "keeps_right", "keeps_wrong", "escalated", "concentration"),
}
COMMON = ("strategy", "thinking_budget_tokens", "policies", "strategies")


@cache
def strategy_names() -> tuple[str, ...]:
    """The strategies of the schema and those that are only a module beside the others."""
    folder = Path(__file__).parents[1] / "reasoning" / "strategies"
    added = (path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    return (*KEYS, *sorted(set(added) - set(KEYS)))


@cache
def foreign_fields(strategy: str) -> frozenset[str]:
    """The keys that a strategy has no use for; none where it is only a module."""
    if strategy not in KEYS:
        return frozenset()
    return frozenset(name for keys in KEYS.values() for name in keys) - {*COMMON, *KEYS[strategy]}


class StrategyKind(Kind):
    """The name of a strategy."""

    def read(self, value: object) -> str:
        text = scalar_text(value)
        if text not in KEYS and text not in strategy_names():
            hint = nearest(text, strategy_names()) or f"one of {', '.join(strategy_names())}"
            raise ValueFault(f"unknown strategy '{text}'", hint)
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"enum": list(strategy_names())}


class Verifier(Part):
    """What judges candidate answers or steps."""

    model: Annotated[Any, Reference("models")] = key(
        None, "The judging model. Left out: the generating model judges itself."
    )
    kind: Annotated[Literal["outcome", "process"], Choice(("outcome", "process"))] = key(
        "outcome", "Judges whole answers (outcome) or every step (process)."
    )
    accuracy: Annotated[float | None, Quantity("ratio", least=0.5, most=1, example="85 %")] = key(
        None,
        "Chance that it ranks a right answer above a wrong one; 50 % is guessing. Left out: as published for its kind.",
    )
    tokens: Annotated[float, Quantity("tokens", least=0, most=1e6)] = key(
        0.0, "Tokens that it writes per judgement; a scoring head writes none."
    )
    pool: Annotated[Literal["shared", "own"], Choice(("shared", "own"))] = key(
        "shared", "On the generator's accelerators, or on a pool of its own."
    )


class Reasoning(Part):
    """How the model thinks. A list under any key is a sweep."""

    strategy: Annotated[str, StrategyKind()] = key("chain_of_thought", "The way of thinking.")
    k: Annotated[int, Whole(most=10**5)] = key(8, "Reasoning steps, one after another.")
    calls: Annotated[Literal["one", "per_step"], Choice(("one", "per_step"))] = key(
        "one", "one: the steps are a single generation whose context grows. "
        "per_step: each step is a request of its own, whose prefix may be cached."
    )  # fmt: skip
    tokens_per_step: Annotated[float, Quantity("tokens", above=0, most=1e8)] = key(
        256.0, "Tokens of one reasoning step."
    )
    thinking_tokens: Annotated[Length | None, LengthKind("thinking")] = key(
        None, "Thinking tokens of one sample in place of k steps: a number, a law, or a shipped workload."
    )
    thinking_budget_tokens: Annotated[float | None, Quantity("tokens", above=0, most=1e9, example="16k")] = key(
        None, "Cap on the thinking tokens of one request. Left out: none.", alias="thinking_budget"
    )
    samples: Annotated[int, Whole(most=10**6)] = key(8, "Answers drawn side by side.")
    vote_share: Annotated[float | None, Quantity("ratio", above=0, most=1, example="25 %")] = key(
        None,
        "Share of the votes with which the right answer wins; 50 % is a strict majority, ties split. Left out: 25 %, "
        "as fitted to published votes.",
    )
    concentration: Annotated[float | None, Quantity("ratio", above=0, infinite=True, example="1.2")] = key(
        None,
        "How alike problems are in difficulty (Beta law); .inf makes samples independent. Left out: as fitted to the "
        "model's published votes, else 1.2.",
    )
    adaptive: Annotated[bool, Flag()] = key(False, "Draw 2, 4, 8 ... and stop once the vote is clear.")
    width: Annotated[int, Whole(most=10**4)] = key(4, "Beams kept.")
    branching: Annotated[int, Whole(most=10**4)] = key(3, "Continuations tried from each node.")
    depth: Annotated[int, Whole(most=10**4)] = key(4, "Levels of the tree, or steps of the beam.")
    keep: Annotated[int, Whole(most=10**4)] = key(1, "Nodes kept at every level.")
    rollouts: Annotated[int, Whole(most=10**6)] = key(16, "Simulations of the tree search.")
    rounds: Annotated[int, Whole(most=10**4)] = key(2, "Times that the answer is revised.")
    verifier: Verifier | None = key(None, "What judges the candidates. Left out: the model itself.")
    critic: Verifier | None = key(None, "What criticises each draft. Left out: the model itself.")
    stages: tuple["Reasoning", ...] = key((), "Ways of thinking of a cascade, the cheapest first.")
    keeps_right: Annotated[float, Quantity("ratio", least=0, most=1, example="95 %")] = key(
        1.0, "Share of a stage's right answers that the check lets stand; the others go on to the next stage."
    )
    keeps_wrong: Annotated[float, Quantity("ratio", least=0, most=1, example="20 %")] = key(
        0.0, "Share of a stage's wrong answers that the check lets stand."
    )
    escalated: Annotated[float | None, Quantity("ratio", least=0, most=1, example="30 %")] = key(
        None, "Share of the answers that goes on from each stage. Left out: as the accuracies and the check say."
    )
    policies: Policies = key(Policies(), "What holds thinking down, or saves it.")
    strategies: tuple["Reasoning", ...] = key((), "Several ways of thinking, to be compared.")

    def contradictions(self) -> Iterator[Contradiction]:
        yield from self._foreign_keys()
        steps, thinking = self.given("k"), self.given("thinking_tokens")
        if thinking and self.given("tokens_per_step"):
            yield Contradiction("tokens_per_step", "thinking_tokens already says how long the thinking is",
                                "keep one of the two")  # fmt: skip
        if thinking and steps and self.calls == "one":
            yield Contradiction("k", "thinking_tokens already says how long the thinking is",
                                "keep one of the two, or set calls: per_step to split it into k requests")  # fmt: skip
        if self.given("calls") and self.calls == "per_step" and not steps:
            yield Contradiction("calls", "per_step makes k requests, but k is not given", "add k: 8")

        if self.strategy == "cascade" and not self.stages:
            yield Contradiction("strategy", "a cascade needs stages",
                                "add stages: [direct, {strategy: long_thinking, thinking_tokens: 4k}]")  # fmt: skip
        if self.policies.classifier is not None and self.given("thinking_budget_tokens"):
            yield Contradiction("thinking_budget", "policies.classifier already gives every class its budget",
                                "set the cap of each class")  # fmt: skip

    def _foreign_keys(self) -> Iterator[Contradiction]:
        for name in sorted(self.given_fields & foreign_fields(self.strategy)):
            users = [strategy for strategy, keys in KEYS.items() if name in keys]
            message = f"strategy {self.strategy} has no use for it"
            yield Contradiction(name, message, f"it belongs to {', '.join(users)}")

    def used_fields(self) -> tuple[str, ...]:
        """The fields that mean something under this strategy."""
        foreign = foreign_fields(self.strategy)
        return tuple(slot.field for slot in slots(type(self)).values() if slot.field not in foreign)
