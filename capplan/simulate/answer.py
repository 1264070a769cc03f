"""What `simulate` answers: rows of simulated percentiles beside the plan's own, and sentences about the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from capplan.errors import UserError
from capplan.plan import Plan
from capplan.scenario.schema import Scenario
from capplan.scenario.tiers import cached_share, reaching_scenarios, tier_scenarios
from capplan.simulate import telling
from capplan.simulate.asked_pool import asked_pool
from capplan.simulate.loads import loads
from capplan.simulate.outcome import Outcome, outcome
from capplan.simulate.pools import Pool, PoolsRun, cascade, split
from capplan.simulate.question import Question
from capplan.simulate.requests import Floats, Ints
from capplan.simulate.result import Run
from capplan.simulate.run import Progress
from capplan.simulate.setup import Setup, setup
from capplan.simulate.summary import (
    EVERYONE,
    ClassSummary,
    PoolSummary,
    distributions,
    pool_summary,
    series,
    summaries,
)


@dataclass(frozen=True)
class Told:
    """What an answer rests on beside the figures of its runs. names, plans: of the pools. planned: latencies by class,
    where the load is the plan's. said: sentences about the load. targets: see `summary.summaries`."""

    names: tuple[str, ...]
    plans: tuple[Plan, ...]
    planned: Mapping[str, Mapping[str, float]]
    said: tuple[str, ...]
    warm_up: float
    targets: Mapping[str, float]

    def answer(
        self,
        found: tuple[ClassSummary, ...],
        pools: tuple[PoolSummary, ...],
        series: Mapping[str, Floats],
        quantiles: Mapping[str, Floats],
        intervals: str,
    ) -> "Answer":
        """Rows and sentences about such figures. intervals: what they are over, in words."""
        plans, states = dict(zip(self.names, self.plans, strict=True)), {state.name: state for state in pools}
        rows = [row for one in found for row in telling.rows(one, plans, self.planned.get(one.name, {}), states)]
        notes = [*self.said, *telling.notes(found, self.warm_up, self.targets, intervals)]
        notes += [note for state in pools for note in telling.pool_notes(state)]
        for one in found:
            notes += telling.differences(one, self.planned.get(one.name, {}), len(self.names) > 1)
        return Answer(self, tuple(rows), tuple(notes), series, quantiles, found, pools)


@dataclass(frozen=True)
class Answer:
    """Rows under the contract's names, one a class and statistic; notes; queue and KV over time; quantiles to draw.

    pools: one a pool and verifier. series: those of each under its name.
    """

    told: Told
    rows: tuple[Mapping[str, object], ...]
    notes: tuple[str, ...]
    series: Mapping[str, Floats]
    distributions: Mapping[str, Floats]
    summaries: tuple[ClassSummary, ...]
    pools: tuple[PoolSummary, ...]

    @property
    def plans(self) -> tuple[Plan, ...]:
        """One a pool, in the scenario's order."""
        return self.told.plans

    @property
    def planned(self) -> Mapping[str, Mapping[str, float]]:
        """Their latencies by class, where the load is theirs."""
        return self.told.planned


def answer(scenario: Scenario, question: Question, progress: Progress | None = None) -> Answer:
    """Plans the scenario, simulates the replicas of each of its pools, and puts the figures beside the planned ones.

    A scenario with `routing` sends its queries to the tiers by their shares, after the classifier; as a cascade, all to
    the first tier, and to the next what it does not settle. Classes are then the pools that answered.
    Raises UserError where something cannot be simulated (see `setup`) or never fits.
    """
    tiers = (reaching_scenarios if question.cascade else tier_scenarios)(scenario)
    names, shares, parts = zip(*tiers, strict=True)
    setups = [setup(part, peak=question.peak, traced=question.trace is not None) for part in parts]
    if len(tiers) > 1 and (question.replicas or question.prefill_replicas) is not None:
        raise UserError("--replicas: this scenario has several pools; leave it out, or simulate a tier by itself")
    if question.cascade and len(tiers) == 1:
        raise UserError(f"{scenario.name}: a cascade needs the tiers of a routing section")
    reaching = [share * ready.policies.reach for share, ready in zip(shares, setups, strict=True)]
    # All queries of a cascade ask the first tier's cache; a trace has what came.
    reach = setups[0].policies.reach if question.cascade else sum(reaching)
    asked, said = loads(setups, question, scenario, reach * (1 - cached_share(scenario)))
    pools = [asked_pool(name, ready, load, question) for name, ready, load in zip(names, setups, asked, strict=True)]
    ways = shares if question.cascade or question.trace is not None else [share / reach for share in reaching]
    served = _served(pools, ways, scenario, question, progress)
    seen = _delayed(served, setups)
    if len(tiers) > 1:
        seen = replace(seen, classes=names, class_index=served.tier)
    told = Told(
        names=names,
        plans=tuple(ready.plan for ready in setups),
        planned=_planned(names, setups, scenario, question),
        said=(
            *said,
            *(
                f"Pool {name}: outages are left out, which are simulated for queries of one request only."
                for name, ready in zip(names, setups, strict=True)
                if ready.several and ready.down[0] < inf
            ),
        ),
        warm_up=question.warm_up,
        targets=_targets(scenario),
    )
    return told.answer(
        found=summaries(seen, question.warm_up, told.targets),
        pools=tuple(pool_summary(leg, outcome(leg), name) for name, leg in served.runs.items()),
        series=_series(served.runs),
        quantiles=distributions(seen, question.warm_up),
        intervals=f"by batch means, seed {question.seed}",
    )


def _served(
    pools: Sequence[Pool],
    shares: Sequence[float],
    scenario: Scenario,
    question: Question,
    progress: Progress | None,
) -> PoolsRun:
    """The queries through the pools. shares: of all queries, those that each pool is to settle."""
    count, seed, exact = len(pools[0].requests), question.seed, question.exact
    decision_s = _decision_s(scenario)
    if not question.cascade:
        choice = _choice(shares, count, seed)
        return split(pools, choice, decision_s=decision_s, seed=seed, exact=exact, progress=progress)
    chance = np.random.default_rng([seed, 5]).random(count)
    settled = np.cumsum(shares)[:-1]
    return cascade(
        pools,
        [chance < upto for upto in settled],
        verify_s=decision_s,
        seed=seed,
        exact=exact,
        progress=progress,
    )


def _delayed(served: PoolsRun, setups: Sequence[Setup]) -> Outcome:
    """What users saw, with the time that the policies of the pool that answered take before anything is read."""
    delay_s = np.array([ready.policies.delay_s for ready in setups])[served.tier]
    seen = served.outcome
    return replace(
        seen,
        ttft_s=seen.ttft_s + delay_s,
        ttfo_s=seen.ttfo_s + delay_s,
        tta_s=seen.tta_s + delay_s,
        alone_s=seen.alone_s + delay_s,
    )


def _decision_s(scenario: Scenario) -> float:
    """What a classifier, or the check after a tier of a cascade, takes."""
    routing = scenario.routing
    return routing.classifier.latency_s if routing is not None and routing.classifier is not None else 0.0


def _choice(shares: Sequence[float], count: int, seed: int) -> Ints:
    """The pool of each query, drawn by the pools' shares."""
    if len(shares) == 1:
        return np.zeros(count, dtype=np.int64)
    drawn = np.random.default_rng([seed, 5]).random(count)
    picked = np.searchsorted(np.cumsum(shares), drawn, side="right")
    return np.minimum(picked, len(shares) - 1).astype(np.int64)


def _planned(
    names: Sequence[str], setups: Sequence[Setup], scenario: Scenario, question: Question
) -> dict[str, dict[str, float]]:
    """The plan's latencies by class: of each pool, or of everyone where there is one; none of another load than its.

    Of a cascade, of those whom the first tier answers: what the others wait adds up as no percentiles do.
    """
    asked = (question.trace, question.rate_factor, question.kv_kept, question.day, question.stopping)
    if (*asked, question.replicas, question.prefill_replicas) != (None, 1.0, 1.0, False, None, None, None):
        return {}
    delay_s = 0.0 if question.cascade else _decision_s(scenario)
    found = {}
    for name, ready in zip(names if len(names) > 1 else (EVERYONE,), setups, strict=True):
        figures = ready.plan.waits
        found[name] = {key: value if key.startswith("itl") else value + delay_s for key, value in figures.items()}
    return {names[0]: found[names[0]]} if question.cascade else found


def _series(runs: Mapping[str, Run]) -> dict[str, Floats]:
    """Queue, batch and KV over time; with several pools, each on its own clock and under its own name."""
    drawn = {name: series(ran) for name, ran in runs.items() if len(ran.requests)}
    if len(drawn) == 1:
        return next(iter(drawn.values()))
    return {f"{name}_{column}": values for name, columns in drawn.items() for column, values in columns.items()}


def _targets(scenario: Scenario) -> dict[str, float]:
    """The strictest limit on each metric, whatever percentile it was meant for: goodput asks it of every request."""
    limits: dict[str, float] = {}
    for name, limit in scenario.targets.limits_s().items():
        metric = name.split("_")[0]
        limits[metric] = min(limit, limits.get(metric, inf))
    return limits
