"""The same simulation with several seeds: means over the runs, with intervals from how much the runs differ.

Runs with seeds of their own are independent, which the batches of one run are not quite: where the queue remembers for
long, as near full load, the interval over runs is the one to believe.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from capplan.scenario.schema import Scenario
from capplan.simulate.answer import Answer, answer
from capplan.simulate.estimate import Estimate, over_runs
from capplan.simulate.question import Question
from capplan.simulate.requests import Floats
from capplan.simulate.summary import ClassSummary, PoolSummary

Map = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]


@dataclass(frozen=True)
class Task:
    """One run. trace_state: size and time of change of its trace, by which an interrupted run knows the file again."""

    scenario: Scenario
    question: Question
    trace_state: tuple[int, int] | None


def replications(scenario: Scenario, question: Question, seeds: int, mapped: Map | None = None) -> Answer:
    """The answer over `seeds` runs, whose seeds follow that of the question; no series, which are those of one run.

    Every figure is the mean over the runs; percentiles are not those of all requests together. mapped: maps a function
    over arguments, in their order: who simulates them; None for this process. Raises what `answer` raises.
    """
    state = None
    if question.trace is not None and question.trace.exists():
        found = question.trace.stat()
        state = (found.st_size, found.st_mtime_ns)
    asked = [replace(question, seed=question.seed + more) for more in range(seeds)]
    tasks = [Task(scenario, each, state) for each in asked]
    runs: list[Answer] = mapped(simulated, tasks) if mapped else [simulated(task) for task in tasks]
    return _together(runs, f"over {seeds} runs, seeds {question.seed} to {asked[-1].seed}")


def simulated(task: Task) -> Answer:
    """One run; a function of its own, so that workers find it."""
    return answer(task.scenario, task.question)


def _together(runs: Sequence[Answer], over: str) -> Answer:
    named = [{one.name: one for one in run.summaries} for run in runs]
    # A class that is so rare that some run has none of it is told of no run.
    classes = [name for name in named[0] if all(name in each for each in named)]
    pools = [{state.name: state for state in run.pools} for run in runs]
    names = [name for name in pools[0] if all(name in each for each in pools)]
    told = runs[0].told
    if all(run.rows == runs[0].rows for run in runs):
        told = replace(told, said=(*told.said, "Every seed gave the same: nothing in this run is drawn by chance."))
    return told.answer(
        found=tuple(_class([each[name] for each in named]) for name in classes),
        pools=tuple(_pool([each[name] for each in pools]) for name in names),
        series={},
        quantiles={name: _middle([run.distributions[name] for run in runs]) for name in runs[0].distributions},
        intervals=over,
    )


def _class(runs: Sequence[ClassSummary]) -> ClassSummary:
    return replace(runs[0], **_figures(runs) | {"requests": sum(run.requests for run in runs)})


def _pool(runs: Sequence[PoolSummary]) -> PoolSummary:
    return replace(runs[0], **_figures(runs))


def _figures(runs: Sequence[Any]) -> dict[str, Any]:
    return {each.name: _figure([getattr(run, each.name) for run in runs]) for each in fields(runs[0])}


def _figure(values: Sequence[Any]) -> Any:
    """One figure over all runs: the mean, whether any says so, or the word that all say; None where a run has none."""
    first = values[0]
    if isinstance(first, Mapping):
        return {name: _figure([each[name] for each in values]) for name in first}
    if isinstance(first, Estimate):
        return over_runs([each.value for each in values])
    if isinstance(first, str) or any(value is None for value in values):
        return first if isinstance(first, str) else None
    if isinstance(first, bool):
        return any(values)
    middle = float(np.mean(values))
    return round(middle) if isinstance(first, int) else middle


def _middle(curves: Sequence[Floats]) -> Floats:
    mean: Floats = np.mean(curves, axis=0)
    return mean
