"""`optimize`: the space evaluated, the winner planned exactly, and all that a reader needs to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capplan.errors import UserError
from capplan.plan import Plan
from capplan.scenario.optimize import PER_CORRECT_ANSWER
from capplan.search.optimize import words
from capplan.search.optimize.candidate import Exact
from capplan.search.optimize.evaluate import evaluate
from capplan.search.optimize.evaluated import Evaluated
from capplan.search.optimize.frontier import alike, frontier
from capplan.search.optimize.nearest import Relaxation, nearest, relaxation
from capplan.search.optimize.select import Winner, considered, pruned, runners_up, why_behind, winner
from capplan.search.optimize.sensitivity import Evaluate, cliffs, shadow_prices, verdict
from capplan.search.optimize.space import Choice, choices, section
from capplan.search.workers import Map, locally

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

RUNNERS_UP = 5


@dataclass(frozen=True)
class Optimized:
    """The answer of `optimize`.

    rows: plans' rows with `part` (winner, runner-up, frontier or nearest), `pricing` and `behind`, what they lose on.
    best: the winner's scenario, None where nothing fits. pruned: candidates by the constraint that they break worst.
    """

    scenario: Scenario
    plans: tuple[Plan, ...]
    rows: tuple[Mapping[str, object], ...]
    notes: tuple[str, ...]
    best: Scenario | None
    candidates: int
    pruned: Mapping[str, int]


def optimize(scenario: Scenario, mapped: Map = locally, confident: bool = True) -> Optimized:
    """The cheapest plan of the space that meets every target.

    mapped: who evaluates the deployments. confident: shadow prices, cliffs and the verdict too, which take as long as
    the search itself. Raises UserError where right answers are to be cheap and nobody knows how many there are.
    """
    objective = section(scenario).objective
    unserved: dict[str, str] = {}

    def evaluated(tried: Sequence[Choice]) -> list[Evaluated]:
        # None stands for one that an interrupted run has not come to.
        made = mapped(evaluate, list(tried))
        unserved.update({choice.name: one for choice, one in zip(tried, made, strict=True) if isinstance(one, str)})
        return [one for one in made if isinstance(one, Evaluated)]

    found = evaluated(choices(scenario))
    if objective == PER_CORRECT_ANSWER and found and not any(one.accuracy for one in found):
        raise UserError(f"{scenario.name}: the cost of a right answer needs an accuracy, and no candidate's is known: "
                        "give quality.benchmark, single_sample_accuracy, direct_accuracy or curve")  # fmt: skip
    held = winner(found, objective)
    counts = pruned(found)
    head = words.counted(considered(found), len(found), counts, unserved)
    if held is None:
        return _nothing(scenario, found, objective, evaluated, head, counts)
    return _answer(scenario, found, held, objective, evaluated if confident else None, head, counts)


def _answer(
    scenario: Scenario,
    found: Sequence[Evaluated],
    held: Winner,
    objective: str,
    evaluated: Evaluate | None,
    head: str,
    counts: Mapping[str, int],
) -> Optimized:
    best = held.best
    others = runners_up(found, best, objective, RUNNERS_UP)
    # A runner-up that turns out better in its exact plan was too close for the estimates to tell.
    for other in [one for one in others if one.order < best.order]:
        others = sorted([*(one for one in others if one is not other), best], key=lambda one: one.order)
        best = other
    front = [one for one in frontier(found, objective) if not alike(one, best)]
    notes = [words.won(best, objective), *words.why(best)]
    if evaluated is not None:
        notes.append(words.judged(best, others, verdict(best, others)))
        notes += words.priced(scenario, shadow_prices(scenario, best, objective, evaluated), objective)
        notes += words.ahead(cliffs(best))
    notes += [head, *words.kept(scenario, held)]
    parts = [("winner", best, ""), *(("runner-up", one, why_behind(best, one)) for one in others)]
    parts += [("frontier", one, why_behind(best, one)) for one in front]
    return Optimized(
        scenario,
        tuple(one.plan for _, one, _ in parts),
        tuple(_row(part, one, behind) for part, one, behind in parts),
        tuple(notes),
        best.candidate.scenario,
        considered(found),
        counts,
    )


def _nothing(
    scenario: Scenario,
    found: Sequence[Evaluated],
    objective: str,
    evaluated: Evaluate,
    head: str,
    counts: Mapping[str, int],
) -> Optimized:
    near = nearest(found, objective)
    loose: Relaxation | None = relaxation(scenario, found, objective, evaluated) if near else None
    notes = [*words.nothing(scenario, near, loose), head]
    rows = (_row("nearest", near, ""),) if near else ()
    return Optimized(scenario, (near.plan,) if near else (), rows, tuple(notes), None, considered(found), counts)


def _row(part: str, exact: Exact, behind: str) -> dict[str, object]:
    row = dict(exact.plan.row)
    candidate = exact.candidate
    drafted = candidate.evaluated.choice.keys.get("speculative_decoding")
    return {
        "part": part,
        **row,
        "feasible": exact.feasible,
        "pricing": words.way(candidate),
        **({"speculative_decoding": drafted} if drafted else {}),
        "behind": behind or None,
    }
