"""Percentiles of TTFT, ITL and TTA under queueing, for synthetic traffic or a recorded trace.

$ capplan simulate scenarios/templates/chat.yaml --requests 5000
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capplan.errors import UserError

from ._many import Cluster, Jobs, Resume, going_on
from .common import ScenarioFile, Settings, load, reports, write

if TYPE_CHECKING:
    from capplan.report.report import Report
    from capplan.scenario.schema import Scenario
    from capplan.simulate.answer import Answer
    from capplan.simulate.question import Question
    from capplan.simulate.study import Map

# Queries of a study: each of its configurations is simulated twice.
STUDIED = 10_000
# Beyond any number that can be served here one by one.
MOST = 10**9


class Load(StrEnum):
    """Which load is simulated."""

    peak = "peak"
    mean = "mean"
    day = "day"


class Router(StrEnum):
    """How requests find their replica."""

    round_robin = "round_robin"
    least_outstanding = "least_outstanding"
    predicted_length = "predicted_length"


class Preempted(StrEnum):
    """What becomes of the KV of a request that must give way."""

    recompute = "recompute"
    swap = "swap"


class GapLaw(StrEnum):
    """The law of the gaps between arrivals."""

    poisson = "poisson"
    gamma = "gamma"
    weibull = "weibull"


Trace = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="FILE",
        help="Recorded traffic: Azure, BurstGPT, Mooncake, own CSV or JSONL; a ServeGen folder.",
    ),
]


@reports
def command(
    scenario: ScenarioFile = None,
    trace: Trace = None,
    requests: Annotated[
        int | None,
        typer.Option("--requests", min=1, max=MOST, help="Queries of synthetic traffic; left out, enough to settle."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same bytes.")] = 0,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            min=1,
            max=10_000,
            metavar="N",
            help="Runs whose means are told, their seeds counted from --seed.",
        ),
    ] = 1,
    at: Annotated[
        Load,
        typer.Option(
            "--load", help="Arrivals of the busiest hour, of the mean, or hour by hour as `workload.day` has them."
        ),
    ] = Load.peak,
    rate_factor: Annotated[
        str, typer.Option("--rate-factor", metavar="RATIO", help="Multiply the arrivals a second by this.")
    ] = "1",
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Start the trace here, e.g. '30 min'.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="End the trace here, e.g. '2 h'.")
    ] = None,
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=1, max=MOST, help="Replicas, in place of the plan's number.")
    ] = None,
    prefill_replicas: Annotated[
        int | None, typer.Option("--prefill-replicas", min=1, max=MOST, help="Of them, those that only read prompts.")
    ] = None,
    routing: Annotated[Router | None, typer.Option("--routing", help="Which replica a request goes to.")] = None,
    prediction_error: Annotated[
        str,
        typer.Option(
            "--prediction-error",
            metavar="SIGMA",
            help="For predicted_length: standard deviation of the log of predicted over true.",
        ),
    ] = "0",
    cascade: Annotated[
        bool,
        typer.Option(
            "--cascade", help="All queries start at the first tier; what a tier does not settle goes to the next."
        ),
    ] = False,
    gaps: Annotated[GapLaw, typer.Option("--gaps", help="Law of the gaps between arrivals.")] = GapLaw.gamma,
    preemption: Annotated[
        Preempted, typer.Option("--preemption", help="What becomes of a preempted request's KV.")
    ] = Preempted.recompute,
    first: Annotated[
        str | None,
        typer.Option("--first", metavar="A,B", help="Classes of the trace whose requests go before the others."),
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="With --first: they also take the places of running requests.")
    ] = False,
    checkpoint: Annotated[
        int | None,
        typer.Option(
            "--checkpoint", min=1, metavar="TOKENS", help="Chunked reasoning: make way for others after so many tokens."
        ),
    ] = None,
    keep_kv: Annotated[
        str,
        typer.Option("--keep-kv", metavar="SHARE", help="KV compression: share of a sequence's cache that is kept."),
    ] = "100 %",
    stop_early: Annotated[
        str | None,
        typer.Option(
            "--stop-early",
            metavar="SHARE",
            help="Streaming verification: share of the queries whose answer is known early.",
        ),
    ] = None,
    stop_at: Annotated[
        str,
        typer.Option("--stop-at", metavar="SHARE", help="With --stop-early: known after this share of the thinking."),
    ] = "50 %",
    check_tokens: Annotated[
        int, typer.Option("--check-tokens", min=1, help="With --stop-early: thinking tokens between two checks.")
    ] = 512,
    warm_up: Annotated[
        str, typer.Option("--warm-up", metavar="SHARE", help="Share of the time left out at the start.")
    ] = "20 %",
    exact: Annotated[bool, typer.Option("--exact", help="Step every token: slow, to check the short cuts.")] = False,
    drop_long: Annotated[
        bool, typer.Option("--drop-long", help="Leave out requests of the trace longer than the model's context.")
    ] = False,
    max_requests: Annotated[
        int, typer.Option("--max-requests", min=1, help="Refuse more requests than these, for memory's sake.")
    ] = 3_000_000,
    series: Annotated[
        Path | None, typer.Option("--series", metavar="FILE.csv", help="Queue and KV over time, as CSV.")
    ] = None,
    study: Annotated[
        bool, typer.Option("--study", help="Compare KV compression, routing and early stopping on this fleet.")
    ] = False,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    resume: Resume = False,
    settings: Settings = None,
    out: Path | None = None,
) -> "Report":
    from capplan.report.formats.csv import to_csv
    from capplan.report.report import report
    from capplan.simulate.policy import Preemption, Routing
    from capplan.simulate.question import Question, Stopping
    from capplan.simulate.replications import replications
    from capplan.simulate.traffic.arrivals import Gaps

    loaded = load(scenario, settings)
    if study:
        if seeds > 1:
            raise UserError("--study serves the same queries with every configuration: leave --seeds out")
        if trace is not None:
            raise UserError("--study draws its own queries from the scenario: leave --trace out")
        with going_on(jobs, cluster, "configurations", out, resume) as mapped:
            return _study(loaded, requests or STUDIED, seed, mapped)
    if seeds == 1 and (jobs > 1 or cluster is not None or resume):
        raise UserError("--jobs, --cluster and --resume divide runs, and this is one: ask for several with --seeds")
    if seeds > 1 and series is not None:
        raise UserError("--series: queue and KV over time are those of one run; leave --seeds out")
    if trace is None and (start or until or drop_long):
        raise UserError("--from, --until and --drop-long cut a trace: give one with --trace")
    if take_over and not first:
        raise UserError("--take-over is for classes that go first: name them with --first")
    early = _parsed("--stop-early", stop_early, "ratio", 0.0) if stop_early else None
    question = Question(
        trace=trace,
        requests=requests,
        seed=seed,
        peak=at is Load.peak,
        rate_factor=_parsed("--rate-factor", rate_factor, "ratio", 1.0),
        day=at is Load.day,
        cascade=cascade,
        prediction_error=_parsed("--prediction-error", prediction_error, "ratio", 0.0),
        start_s=_parsed("--from", start, "s", 0.0),
        end_s=_parsed("--until", until, "s", float("inf")),
        replicas=replicas,
        prefill_replicas=prefill_replicas,
        routing=Routing(routing) if routing else None,
        gaps=Gaps(gaps),
        preemption=Preemption(preemption),
        first_classes=tuple(name.strip() for name in first.split(",")) if first else (),
        preempt_lower=take_over,
        checkpoint_tokens=checkpoint,
        kv_kept=_parsed("--keep-kv", keep_kv, "ratio", 1.0),
        stopping=None if early is None else Stopping(early, _parsed("--stop-at", stop_at, "ratio", 0.5), check_tokens),
        warm_up=_parsed("--warm-up", warm_up, "ratio", 0.2),
        exact=exact,
        drop_long=drop_long,
        most_requests=max_requests,
    )
    if seeds > 1:
        with going_on(jobs, cluster, "runs", out, resume) as mapped:
            found = replications(loaded, question, seeds, mapped)
    else:
        found = _watched(loaded, question)
    if series is not None:
        names = tuple(found.series)
        columns = [found.series[name].tolist() for name in names]
        write(to_csv(names, [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]), series)
    return report(
        "simulate",
        found.plans,
        rows=found.rows,
        axes=("class", "statistic"),
        notes=found.notes,
        scenario=loaded.resolved(),
        distributions={name.upper(): values.tolist() for name, values in found.distributions.items()},
    )


def _watched(scenario: "Scenario", question: "Question") -> "Answer":
    """One run, with a line that counts its requests on a terminal."""
    from capplan.simulate.answer import answer

    watched = sys.stderr.isatty()
    found = answer(scenario, question, _progress if watched else None)
    if watched:
        sys.stderr.write("\r" + " " * 40 + "\r")
    return found


def _study(scenario: "Scenario", requests: int, seed: int, mapped: "Map") -> "Report":
    from capplan.report.report import report
    from capplan.simulate.setup import setup
    from capplan.simulate.study import serving_study
    from capplan.simulate.study_telling import explained, rows

    ready = setup(scenario)
    found = serving_study(ready, requests, seed, mapped=mapped)
    return report(
        "simulate-study",
        [ready.plan],
        rows=rows(found),
        axes=("configuration",),
        notes=explained(found),
        scenario=scenario.resolved(),
    )


def _parsed(flag: str, text: str | None, unit: str, default: float) -> float:
    from capplan import units

    try:
        return default if text is None else units.parse(text, unit)
    except units.UnitError as error:
        raise UserError(f"{flag}: {error}") from error


def _progress(arrived: int) -> None:
    """One line that is written over: on a terminal only, and gone before the report."""
    sys.stderr.write(f"\r{arrived:>12,} requests simulated\r")
    sys.stderr.flush()
