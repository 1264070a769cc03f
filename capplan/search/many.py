"""Plans and searches by a crew with a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capplan.plan import Plan, plans
from capplan.search.journal import Journal
from capplan.search.workers import Crew, chunks, crew, flattened

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

# Scenarios in one task: few enough that many workers have some, and more where there are many, since those that differ
# in little are planned as one array. Their number alone decides, so that a run that goes on finds its tasks again.
_FEWEST, _MOST, _TASKS = 16, 512, 64


@dataclass(frozen=True)
class Work:
    """A crew and its journal."""

    crew: Crew
    journal: Journal

    def map(self, function: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
        """Results in the order of the arguments, those of an earlier run taken from the journal."""
        return self.journal.map(self.crew, function, arguments)


@contextmanager
def work(
    jobs: int = 1, cluster: str | None = None, label: str = "tasks", journal: Path | None = None, resume: bool = False
) -> Iterator[Work]:
    """Workers and journal for the time of a command; the journal goes where the work was finished."""
    kept = Journal(journal, resume)
    with crew(jobs, cluster, label) as workers:
        yield Work(workers, kept)
    kept.finished()


@dataclass
class Planners:
    """Plans scenarios by a crew, in the order given. made: all that were planned, whatever then happens."""

    work: Work
    made: list[Plan] = field(default_factory=list)

    def plans(self, scenarios: Sequence[Scenario]) -> list[Plan]:
        """As `capplan.plan.plans`."""
        parts = chunks(list(scenarios), min(max(len(scenarios) // _TASKS, _FEWEST), _MOST))
        try:
            found = flattened(self.work.map(plans, parts))
        except KeyboardInterrupt:
            self.made += flattened([part for part in self.work.journal.known(plans, parts) if part is not None])
            raise
        self.made += found
        return found
