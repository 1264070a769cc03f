"""Reports to compare: planned from scenario text, as a user would write it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from capplan.report.diff.sides import Side, side

SCENARIO = """\
version: 1
name: {name}
model: llama-3.1-8b
gpu: {gpu}
workload:
  qps: {qps}
reasoning:
  k: {k}
  tokens_per_step: 128
cost:
  purchase_price: {price} USD
"""

Planned = Callable[..., Side]
NORMAL: dict[str, object] = {"name": "chat", "gpu": "h100-sxm", "qps": 200, "k": 4, "price": 27500}


def scenario_text(**given: object) -> str:
    return SCENARIO.format(**{**NORMAL, **given})


@pytest.fixture
def planned() -> Planned:
    """`planned(k=8)`: the side of a scenario file."""

    def made(**given: object) -> Side:
        return side(scenario_text(**given).encode(), "chat.yaml")

    return made


@pytest.fixture
def written() -> Planned:
    """`written(k=8, into={...})`: the side of its JSON report, with parts of it changed."""

    def made(into: dict[str, Any] | None = None, **given: object) -> Side:
        report = side(scenario_text(**given).encode(), "chat.yaml").report
        return side(json.dumps({**report, **(into or {})}).encode(), "chat.json")

    return made
