"""A plan verified: its analytic percentiles beside those of a simulation of the very replicas it asks for."""

from collections.abc import Mapping
from dataclasses import replace

from capplan.records import dataclass
from capplan.scenario.part import copied
from capplan.scenario.schema import Scenario
from capplan.simulate.answer import FEWEST, LIVES, Answer, Question, answer
from capplan.simulate.run import Progress
from capplan.simulate.summary import ClassSummary

FIGURES = ("ttft_mean_s", "ttft_p95_s", "itl_p95_s", "tta_mean_s", "tta_p95_s", "tta_p99_s")
# Enough for a p99, and for a wait of seconds rather than minutes.
MOST = 120_000
# So much more traffic, and so many times the percentile: the plan stands next to a cliff.
MORE, STEEP = 1.1, 1.5


@dataclass(frozen=True)
class Verified:
    """columns: `ttft_p95_s` and `simulated_ttft_p95_s` and so on, seconds. notes: what differs, and whether a little
    more traffic would change much."""

    columns: Mapping[str, float]
    notes: tuple[str, ...]


def verify(scenario: Scenario, seed: int = 0, progress: Progress | None = None) -> Verified:
    """Simulates the busiest hour of the plan, then the same replicas under a tenth more traffic.

    `routing` is left aside, as the plan of the scenario leaves it. Raises UserError where the strategy cannot be
    simulated or the plan does not fit (see `simulate.setup`).
    """
    alone = copied(scenario, {"routing": None})
    asked = Question(seed=seed)
    found = answer(alone, replace(asked, requests=_count(alone)), progress)
    more = answer(alone, replace(asked, requests=_count(alone), rate_factor=MORE), progress)
    planned, seen = found.plans[0].waits, found.summaries[0]
    columns: dict[str, float] = {}
    for name in FIGURES:
        column = name.replace("_mean", "")
        columns[column] = planned[name]
        columns[f"simulated_{column}"] = seen.figures[name].value
    warnings = [note for note in found.notes if note.startswith("Warning")]
    agreed = [] if warnings else ["Simulated and planned latencies at peak agree within 20 %."]
    return Verified(columns, (*warnings, *agreed, *_cliff(seen, more)))


def _count(scenario: Scenario) -> int:
    from capplan.plan import plan

    work = scenario.workload
    lasting = LIVES * work.qps * work.peak_to_mean * plan(scenario).waits.get("tta_mean_s", 0.0)
    return int(min(max(lasting, FEWEST), MOST))


def _cliff(usual: ClassSummary, more: Answer) -> list[str]:
    steepest = max(("ttft_p95_s", "tta_p95_s"), key=lambda name: _ratio(usual, more.summaries[0], name))
    ratio = _ratio(usual, more.summaries[0], steepest)
    growing = any(pool.growing for pool in more.pools)
    if ratio <= STEEP and not growing:
        return []
    what = steepest.removesuffix("_s").replace("_", " ").upper().replace("P95", "p95")
    then = "the queue grows without end" if growing else f"{what} is {ratio:.1f} times as long"
    return [f"Warning: this plan stands next to a cliff: with {MORE - 1:.0%} more traffic at peak {then}."]


def _ratio(usual: ClassSummary, more: ClassSummary, name: str) -> float:
    return more.figures[name].value / max(usual.figures[name].value, 1e-12)
