"""The load of a run: every query as each pool would see it, drawn by the scenario or read from a trace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from capplan.errors import UserError
from capplan.reasoning.rounds import Round
from capplan.scenario.schema import Scenario
from capplan.simulate.question import Question
from capplan.simulate.requests import Requests, scaled_rate
from capplan.simulate.setup import Setup, expanded
from capplan.simulate.traces.reader import Cut, read_trace
from capplan.simulate.traces.servegen import read_servegen
from capplan.simulate.traffic.arrivals import DAY_S
from capplan.simulate.traffic.generate import generate, stopped_early

# Runs shorter than so many times to answer are mostly start-up; fewer requests than this give loose percentiles.
LIVES, FEWEST = 10, 20_000


@dataclass(frozen=True, eq=False)
class Load:
    """Queries in order of arrival. rounds: what each is made of, where it is more than one request."""

    requests: Requests
    rounds: tuple[Round, ...] = ()

    @property
    def engine_requests(self) -> int:
        """Requests that the engine serves."""
        return sum(made.prompt_tokens.size for made in self.rounds) or len(self.requests)


def loads(
    setups: Sequence[Setup], question: Question, scenario: Scenario, reach: float
) -> tuple[list[Load], list[str]]:
    """Every query as each pool would see it, in the same order for all, and sentences about them.

    reach: share of the scenario's queries that come to any pool; a cache of answers takes the others.
    Raises UserError for more requests than `question.most_requests`, and what a trace's reader raises.
    """
    if question.trace is None:
        made, said = _drawn(setups, question, scenario, reach)
    else:
        found, note = _traced(min(ready.context_tokens for ready in setups), question.trace, question)
        made, said = [Load(found)] * len(setups), [note]
    if question.stopping is None:
        return made, said
    if any(load.rounds for load in made):
        raise UserError("--stop-early: queries of several requests are judged anyway; choose chain_of_thought")
    return [Load(_stopped(load.requests, question)) for load in made], said


def _drawn(
    setups: Sequence[Setup], question: Question, scenario: Scenario, reach: float
) -> tuple[list[Load], list[str]]:
    work = scenario.workload
    if question.day and work.day is None:
        raise UserError(f"{scenario.name}: --load day needs the hours: give workload.day")
    profile = work.day.rates if question.day and work.day else ()
    busiest = question.peak and not profile
    rate_per_s = work.qps * (work.busiest_to_mean if busiest else 1.0) * question.rate_factor * reach
    drawn = [ready.traffic for ready in setups if ready.traffic is not None]
    each = max(ready.requests_per_query for ready in setups)
    tta_s = max(float(ready.plan.row["tta_s"]) for ready in setups)
    lasting = max(int(FEWEST / each), int(LIVES * rate_per_s * tta_s), int(DAY_S * rate_per_s * bool(profile)))
    count = question.requests or lasting
    if count * each > question.most_requests:
        raise UserError(
            f"{count * each:,.0f} requests are more than {question.most_requests:,}: ask for fewer with --requests "
            f"({each:g} each), or raise --max-requests"
        )
    # All arrive as the whole does; the burstiness of a pool is what is left of it there.
    whole = [
        replace(one, rate_per_s=rate_per_s, law=question.gaps, burstiness=work.burstiness, profile=tuple(profile))
        for one in drawn
    ]
    made = [
        Load(*expanded(ready, generate(traffic, count, question.seed), question.seed))
        for ready, traffic in zip(setups, whole, strict=True)
    ]
    said = f"{count:,} queries at {rate_per_s:,.4g}/s, burstiness {work.burstiness:g}"
    served = [
        f"A query of {ready.options.strategy} makes {load.engine_requests / count:.3g} requests in up to "
        f"{len(load.rounds)} rounds."
        for ready, load in zip(setups, made, strict=True)
        if load.rounds
    ]
    return made, [f"Synthetic traffic: {said}.", *served]


def _traced(context_tokens: int, path: Path, question: Question) -> tuple[Requests, str]:
    if path.is_dir():
        trace = read_servegen(
            path,
            question.seed,
            start_s=question.start_s,
            end_s=question.end_s,
            rate_factor=question.rate_factor,
            most_requests=question.most_requests,
        )
        load = trace.requests
    else:
        cut = Cut(question.start_s, question.end_s, context_tokens, question.drop_long, question.most_requests)
        trace = read_trace(path, cut)
        load = scaled_rate(trace.requests, question.rate_factor)
    said = "; ".join((f"{trace.format}, {len(load):,} requests", *trace.notes))
    return load, f"Trace {path.name}: {said}."


def _stopped(source: Requests, question: Question) -> Requests:
    stopping = question.stopping
    if stopping is None:
        return source
    return stopped_early(
        source, stopping.share, stopping.at, stopping.check_tokens, question.seed, stopping.prompt_tokens
    )
