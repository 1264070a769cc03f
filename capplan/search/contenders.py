"""The ways of thinking that a scenario wants compared, each as a scenario of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from capplan.scenario.overrides import split, with_values
from capplan.scenario.reasoning import Reasoning

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

# What is compared where a scenario names one way of thinking only: the keys beside how long a sample thinks.
LINE_UP: tuple[Mapping[str, object], ...] = (
    {"strategy": "direct"},
    {"strategy": "chain_of_thought"},
    {"strategy": "majority_vote", "samples": 4},
    {"strategy": "majority_vote", "samples": 16},
    {"strategy": "majority_vote", "samples": 64},
    {"strategy": "majority_vote", "samples": 64, "adaptive": "true"},
    {"strategy": "best_of_n", "samples": 4},
    {"strategy": "best_of_n", "samples": 16},
    {"strategy": "beam"},
    {"strategy": "tree_of_thought"},
    {"strategy": "mcts"},
    {"strategy": "refine", "rounds": 1},
)
_THOUGHT = ("k", "tokens_per_step", "thinking_tokens", "thinking_budget")


def contenders(scenario: Scenario) -> tuple[list[Scenario], bool]:
    """A scenario for every strategy and every combination of the values swept inside it; True where they are ours.

    Only one strategy and nothing swept: LINE_UP is compared, each sample thinking as long as the scenario says.
    """
    listed = [
        scenario.having({"reasoning": section, "strategies": (), "sweeps": {}})
        for path in _lists(scenario)
        for section in _swept(scenario, path)
    ]
    if len(listed) > 1:
        return listed, False
    alone = listed[0]
    keys = {key: value for key in _THOUGHT if (value := _given(alone.reasoning, key)) is not None}
    if alone.reasoning.verifier is not None:
        keys["verifier"] = alone.reasoning.verifier
    return [_under_policies(_with(alone, {**keys, **ours}), alone.reasoning) for ours in LINE_UP], True


def _under_policies(contender: Scenario, own: Reasoning) -> Scenario:
    """The contender under the scenario's policies on thinking."""
    if not own.given("policies"):
        return contender
    return contender.having({"reasoning": contender.reasoning.having({"policies": own.policies})})


def differing(scenarios: Sequence[Scenario]) -> list[str]:
    """Keys of `reasoning` in which contenders of one strategy differ, in the order of the schema."""
    found = []
    for name in Reasoning._keys:
        if name in ("strategy", "strategies"):
            continue
        values: dict[str, set[str]] = {}
        for one in scenarios:
            reasoning = one.reasoning
            if name in reasoning.used_fields():
                values.setdefault(reasoning.strategy, set()).add(repr(getattr(reasoning, name)))
        if any(len(different) > 1 for different in values.values()):
            found.append(name)
    return found


def _lists(scenario: Scenario) -> list[str]:
    """Dotted paths of the sections to compare."""
    inner = scenario.reasoning.strategies
    for path, sections in (("strategies", scenario.strategies), ("reasoning.strategies", inner)):
        if sections:
            return [f"{path}.{at}" for at in range(len(sections))]
    return ["reasoning"]


def _swept(scenario: Scenario, path: str) -> Iterator[Reasoning]:
    axes = {key: values for key, values in scenario.sweeps.items() if key.startswith(f"{path}.")}
    for values in itertools.product(*axes.values()):
        yield _section(with_values(scenario, dict(zip(axes, values, strict=True))) if axes else scenario, path)


def _section(scenario: Scenario, path: str) -> Reasoning:
    found: Any = scenario
    for name in split(path):
        found = found[int(name)] if isinstance(found, tuple) else getattr(found, name)
    section: Reasoning = found
    return section.having({"strategies": ()}) if section.strategies else section


def _given(reasoning: Reasoning, key: str) -> object | None:
    name = "thinking_budget_tokens" if key == "thinking_budget" else key
    return getattr(reasoning, name) if reasoning.given(name) else None


def _with(scenario: Scenario, keys: Mapping[str, object]) -> Scenario:
    """The scenario under one of our line-up; keys that its strategy has no use for are left out."""
    strategy = str(keys["strategy"])
    fresh = scenario.having({"reasoning": Reasoning()})
    used = Reasoning(strategy=strategy).used_fields()
    own = {key: value for key, value in keys.items() if key in used or key in ("strategy", "thinking_budget")}
    return with_values(fresh, {f"reasoning.{key}": value for key, value in own.items()})
