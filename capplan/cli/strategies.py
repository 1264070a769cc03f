"""Which way of thinking gives a right answer cheapest, and the frontier of cost, accuracy and latency.

With `--models`: models side by side, each thinking as long as equal arithmetic, cost or latency allows. With
`--policies`: what hints, caps by class, quotas, early stops, caches and compression change, one after another.

$ capplan strategies scenarios/maths-strategies.yaml
"""

from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

from ._completion import each, models
from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from capplan.report.report import Report

Models = Annotated[
    str | None,
    typer.Option(
        "--models", metavar="A,B,C", help="Models to set beside the scenario's own.", autocompletion=each(models)
    ),
]
Equal = Annotated[
    str | None,
    typer.Option(
        "--equal", metavar="MEASURE", help="With --models: equal tokens, flop, cost or latency.  [default: flop]"
    ),
]
Training = Annotated[
    list[str] | None,
    typer.Option("--training", metavar="MODEL=USD", help="With --models: what its training or distilling cost."),
]

ByPolicy = Annotated[bool, typer.Option("--policies", help="The scenario's policies on thinking, one after another.")]


@reports
def command(
    scenario: ScenarioFile = None,
    models: Models = None,
    policies: ByPolicy = False,
    equal: Equal = None,
    training: Training = None,
    settings: Settings = None,
) -> "Report":
    from capplan.report.report import report
    from capplan.search.compute import at_equal
    from capplan.search.policies import step_by_step
    from capplan.search.strategies import compare

    loaded = load(scenario, settings)
    if policies:
        if models is not None:
            raise UserError("--policies: goes without --models")
        steps = step_by_step(loaded)
        told, asked = steps.notes, loaded.resolved()
        return report("policies", steps.plans, rows=steps.rows, axes=("policy",), notes=told, scenario=asked)
    if models is None:
        if training or equal is not None:
            raise UserError(f"{f'--training {training[0]}' if training else f'--equal {equal}'}: needs --models")
        found = compare(loaded)
        axes, asked = found.columns, loaded.resolved()
        return report("strategies", found.plans, rows=found.rows, axes=axes, notes=found.notes, scenario=asked)
    names = [name.strip() for name in models.split(",") if name.strip()]
    made = at_equal(loaded, names, equal or "flop", _training(training or []))
    return report("compute", made.plans, rows=made.rows, axes=("model",), notes=made.notes, scenario=loaded.resolved())


def _training(given: list[str]) -> dict[str, float]:
    from capplan.units import parse

    costs = {}
    for text in given:
        name, sign, usd = text.partition("=")
        if not sign or not name.strip():
            raise UserError(f"--training {text}: write MODEL=USD, such as deepseek-r1-distill-qwen-7b='50000 USD'")
        costs[name.strip()] = parse(usd if "USD" in usd or "$" in usd else f"{usd} USD", "usd")
    return costs
