"""Beyond the replicas that serve: spares for those that are down, work that evictions lose, and the hours of a day."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from capplan.engine.serving import Steady
from capplan.fleet import elastic, mixture
from capplan.fleet.replicas import Counts
from capplan.plan.load import Load
from capplan.records import dataclass
from capplan.scenario.cost import Cost
from capplan.scenario.schema import Scenario
from capplan.scenario.serving import Serving

# Share of the time for which enough replicas are up, where the scenario does not say.
AVAILABILITY = 0.999


@dataclass(frozen=True)
class Upkeep:
    """What takes replicas away, and when fewer will do; arrays of shape (scenarios,).

    spot: share of the queries that are served on GPUs which may be evicted. evictions_per_s: of such a replica.
    day: arrivals in equal parts of the day over those of the busiest, shape (parts,); one part where none is followed.
    """

    serving: Serving
    spot: Any
    evictions_per_s: Any
    restart_s: Any
    day: Any

    def spares(self, serving: Any, gpus: Any) -> Counts:
        """Replicas beyond those that serve, so that enough are up; serving, gpus (of a replica): (scenarios, ...)."""
        failures = self.serving.failures
        broken = elastic.down_share(np.asarray(gpus) / failures.every_s, failures.repair_s) if failures else 0.0
        evicted = self.spot * elastic.down_share(self.evictions_per_s, self.restart_s)
        down = 1 - (1 - broken) * (1 - _over(evicted, serving))
        for_those = elastic.spares_for_availability(serving, down, self.serving.availability or AVAILABILITY)
        return np.where(serving > 0, np.maximum(for_those, self.serving.spare_replicas), 0)

    def redone(self, load: Load, state_at: Callable[[Any], Steady], rate_per_s: Any) -> Any:
        """Work over what it would be without evictions, of replicas at a rate of requests, shape (scenarios, ...).

        state_at: the state of a replica at a rate; nothing is read off it where nothing is evicted.
        """
        if not np.any(self.evictions_per_s):
            return 1.0
        life_s, rate = self._lives(load, state_at(rate_per_s))
        factor = mixture.mean(life_s * elastic.redone_factor(life_s, rate)) / mixture.mean(life_s)
        return 1 + _over(self.spot, factor) * (factor - 1)

    def evicted(self, load: Load, state: Steady) -> Any:
        """Share of the requests that are evicted once at least."""
        life_s, rate = self._lives(load, state)
        share = mixture.mean(-np.expm1(-rate * life_s))
        return _over(self.spot, share) * share

    def _lives(self, load: Load, state: Steady) -> tuple[Any, Any]:
        """(seconds in a replica at `mixture.SCORES`, evictions a second), shape (scenarios, ..., scores)."""
        asked, more = load.asked, (None,) * (np.ndim(state.itl_s) - 1)
        tokens = mixture.spread(asked.sequential_p50_tokens, asked.sequential_p95_tokens, asked.sequential_p99_tokens)
        tokens = (tokens / np.asarray(asked.calls, np.float64)[..., None])[(slice(None), *more)]
        life_s = np.asarray(state.own_prefill_s)[..., None] + tokens * np.asarray(state.itl_s)[..., None]
        return life_s, _over(self.evictions_per_s, life_s)


def upkeep(scenarios: Sequence[Scenario]) -> Upkeep:
    """Of scenarios that share `serving` and the day."""
    first = scenarios[0]
    costs = [scenario.cost for scenario in scenarios]
    followed = first.serving.autoscaling is not None and first.workload.day is not None
    rates = np.array(first.workload.day.rates if followed and first.workload.day else (1.0,), np.float64)
    every_s = [cost.spot.eviction_every_s for cost in costs]
    return Upkeep(
        serving=first.serving,
        spot=np.array([spot_share(cost) for cost in costs]),
        evictions_per_s=np.array([1 / every if every and spot_share(cost) else 0.0
                                  for every, cost in zip(every_s, costs, strict=True)]),
        restart_s=np.array([cost.spot.restart_s for cost in costs]),
        day=rates / rates.max(),
    )  # fmt: skip


def spot_share(cost: Cost) -> float:
    """Share of the GPUs that are rented at spot prices, at the day's peak."""
    if cost.peak is not None and cost.peak.pricing == "spot":
        return 1 - (cost.peak.base or 0.0)
    return cost.pricing.share("spot")


def _over(values: Any, like: Any) -> Any:
    """Values of shape (scenarios,) against an array with more axes behind."""
    array = np.asarray(values, np.float64)
    return array.reshape(array.shape + (1,) * (np.ndim(like) - array.ndim)) if array.ndim else array
