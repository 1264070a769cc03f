"""At which K a model with reasoning takes longer, or costs more, than another model with less of it.

$ capplan crossover scenarios/textbook-gpt4-h100.yaml --model llama-3-70b --versus gpt-4-textbook --allow-infeasible
"""

from typing import TYPE_CHECKING, Annotated

import typer

from ._completion import models
from .common import ScenarioFile, Settings, load, reports

if TYPE_CHECKING:
    from capplan.report.report import Report


@reports
def command(
    model: Annotated[
        str, typer.Option("--model", metavar="A", help="The model that reasons, with growing K.", autocompletion=models)
    ],
    versus: Annotated[
        str, typer.Option("--versus", metavar="B", help="The model that it is compared with.", autocompletion=models)
    ],
    scenario: ScenarioFile = None,
    k_versus: Annotated[int, typer.Option("--k-versus", min=1, help="Reasoning steps of B.")] = 1,
    settings: Settings = None,
) -> "Report":
    from capplan.report.report import report
    from capplan.search.crossover import MOST_K, crossover

    loaded = load(scenario, settings)
    found = crossover(loaded, model, versus, k_versus)
    notes = [
        f"{name}: {model} exceeds {versus} at K = {k_versus} from K = {k} on"
        if k
        else f"{name}: {model} never exceeds {versus} at K = {k_versus}, up to K = {MOST_K:,}"
        for name, k in found.first_k.items()
    ]
    return report(
        "crossover", [found.versus, *found.plans], axes=("model", "k"), notes=notes, scenario=loaded.resolved()
    )
