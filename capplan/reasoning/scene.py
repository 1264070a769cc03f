"""From a scenario to a strategy's demand and accuracy: the one place that knows both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from capplan.catalog import files
from capplan.reasoning import options as sections
from capplan.reasoning.demand import Demand
from capplan.reasoning.options import Options, Query
from capplan.reasoning.range import SAME, Range
from capplan.reasoning.strategy import accuracy, demand, unhindered
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.schema import Scenario

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy


def demand_of(scenario: Scenario, section: Reasoning | None = None) -> Demand:
    """What one query of the scenario asks of the engine, under its `reasoning` or another section of that kind."""
    return demand(options_of(scenario, section), query_of(scenario))


def accuracy_of(scenario: Scenario, section: Reasoning | None = None) -> Accuracy | None:
    """How often its answers are right; None where the scenario says nothing to tell it by.

    Raises UserError for a benchmark that does not exist and a curve file that cannot be used.
    """
    base = base_of(scenario)
    return None if base is None else accuracy_from(base, scenario, section)


def accuracy_from(base: Base, scenario: Scenario, section: Reasoning | None = None) -> Accuracy | None:
    """How often its answers are right, by what is known about one sample."""
    query = query_of(scenario)
    return accuracy(knowing(options_of(scenario, section), base, query), query, base)


def options_of(scenario: Scenario, section: Reasoning | None = None) -> Options:
    """The options of the scenario's reasoning; adaptive voting learns the accuracy of one sample, if there is one."""
    chosen = sections.read(section or scenario.reasoning)
    base = base_of(scenario) if chosen.adaptive or chosen.stages else None
    return chosen if base is None else knowing(chosen, base, query_of(scenario))


def query_of(scenario: Scenario) -> Query:
    """The lengths of the scenario's prompts and answers."""
    return sections.query(scenario.workload.prompt_tokens, scenario.workload.answer_tokens)


def base_of(scenario: Scenario) -> Base | None:
    """What the scenario tells or the catalogue publishes about one sample; None without a word under `quality`."""
    quality = scenario.quality
    given = (quality.benchmark, quality.single_sample_accuracy, quality.curve, quality.direct_accuracy)
    if all(one is None for one in given):
        return None
    from capplan.reasoning import published  # most plans are asked without `quality`, and start-up counts

    curve = None if quality.curve is None else scenario.file(quality.curve)
    known = published.base(
        model_name(scenario.model),
        quality.benchmark,
        quality.single_sample_accuracy,
        curve,
        quality.direct_accuracy,
        quality.problems,
    )
    return replace(known, kept=_quantised(scenario))


def _quantised(scenario: Scenario) -> Range:
    """What the weights' format costs in right answers: published figures are those of the format published with."""
    from capplan.catalog.models import model
    from capplan.engine.architecture import parameters
    from capplan.reasoning.accuracy import quantization

    quality = scenario.quality
    if quality.weights is None and quality.benchmark is None:
        return SAME
    arch = model(scenario.model, base=scenario.path.parent if scenario.path else None).architecture
    measured = quality.weights or arch.native_weights
    return quantization.kept(scenario.serving.weights, measured, parameters(arch).total, quality.benchmark)


def model_name(model: object) -> str:
    """The catalogue's name of a scenario's model; the name it gives itself where it is described in place."""
    if isinstance(model, dict):
        return str(model.get("name", "custom model"))
    name = str(model)
    return files.find("models", name).stem if files.exists("models", name) else name


def knowing(options: Options, base: Base, query: Query) -> Options:
    """The options with the accuracy of one sample at the length that this strategy's samples have, or of each stage."""
    if options.stages:
        stages = tuple(knowing(stage, base, query) for stage in options.stages)
        found = [accuracy(stage, query, base) for stage in stages]
        return replace(options, stages=stages, stage_accuracies=() if None in found else tuple(found))
    bare, effects = unhindered(options)
    law, budget = bare.thinking_law(), bare.thinking_budget_tokens
    single = effects.on_base(base).at(law.capped_mean_tokens(budget), law, budget)
    if single is None or np.ndim(single.value) > 0:
        return options
    return replace(options, single_accuracy=float(single.value))
