"""What one plan costs a year, line by line, and what it takes to serve.

$ capplan tco --qps 100 --k 8
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._completion import accelerators, engines, models
from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capplan.plan import Plan
    from capplan.report.report import Report


def _key(flag: str, meaning: str, complete: "Callable[[str], list[str]] | None" = None) -> Any:
    """A flag that stands for a scenario key; its value is read, and faults are told, as if the file had it."""
    return typer.Option(flag, metavar="VALUE", help=meaning, rich_help_panel="Scenario keys", autocompletion=complete)


@reports
def command(
    scenario: ScenarioFile = None,
    qps: Annotated[str | None, _key("--qps", "Mean queries a second.")] = None,
    k: Annotated[str | None, _key("--k", "Reasoning steps.")] = None,
    model: Annotated[str | None, _key("--model", "Catalogue name, Hugging Face id or a config.json.", models)] = None,
    gpu: Annotated[str | None, _key("--gpu", "Accelerator.", accelerators)] = None,
    engine: Annotated[str | None, _key("--engine", "Serving engine or profile.", engines)] = None,
    weights: Annotated[str | None, _key("--weights", "Number format of the weights.")] = None,
    kv_cache: Annotated[str | None, _key("--kv-cache", "Number format of the KV cache.")] = None,
    tensor_parallel: Annotated[str | None, _key("--tp", "GPUs that share every layer, or auto.")] = None,
    concurrency: Annotated[str | None, _key("--concurrency", "Sequences in flight per replica, or auto.")] = None,
    prompt_tokens: Annotated[str | None, _key("--prompt-tokens", "Length of prompts.")] = None,
    answer_tokens: Annotated[str | None, _key("--answer-tokens", "Length of answers.")] = None,
    strategy: Annotated[str | None, _key("--strategy", "How the model reasons.")] = None,
    pricing: Annotated[str | None, _key("--pricing", "own, on_demand, reserved or spot.")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Simulate the plan and put the percentiles beside its own.")
    ] = False,
    settings: Settings = None,
) -> "Report":
    from capplan.report.report import report
    from capplan.search.per_unit import footprint_of, per_unit, with_next

    flags = {
        "workload.qps": qps,
        "reasoning.k": k,
        "model": model,
        "gpu": gpu,
        "serving.engine": engine,
        "serving.weights": weights,
        "serving.kv_cache": kv_cache,
        "serving.tensor_parallel": tensor_parallel,
        "serving.concurrency": concurrency,
        "workload.prompt_tokens": prompt_tokens,
        "workload.answer_tokens": answer_tokens,
        "reasoning.strategy": strategy,
        "cost.pricing": pricing,
    }
    made, more = with_next(load(scenario, settings, flags))
    columns, notes = _verified(made) if verify else ({}, ())
    row = {**made.row, **per_unit(made, more), **columns}
    return report("tco", [made], rows=[row], notes=notes, assumed=footprint_of(made).absent)


def _verified(made: "Plan") -> "tuple[Mapping[str, float], tuple[str, ...]]":
    """Simulated columns and what is to be said of them; a plan that cannot be is not simulated."""
    from capplan.simulate.verify import verify

    if not made.feasible:
        return {}, ("Not verified: a plan that cannot be is not simulated.",)
    found = verify(made.scenario)
    return found.columns, found.notes
