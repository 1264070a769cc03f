"""The pool that reads prompts where prefill and decode are apart: how many replicas, and what is waited for there."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np

from capplan.engine.disaggregated import Prefilling, decoding, prefilling
from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Steady
from capplan.fleet.replicas import replicas_needed, smallest_count
from capplan.plan.deployment import Deployment
from capplan.plan.latency import Reading, latency
from capplan.plan.load import Load
from capplan.records import dataclass
from capplan.scenario.serving import Serving

_NOTHING = Prefilling(*(0.0 for _ in fields(Prefilling)))
# Beyond this many replicas a target that still fails is not one that replicas cure.
MOST_REPLICAS = 1 << 20


@dataclass(frozen=True)
class Readers:
    """Prefill replicas in a layout, or in each of an array of them; arrays of one shape.

    serving: replicas that the peak is spread over, spares left out.
    """

    deployment: Deployment
    layout: Layout
    does: Prefilling
    serving: Any = 0

    @property
    def replica(self) -> Replica:
        """Nothing is drafted where nothing is decoded."""
        return replace(self.deployment, draft=None).replica(self.layout)

    def reading(self, offered_per_s: Any, serving: Any) -> Reading:
        """What is waited for at so many replicas when so many requests a second come to all of them."""
        return Reading(self.does.at(offered_per_s / serving), serving, self.does.together)

    def idle(self) -> Reading:
        """A prompt that has a replica for itself."""
        return Reading(self.does.at(0.0))

    def column(self) -> "Readers":
        """The same with one axis more at the end."""
        return self.each(lambda values: np.asarray(values)[..., None])

    def take(self, index: Any) -> "Readers":
        """Those at `index`."""
        return self.each(lambda values: np.asarray(values)[index])

    def writing(self) -> Callable[..., Steady]:
        """The states of decode replicas that sequences come to from these."""
        return partial(decoding, arrival_s=self.does.transfer_s)

    def sized(self, load: Load, utilization: Any, redone: Any, targets: dict[str, Any], top: Steady) -> "Readers":
        """As many as the peak fills to the wanted utilisation, then as keep the targets on TTFT.

        top: state of the decode replicas. redone: work over what it would be without evictions. All arrays of the shape
        of this pool's.
        """
        offered = load.peak_per_s * load.requests_per_query * redone
        serving = replicas_needed(offered, self.does.most_per_s, utilization)
        limits = {name.removesuffix("_s"): limit for name, limit in targets.items() if name.startswith("ttft")}

        def keeps(count: Any) -> Any:
            waits = latency(top, load, reading=self.reading(offered, count))
            kept = [waits.figure(name) <= limit for name, limit in limits.items()]
            return np.all(np.broadcast_arrays(*kept), axis=0)

        if limits:
            grown = smallest_count(keeps, serving, MOST_REPLICAS)
            serving = np.where(grown > 0, grown, serving)
        return replace(self, serving=serving)

    def each(self, change: Callable[[Any], Any]) -> "Readers":
        """The pool with every array changed."""
        shape = np.broadcast_shapes(np.shape(self.does.own_s), np.shape(self.layout.gpus))

        def changed(values: Any) -> Any:
            return change(np.broadcast_to(values, shape))

        does = Prefilling(*(changed(getattr(self.does, f.name)) for f in fields(Prefilling)))
        return replace(self, layout=self.layout.each(changed), does=does, serving=changed(self.serving))


def in_ratio(serving: Serving, reading: Any, writing: Any) -> tuple[Any, Any]:
    """(prefill, decode) replicas: as many as are needed, in whole units of the ratio where `serving` gives one.

    >>> from capplan.scenario.serving import PrefillPool
    >>> [int(count) for count in in_ratio(Serving(prefill=PrefillPool(ratio=(1, 3))), 3, 5)]
    [3, 9]
    """
    if serving.prefill_ratio is None:
        return reading, writing
    ours, theirs = serving.prefill_ratio
    units = np.maximum(np.ceil(np.asarray(reading) / ours), np.ceil(np.asarray(writing) / theirs)).astype(np.int64)
    return units * ours, units * theirs


def readers(deployment: Deployment, layout: Layout, load: Load) -> Readers:
    """The prefill pool in each layout under each load; the result has the shape of both broadcast."""
    pool = Readers(deployment, layout, _NOTHING)
    return replace(pool, does=prefilling(pool.replica, load.requests)).each(np.asarray)
