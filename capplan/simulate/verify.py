"""A plan verified: its analytic percentiles beside those of a simulation of the very replicas it asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from capplan.reasoning.scene import demand_of
from capplan.records import dataclass
from capplan.scenario.part import copied
from capplan.scenario.schema import Scenario
from capplan.simulate.answer import Answer, answer
from capplan.simulate.loads import FEWEST, LIVES
from capplan.simulate.question import Question
from capplan.simulate.run import Progress
from capplan.simulate.summary import EVERYONE, ClassSummary
from capplan.simulate.telling import APART

FIGURES = ("ttft_mean_s", "ttft_p95_s", "itl_p95_s", "tta_mean_s", "tta_p95_s", "tta_p99_s")
# Requests: enough for a p99, and for a wait of seconds rather than minutes.
MOST = 120_000
# So much more traffic, and so many times the percentile: the plan stands next to a cliff.
MORE, STEEP = 1.1, 1.5


@dataclass(frozen=True)
class Verified:
    """columns: `ttft_p95_s` and `simulated_ttft_p95_s` and so on, seconds. notes: what differs, which targets are
    missed, and whether a little more traffic would change much."""

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
    planned, seen = found.planned[EVERYONE], found.summaries[0]
    columns: dict[str, float] = {}
    for name in FIGURES:
        column = name.replace("_mean", "")
        columns[column] = planned[name]
        columns[f"simulated_{column}"] = seen.figures[name].value
    limits = scenario.targets.limits_s()
    names = tuple(dict.fromkeys((*FIGURES, *limits)))
    return Verified(columns, (_agreement(planned, seen, names), *_kept(limits, seen), *_cliff(seen, more)))


def _count(scenario: Scenario) -> int:
    from capplan.plan import plan

    work = scenario.workload
    lasting = LIVES * work.qps * work.busiest_to_mean * plan(scenario).waits.get("tta_mean_s", 0.0)
    each = float(demand_of(scenario).requests)
    return int(min(max(lasting, FEWEST / each), MOST / each))


def _agreement(planned: Mapping[str, float], seen: ClassSummary, names: Sequence[str]) -> str:
    pairs = [(name, planned[name], seen.figures[name].value) for name in names]
    apart = [f"{_label(name)} {simulated:.3g} s, planned {value:.3g} s ({simulated / value - 1:+.0%})"
             for name, value, simulated in pairs if abs(simulated / value - 1) > APART]  # fmt: skip
    if not apart:
        return f"Simulated and planned latencies at peak agree within {APART:.0%}."
    return f"Warning: simulated and planned latencies differ by more than {APART:.0%}: {'; '.join(apart)}."


def _kept(limits: Mapping[str, float], seen: ClassSummary) -> list[str]:
    """Whether the targets hold in the simulation too."""
    figures = {name: seen.figures[name].value for name in limits}
    missed = [f"{_label(name)} is {figures[name]:.3g} s, over its limit of {limit:g} s"
              for name, limit in limits.items() if figures[name] > limit]  # fmt: skip
    if missed:
        return [f"Warning: simulated at peak, {'; '.join(missed)}."]
    return ["Simulated at peak, every latency target holds."] if limits else []


def _label(name: str) -> str:
    metric, which = name.removesuffix("_s").split("_")
    return f"{metric.upper()} {which}"


def _cliff(usual: ClassSummary, more: Answer) -> list[str]:
    steepest = max(("ttft_p95_s", "tta_p95_s"), key=lambda name: _ratio(usual, more.summaries[0], name))
    ratio = _ratio(usual, more.summaries[0], steepest)
    growing = any(pool.growing for pool in more.pools)
    if ratio <= STEEP and not growing:
        return []
    then = "the queue grows without end" if growing else f"{_label(steepest)} is {ratio:.1f} times as long"
    return [f"Warning: this plan stands next to a cliff: with {MORE - 1:.0%} more traffic at peak {then}."]


def _ratio(usual: ClassSummary, more: ClassSummary, name: str) -> float:
    return more.figures[name].value / max(usual.figures[name].value, 1e-12)
