"""Classes of requests by length: the traffic cut at quantiles of its laws, each part as a scenario of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capplan.scenario.overrides import with_values
from capplan.search.optimize.space import section

if TYPE_CHECKING:
    from capplan.scenario.length import Length
    from capplan.scenario.schema import Scenario

_POINTS = 64


@dataclass(frozen=True)
class RequestClass:
    """Requests of about one length. share: of the queries. scenario: only they, at their rate and mean lengths."""

    name: str
    share: float
    scenario: Scenario


def request_classes(scenario: Scenario) -> list[RequestClass]:
    """The grid of prompt and output classes; a constant length is one class.

    The output is cut by its longest law: thinking where it has one, else the answer. Prompts and outputs are taken as
    independent, which production traces bear out but roughly (ServeGen, arXiv 2505.09999).
    """
    cuts = section(scenario).classes
    work, thinking = scenario.workload, scenario.reasoning.thinking_tokens
    path = "workload.answer_tokens"
    output: Length = work.answer_tokens
    if thinking is not None and scenario.reasoning.strategy != "direct" and _varies(thinking):
        path, output = "reasoning.thinking_tokens", thinking
    made = []
    for prompt, out in itertools.product(_parts(work.prompt_tokens, cuts), _parts(output, cuts)):
        (prompt_share, prompt_tokens), (out_share, out_tokens) = prompt, out
        share = prompt_share * out_share
        values = {"workload.qps": work.qps * share, "workload.prompt_tokens": prompt_tokens, path: out_tokens}
        name = f"{prompt_tokens:,.0f} in, {out_tokens:,.0f} out"
        made.append(RequestClass(name, share, with_values(scenario, values)))
    return made


def _varies(length: Length) -> bool:
    return length.law != "constant"


def _parts(length: Length, cuts: Sequence[float]) -> list[tuple[float, float]]:
    """(share, mean tokens) between the cuts."""
    from capplan.reasoning.options import law

    if not _varies(length):
        return [(1.0, float(length.mean_tokens))]
    parts, low = [], 0.0
    for high in cuts:
        middles = low + (np.arange(_POINTS) + 0.5) / _POINTS * (high - low)
        tokens = np.maximum(np.asarray(law(length).quantile_tokens(middles), np.float64), 1.0)
        parts.append((high - low, float(np.round(tokens.mean()))))
        low = high
    return parts
