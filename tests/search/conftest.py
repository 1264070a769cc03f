"""A planner whose answers can be worked out by hand, in place of the engine's."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from capplan.engine.excuse import Excuse
from capplan.plan import Plan
from capplan.scenario.loader import loads
from capplan.scenario.schema import Scenario

DIVIDED = 6


def by_hand(scenario: Scenario) -> Plan:
    """256 K + 300 tokens at 10 ms each; a replica of T GPUs holds 1000 T / tokens queries; T = 1 up to K = 6, else 2.

    One GPU holds no more than K = 10; left to itself it takes two from K = 7 on. A GPU costs 1,000.50 USD a year.
    """
    k = scenario.reasoning.k
    tensor = scenario.serving.tensor_parallel
    gpus_each = (1 if k <= DIVIDED else 2) if tensor == "auto" else tensor
    tokens = 256 * k + 300
    held = max(1, 100_000 * gpus_each // tokens)
    gpus = gpus_each * -(-int(scenario.workload.qps * tokens) // (100 * held))
    fits = gpus_each > 1 or k <= 10
    row = {
        "k": k, "model": str(scenario.model), "gpu": str(scenario.gpu), "tensor_parallel": gpus_each,
        "pipeline_parallel": 1, "expert_parallel": 1, "attention_data_parallel": 1, "concurrency": held,
        "output_tokens": tokens, "ttft_s": 0.5, "tta_s": 0.5 + tokens * 0.01, "replicas": gpus // gpus_each,
        "gpus": gpus, "nodes": gpus, "annual_tco_usd": Decimal("1000.50") * gpus, "usd_per_1k_queries": Decimal(1),
        "bottleneck": "kv_cache", "feasible": fits,
    }  # fmt: skip
    why = () if fits else (Excuse("memory", "too long for one GPU", "two", {"serving.tensor_parallel": 2}),)
    return Plan(scenario, row, (), why, (), 0.5 + tokens * 0.01)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Puts the planner by hand in place; holds how many plans each call asked for."""
    calls: list[int] = []

    def plans(scenarios: Sequence[Scenario]) -> list[Plan]:
        calls.append(len(scenarios))
        return [by_hand(scenario) for scenario in scenarios]

    for module in ("sweep", "crossover", "route"):
        monkeypatch.setattr(f"capplan.search.{module}.plans", plans)
    return calls


@pytest.fixture
def scenario() -> Callable[..., Scenario]:
    """`scenario("reasoning: {k: 4}")`: a small scenario with more keys."""

    def made(*more: str) -> Scenario:
        return loads("\n".join(["version: 1", "workload: {qps: 100}", *more]))

    return made
