"""The cheapest GPU, layout, precision and price that meet every target, and what stands next to it.

$ capplan optimize scenarios/optimize-chat.yaml --gpus h100-sxm,h200-sxm -o best.yaml
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capplan.errors import InfeasibleError, UserError

from . import _completion
from ._charts import Charts, pictures
from ._many import Cluster, Jobs, Resume, going_on, interrupted, working, write_scenario
from .common import (
    AllowInfeasible,
    AsOf,
    Format,
    NoColor,
    Quiet,
    ScenarioFile,
    Settings,
    Strict,
    emit,
    load,
    note,
    output_format,
)  # fmt: skip

if TYPE_CHECKING:
    from capplan.report.report import Report
    from capplan.scenario.schema import Scenario
    from capplan.search.optimize.answer import Optimized

# Processes, cluster, what is counted, output file, whether an interrupted run goes on.
Crew = tuple[int, str | None, str, Path | None, bool]
_SCENARIO = (".yaml", ".yml")


def _listed(flag: str, help: str, metavar: str = "A,B", complete: Any = None) -> Any:
    return typer.Option(flag, metavar=metavar, help=help, autocompletion=complete and _completion.each(complete))


def command(
    scenario: ScenarioFile = None,
    gpus: Annotated[
        str | None, _listed("--gpus", "Accelerators to choose from.", complete=_completion.accelerators)
    ] = None,
    models: Annotated[str | None, _listed("--models", "Models to choose from.", complete=_completion.models)] = None,
    engines: Annotated[
        str | None, _listed("--engines", "Engines to choose from.", complete=_completion.engines)
    ] = None,
    weights: Annotated[str | None, _listed("--weights", "Number formats of the weights.")] = None,
    kv_cache: Annotated[str | None, _listed("--kv-cache", "Number formats of the KV cache.")] = None,
    concurrency: Annotated[str | None, _listed("--concurrency", "Sequences in flight per replica.", "1,8,64")] = None,
    disaggregated: Annotated[
        str | None, _listed("--disaggregated", "Prefill and decode apart, together, or both.", "true,false")
    ] = None,
    prefill_ratio: Annotated[
        str | None, _listed("--prefill-ratio", "Prefill to decode replicas, of those apart.", "1:1,1:3")
    ] = None,
    pricing: Annotated[str | None, _listed("--pricing", "own, on_demand, spot, reserved_1_year, ...")] = None,
    objective: Annotated[str | None, _listed("--objective", "cost, cost_per_correct_answer, carbon.", "WHAT")] = None,
    max_gpus: Annotated[int | None, typer.Option("--max-gpus", help="GPUs of the whole fleet at most.")] = None,
    mix: Annotated[
        bool, typer.Option("--mix", help="Request classes on several GPU types, by integer programming.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Without shadow prices, cliffs, verdict and simulation.")
    ] = False,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    resume: Resume = False,
    settings: Settings = None,
    format: Format = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="The report; a .yaml gets the winner's scenario.")
    ] = None,
    chart: Charts = None,
    allow_infeasible: AllowInfeasible = False,
    strict: Strict = False,
    as_of: AsOf = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    winner = out if out is not None and out.suffix.lower() in _SCENARIO else None
    rest = None if winner else out
    output_format(format, rest)
    pictures(chart)
    listed = {"gpus": gpus, "models": models, "engines": engines, "weights": weights, "kv_cache": kv_cache,
              "concurrency": concurrency, "disaggregated": disaggregated,
              "prefill_ratio": prefill_ratio, "pricing": pricing,
              "objective": objective, "max_gpus": max_gpus}  # fmt: skip
    asked = load(scenario, settings, {f"optimize.{name}": value for name, value in listed.items()})
    if mix and winner:
        raise UserError(f"--out {winner}: a mix is several scenarios; write the report to .json or .csv")
    crew = (jobs, cluster, "deployments", out, resume)
    report, best = _mixed(asked, crew) if mix else _best(asked, crew, fast)
    if winner is not None and best is not None:
        write_scenario(best, winner, "optimize")
        if not quiet:
            note(f"{winner}: the winner; capplan tco, simulate and deploy take it")
    emit(report, format, rest, chart, allow_infeasible, strict, as_of, quiet, no_color)


def _best(asked: "Scenario", crew: "Crew", fast: bool) -> "tuple[Report, Scenario | None]":
    from capplan.search.optimize.answer import optimize

    with working(*crew) as work:
        try:
            found = optimize(asked, work.map, confident=not fast)
        except KeyboardInterrupt:
            out = crew[3]
            if out is not None and out.suffix.lower() in _SCENARIO:
                note(f"interrupted: no winner yet; what is searched lies beside {out}, and --resume goes on with it")
            else:
                part = optimize(asked, work.journal.known, confident=False)
                interrupted(_told(asked, part), out, len(part.rows))
            raise
    if not found.rows:
        raise UserError("\n".join(found.notes))
    if found.best is not None and not fast:
        found = _simulated(found, found.best)
    return _told(asked, found), found.best


def _simulated(found: "Optimized", best: "Scenario") -> "Optimized":
    """The answer with the winner's simulated percentiles, or why they cannot be had."""
    from capplan.simulate.verify import verify

    try:
        seen = verify(best)
    except UserError as wrong:
        return replace(found, notes=(*found.notes, f"Not simulated: {wrong}."))
    rows = ({**found.rows[0], **seen.columns}, *found.rows[1:])
    return replace(found, rows=rows, notes=(*found.notes, *seen.notes))


def _told(asked: "Scenario", found: "Optimized") -> "Report":
    from capplan.report.report import report

    return report(
        "optimize", found.plans, rows=found.rows, axes=("part",), notes=found.notes, scenario=asked.resolved()
    )


def _mixed(asked: "Scenario", crew: "Crew") -> "tuple[Report, None]":
    from capplan.report.report import report
    from capplan.search.optimize.mixed import mixed

    with going_on(*crew) as mapped:
        found = mixed(asked, mapped)
    if not found.rows:
        raise InfeasibleError("\n".join(found.notes))
    told = report(
        "optimize-mix", found.plans, rows=found.rows, axes=("part",), notes=found.notes, scenario=asked.resolved()
    )
    return told, None
