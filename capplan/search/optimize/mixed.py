"""`optimize --mix`: request classes on pools of different GPUs, beside the best fleet of one type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.errors import InfeasibleError
from capplan.plan import Plan, plans
from capplan.plan.rows import layout_of
from capplan.scenario.overrides import with_values
from capplan.scenario.part import copied
from capplan.search.optimize.candidate import Candidate, best_of
from capplan.search.optimize.classes import RequestClass, request_classes
from capplan.search.optimize.evaluate import evaluate
from capplan.search.optimize.evaluated import Evaluated
from capplan.search.optimize.mix import Mix, Offer, best_single, cheapest_mix
from capplan.search.optimize.space import choices, section
from capplan.search.workers import Map, locally

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

# Capacities are read off fleets so large that whole replicas and nodes do not show.
_LARGE = 1000.0
_POOLS_OF_A_GPU = 3


@dataclass(frozen=True)
class Mixed:
    """The answer of `optimize --mix`: rows of the mix's pools, then those of the best single type."""

    plans: tuple[Plan, ...]
    rows: tuple[Mapping[str, object], ...]
    notes: tuple[str, ...]
    mix: Mix | None


def mixed(scenario: Scenario, mapped: Map = locally) -> Mixed:
    """The cheapest mix of pools for the classes of the scenario's traffic, under its stock limits.

    Each pool is one model, chip, precision and layout; its replicas' time is divided over the classes that it serves.
    Costs and capacities are those of large fleets, so that a small fleet pays more in whole nodes than is counted.
    Raises InfeasibleError where no pool can serve one of the classes.
    """
    parts = request_classes(_without_limits(scenario))
    pools = _pools(parts, mapped)
    if not pools:
        raise InfeasibleError(f"{scenario.name}: no pool of the space meets the targets of any class of requests")
    offer, made = _offer(scenario, parts, pools)
    unserved = [part.name for part, row in zip(parts, offer.capacity, strict=True) if not row.any()]
    if unserved:
        raise InfeasibleError(f"{scenario.name}: no pool meets the targets of requests with {unserved[0]} tokens")
    work = scenario.workload
    rate = np.array([part.share for part in parts]) * work.qps * work.busiest_to_mean
    best, single = cheapest_mix(rate, offer), best_single(rate, offer)
    rows, shown = [], []
    for name, mix in (("mix", best), ("one type", single[1] if single else None)):
        if mix is None:
            continue
        for pool in np.flatnonzero(mix.replicas):
            rows.append(
                {**_row(name, made[pool], mix, int(pool), offer, parts), "feasible": _affordable(scenario, mix)}
            )
            shown.append(made[pool])
    if best is None:
        notes = _short(
            cheapest_mix(rate, replace(offer, stock=np.full_like(offer.stock, np.inf), most_gpus=np.inf)), offer, made
        )
    else:
        notes = _notes(scenario, best, single[1] if single else None, parts)
    return Mixed(tuple(shown), tuple(rows), tuple(notes), best)


def _without_limits(scenario: Scenario) -> Scenario:
    """Without what limits the whole fleet: a pool is judged by a fleet that is far larger than the one it serves in."""
    targets = scenario.targets.having({"annual_tco_usd": None, "power_w": None})
    return copied(scenario, {"targets": targets, "optimize": section(scenario).having({"stock": (), "max_gpus": None})})


def _affordable(scenario: Scenario, mix: Mix) -> bool:
    most = scenario.targets.annual_tco_usd
    return most is None or mix.usd <= most


def _pools(parts: Sequence[RequestClass], mapped: Map) -> list[Scenario]:
    """For each chip, the configurations that serve one of the classes cheapest."""
    tried = [
        (number, choice)
        for number, part in enumerate(parts)
        for choice in choices(with_values(part.scenario, {"workload.qps": part.scenario.workload.qps * _LARGE}))
    ]
    found = mapped(evaluate, [choice for _, choice in tried])
    best: dict[tuple[str, int], tuple[float, Candidate]] = {}
    for (number, _), one in zip(tried, found, strict=True):
        for value, candidate in best_of(one, one.usd, one.feasible, 1) if isinstance(one, Evaluated) else ():
            key = one.choice.keys["gpu"], number
            if key not in best or value < best[key][0]:
                best[key] = value, candidate
    pools: dict[str, dict[str, Scenario]] = {}
    for (gpu, _), (_, candidate) in best.items():
        # A pool runs as many sequences of each class as fit and keep its targets.
        made = with_values(candidate.scenario, {"serving.concurrency": "auto"})
        own = pools.setdefault(gpu, {})
        if len(own) < _POOLS_OF_A_GPU:
            own.setdefault(repr((made.serving, made.cost)), made)
    return [pool for own in pools.values() for pool in own.values()]


def _offer(scenario: Scenario, parts: Sequence[RequestClass], pools: Sequence[Scenario]) -> tuple[Offer, list[Plan]]:
    """What each pool serves of each class, by plans of large fleets; and a plan of each pool at its best class."""
    asked = [
        with_values(copied(pool, {"workload": part.scenario.workload, "reasoning": part.scenario.reasoning}),
                    {"workload.qps": part.scenario.workload.qps * _LARGE})
        for part in parts for pool in pools
    ]  # fmt: skip
    made = plans(asked)
    grid = np.array(made, dtype=object).reshape(len(parts), len(pools))

    def served(part: RequestClass, plan: Plan) -> float:
        peak = part.scenario.workload.qps * _LARGE * scenario.workload.busiest_to_mean
        return (
            peak / max(int(plan.row["replicas"]) - int(plan.row.get("spare_replicas", 0)), 1) if plan.feasible else 0.0
        )

    capacity = np.array([[served(part, plan) for plan in row] for part, row in zip(parts, grid, strict=True)])
    heaviest = [grid[int(np.argmax(capacity[:, pool])), pool] for pool in range(len(pools))]
    usd = np.array([float(plan.row["annual_tco_usd"]) / int(plan.row["replicas"]) for plan in heaviest])
    gpus = np.array([_gpus_of_a_replica(plan) for plan in heaviest])
    names = [str(plan.row["gpu"]) for plan in heaviest]
    types = list(dict.fromkeys(names))
    limits = [section(scenario).stock_of(name) for name in types]
    stock = np.array([np.inf if limit is None else float(limit) for limit in limits])
    most = section(scenario).max_gpus
    kind = np.array([types.index(name) for name in names])
    return Offer(capacity, usd, gpus, kind, stock, np.inf if most is None else float(most)), heaviest


def _gpus_of_a_replica(plan: Plan) -> float:
    """Its own ones, without those that idle in the last node; of pools apart, those of both that a replica takes."""
    layout, replicas, readers = layout_of(plan.row), int(plan.row["replicas"]), int(plan.row.get("prefill_replicas", 0))
    reading = float(layout.prefill.gpus) * readers if layout.prefill else 0.0
    return (float(layout.gpus) * (replicas - readers) + reading) / replicas


def _row(part: str, plan: Plan, mix: Mix, pool: int, offer: Offer, parts: Sequence[RequestClass]) -> dict[str, object]:
    """A pool of the mix: how it serves, how large it is and what it serves."""
    keys = ("model", "gpu", "weights", "kv_cache", "engine", "tensor_parallel", "pipeline_parallel", "expert_parallel",
            "concurrency")  # fmt: skip
    row: dict[str, Any] = {key: plan.row[key] for key in keys}
    share = mix.share[:, pool]
    served = [f"{share[at]:.0%} of {one.name}" for at, one in enumerate(parts) if share[at] > 0.005]
    count = int(mix.replicas[pool])
    return {
        "part": part,
        **row,
        "replicas": count,
        "gpus": round(float(count * offer.gpus[pool])),
        "annual_tco_usd": Decimal(round(float(count * offer.usd[pool]), 2)).quantize(Decimal("0.01")),
        "share": float(sum(one.share * share[at] for at, one in enumerate(parts))),
        "behind": "; ".join(served),
    }


def _short(free: Mix | None, offer: Offer, made: Sequence[Plan]) -> list[str]:
    """Where the stock does not do; free: the cheapest mix of any number of GPUs."""
    notes = ["Nothing fits: the GPUs that there are do not serve the load, however they are mixed."]
    if free is not None:
        used: dict[str, int] = {}
        for pool in np.flatnonzero(free.replicas):
            name = str(made[int(pool)].row["gpu"])
            used[name] = used.get(name, 0) + round(float(free.replicas[pool] * offer.gpus[pool]))
        gpus = " and ".join(f"{count:,} {name}" for name, count in used.items())
        notes.append(f"Without limits the cheapest mix takes {gpus} and {free.usd:,.0f} USD a year.")
    return notes


def _notes(scenario: Scenario, best: Mix, single: Mix | None, parts: Sequence[RequestClass]) -> list[str]:
    targets = scenario.targets
    notes = [f"{len(parts)} classes of requests; the mix costs {best.usd:,.0f} USD a year."]
    if single is None:
        notes.append("No single GPU type serves all of it with the GPUs that there are.")
    elif single.usd > best.usd * (1 + 1e-9):
        saved = 1 - best.usd / single.usd
        notes.append(f"The best single type costs {single.usd:,.0f} USD a year: the mix saves {saved:.1%}.")
    else:
        notes.append("No mix is cheaper than the best single type.")
    if targets.annual_tco_usd is not None and not _affordable(scenario, best):
        notes.append(f"It misses annual_tco by {best.usd / targets.annual_tco_usd - 1:.1%}.")
    if targets.power_w is not None:
        notes.append("targets.power is not judged for a mix.")
    notes.append("Pools are priced as parts of large fleets; whole nodes make small pools dearer.")
    return notes
