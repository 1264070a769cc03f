"""How many sequences a replica runs, in which layout, and how many replicas that makes."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from capplan.engine.curve import Curve, along, curve
from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Steady, most_sequences, steady
from capplan.fleet.elastic import standing
from capplan.fleet.replicas import nodes_needed, replicas_needed, smallest_count
from capplan.plan.deployment import Deployment
from capplan.plan.latency import Latency, Reading, latency
from capplan.plan.load import Load
from capplan.plan.readers import MOST_REPLICAS, Readers, in_ratio, readers
from capplan.plan.wanted import Limits
from capplan.records import dataclass


@dataclass(frozen=True)
class Sizing:
    """The chosen layout and size for each scenario; arrays of shape (scenarios,).

    fits: sequences that the memory holds, 0 where the weights do not fit. sequences: that one replica runs at most.
    bound: what stops it from running more. capacity_per_s: engine requests a replica serves at that. replica_gpus: of
    one replica. serving: replicas that the peak needs. replicas: with spares. mean_replicas: of the day, where they
    follow it. standing_nodes: nodes paid for in each part of the day, shape (scenarios, parts); None where all are
    kept. redone: work over what it would be without evictions.
    alone: latencies of a query that has a replica for itself. missed: per target, whether it is missed at peak.
    readers: the pool that reads prompts, where it is apart. Layout, replica, sequences and states are then those of the
    replicas that write answers; replicas, GPUs and nodes are of both, capacity and GPUs of a replica their means.
    """

    layout: Layout
    replica: Replica
    fits: Any
    sequences: Any
    bound: tuple[str, ...]
    capacity_per_s: Any
    serving: Any
    replicas: Any
    replica_gpus: Any
    mean_replicas: Any
    gpus: Any
    nodes: Any
    standing_nodes: Any
    redone: Any
    peak: Steady
    mean: Steady
    latency: Latency
    alone: Latency
    missed: dict[str, Any]
    weight_bytes: Any
    readers: Readers | None = None
    reader_replicas: Any = 0
    reader_nodes: Any = 0


def size(deployment: Deployment, candidates: Layout, load: Load, limits: Limits) -> Sizing:
    """Chooses, for each scenario, the layout that needs the fewest GPUs (then the fewest in use, then the fastest).

    A replica runs as many sequences as fit and as keep every latency target; the fleet is sized so that the peak load
    fills it to the wanted utilisation, then grown until the percentiles hold with the queue that is left.
    """
    each = load.kinds()
    served = _served(deployment, candidates, each, limits.kinds(load))
    capacity, fits = load.of_kinds(served.top.requests_per_s), load.of_kinds(served.fits)
    kind = load.of_kinds(np.arange(len(each.queries_per_s)))
    filled = limits.utilization[:, None]
    redone = limits.upkeep.redone(load, lambda rate: served.curves.take((kind,)).at_rate(rate), filled * capacity)
    serving = replicas_needed((load.peak_per_s * load.requests_per_query)[:, None] * redone, capacity, filled)
    size_gpus = np.broadcast_to(np.asarray(candidates.gpus), serving.shape).astype(np.int64)
    pool = None
    if served.readers is not None:
        top = Steady(*(load.of_kinds(getattr(served.top, f.name)) for f in fields(Steady)))
        pool = served.readers.each(load.of_kinds).sized(load.column(), filled, redone, _columns(limits.targets), top)
        reading, serving = in_ratio(limits.serving, pool.serving, serving)
        pool = replace(pool, serving=reading)
    needed = serving + limits.upkeep.spares(serving, size_gpus)
    nodes, in_use = nodes_needed(needed, size_gpus, limits.node_gpus), needed * size_gpus
    if pool is not None:
        each_gpus = np.asarray(pool.layout.gpus).astype(np.int64)
        more = pool.serving + limits.upkeep.spares(pool.serving, each_gpus)
        nodes, in_use = nodes + nodes_needed(more, each_gpus, limits.node_gpus), in_use + more * each_gpus
    best = np.lexsort((load.of_kinds(served.tta_s), in_use, nodes, load.of_kinds(served.refused)), axis=-1)[..., 0]
    rows = np.arange(len(best))
    layout = candidates.take(best)
    # Where nothing fits, the widest layout comes nearest.
    chosen = Steady(*(getattr(served.top, f.name)[kind, best] for f in fields(Steady)))
    along = served.curves.take((kind, best))
    return _settle(
        deployment, layout, load, limits, along, chosen, fits[rows, best], served.shortened[kind, best],
        pool.take((rows, best)) if pool else None,
    )  # fmt: skip


@dataclass(frozen=True)
class _Served:
    """What a replica of each layout serves of each kind of query; arrays of shape (kinds, layouts).

    fits: sequences that the memory holds. curves: from nearly idle to full. top: the fullest state that keeps the
    latency targets. shortened: whether they keep it from running more. refused: whether the layout is no answer.
    tta_s: mean time to the answer in a full replica. readers: those that read the prompts for it, where they are apart.
    """

    fits: Any
    curves: Curve
    top: Steady
    shortened: Any
    refused: Any
    tta_s: Any
    readers: Readers | None


def _served(deployment: Deployment, candidates: Layout, load: Load, limits: Limits) -> _Served:
    replica = deployment.replica(candidates.each(lambda degree: np.asarray(degree)[:, None]))
    narrow = load.column()  # shape (kinds, 1) against layouts (layouts,), and wide (kinds, 1, 1) against (layouts, 1)
    wide, pool = narrow.column(), readers(deployment, candidates.prefill, narrow) if candidates.prefill else None
    idle = pool.column().idle() if pool else None
    fits = most_sequences(replica, wide.requests)
    shape = (len(load.queries_per_s), len(np.atleast_1d(candidates.tensor)))
    fits = np.broadcast_to(fits[..., 0], shape)
    given = None if limits.concurrency is None else limits.concurrency[:, None]
    most = np.maximum(fits, 1.0) if given is None else np.broadcast_to(given, shape)
    curves = curve(replica, wide.requests, most[..., None], pool.column().writing() if pool else steady)
    worst = _worst(curves, wide, limits.targets, idle)
    kept = curves.at(np.maximum.accumulate(worst, axis=-1) + _rising(worst), 1.0) if limits.targets else None
    full = curves.take((..., -1)).states
    possible = worst[..., 0] <= 1.0
    over_full = (worst[..., -1] > 1.0) & (kept is not None and given is None)
    top = full if kept is None else _where(over_full & possible, kept, full)
    # A layout whose memory holds fewer sequences than are asked for is no answer while another one holds them.
    refused = (fits < (1 if given is None else given)) | ~possible
    if pool is not None:
        refused = refused | (pool.does.fits < 1)
    waits = latency(full, narrow, reading=pool.idle() if pool else None)
    return _Served(fits, curves, top, over_full, refused, np.broadcast_to(waits.tta_s["mean"], shape), pool)


def _settle(
    deployment: Deployment,
    layout: Layout,
    load: Load,
    limits: Limits,
    curves: Curve,
    top: Steady,
    fits: Any,
    cut: Any,
    pool: Readers | None,
) -> Sizing:
    """Grows the fleet until the percentiles hold at peak, and reads the figures off the curves.

    A pool that reads prompts grows with it, the ratio of the two kept.
    """
    upkeep = limits.upkeep
    size_gpus = np.asarray(layout.gpus).astype(np.int64)
    redone = upkeep.redone(load, curves.at_rate, limits.utilization * top.requests_per_s)
    offered = load.peak_per_s * load.requests_per_query * redone

    ratio = limits.serving.prefill_ratio
    unit = ratio[1] if ratio else 1  # replicas that the fleet grows by

    def beside(serving: Any) -> Any:
        if pool is None:
            return 0
        if ratio:
            return serving // unit * ratio[0]
        least = replicas_needed(offered, top.requests_per_s, limits.utilization)
        return np.ceil(pool.serving * (serving / least))

    def at(serving: Any, share: float) -> tuple[Steady, Latency]:
        state = curves.at_rate(offered * share / serving)
        reading = pool.reading(offered, beside(serving)) if pool else None
        return state, latency(state, load, serving, top.decoding * serving, reading)

    def enough(share: float) -> tuple[Any, Steady, Latency]:
        """Replicas that serve a share of the peak within every target, with their state and latencies."""

        def holds(waits: Latency) -> Any:
            ratios = [waits.figure(name.removesuffix("_s")) / limit for name, limit in limits.targets.items()]
            return np.all([r <= 1.0 + 1e-9 for r in ratios], axis=0)

        serving = replicas_needed(offered * share, top.requests_per_s, limits.utilization)
        if pool is not None:
            serving = in_ratio(limits.serving, pool.serving, serving)[1]
        state, waits = at(serving, share)
        if limits.targets and not holds(waits).all():
            grown = smallest_count(lambda n: holds(at(n * unit, share)[1]), serving // unit, MOST_REPLICAS) * unit
            serving = np.where(grown > 0, grown, serving)
            state, waits = at(serving, share)
        return serving, state, waits

    scaled = limits.serving.autoscaling
    serving, state, waits = enough(1.0)
    if scaled:
        serving = np.maximum(serving, scaled.least_replicas)
        state, waits = at(serving, 1.0)
    replicas = serving + upkeep.spares(serving, size_gpus)
    nodes = nodes_needed(replicas, size_gpus, limits.node_gpus)
    mean_replicas, standing_nodes = replicas, None
    if scaled:
        levels = {share: enough(share)[0] for share in set(upkeep.day)}
        by_part = np.maximum([levels[share] for share in upkeep.day], scaled.least_replicas)
        kept = by_part + upkeep.spares(by_part.T, size_gpus[:, None]).T
        mean_replicas = kept.mean(axis=0)
        standing_nodes = standing(nodes_needed(kept, size_gpus, limits.node_gpus).T, scaled.start_up_s)
    replica = deployment.replica(layout)
    sized = Sizing(
        layout=layout,
        replica=replica,
        fits=fits,
        sequences=np.maximum(np.floor(top.decoding + 1e-6), 1.0),
        bound=_bounds(deployment, layout, fits, cut, limits.concurrency is not None),
        capacity_per_s=top.requests_per_s,
        serving=serving,
        replicas=replicas,
        replica_gpus=size_gpus,
        mean_replicas=mean_replicas,
        gpus=nodes * limits.node_gpus,
        nodes=nodes,
        standing_nodes=standing_nodes,
        redone=redone,
        peak=state,
        mean=curves.at_rate(load.queries_per_s * load.requests_per_query * redone / mean_replicas),
        latency=waits,
        alone=latency(curves.take((..., 0)).states, load, reading=pool.idle() if pool else None),
        missed={
            name: waits.figure(name.removesuffix("_s")) > limit * (1.0 + 1e-9) for name, limit in limits.targets.items()
        },
        weight_bytes=np.broadcast_to(replica.memory.weight_bytes, serving.shape),
    )
    return sized if pool is None else with_readers(sized, replace(pool, serving=beside(serving)), limits)


def with_readers(writing: Sizing, pool: Readers, limits: Limits, readers: Any = None) -> Sizing:
    """The fleet with its pool that reads prompts, in nodes of its own.

    readers: its replicas with spares; None for as many spares as are needed.
    """
    each_gpus, serving = np.asarray(pool.layout.gpus).astype(np.int64), np.asarray(pool.serving).astype(np.int64)
    readers = serving + limits.upkeep.spares(serving, each_gpus) if readers is None else readers
    nodes = nodes_needed(readers, each_gpus, limits.node_gpus)
    most_per_s = np.minimum(writing.capacity_per_s * writing.replicas, pool.does.most_per_s * readers)
    replicas = writing.replicas + readers
    return replace(
        writing,
        serving=writing.serving + serving,
        replicas=replicas,
        mean_replicas=writing.mean_replicas + readers,
        replica_gpus=(writing.replica_gpus * writing.replicas + each_gpus * readers) / replicas,
        nodes=writing.nodes + nodes,
        gpus=writing.gpus + nodes * limits.node_gpus,
        capacity_per_s=most_per_s / replicas,
        readers=pool,
        reader_replicas=readers,
        reader_nodes=nodes,
    )


def _bounds(deployment: Deployment, layout: Layout, fits: Any, cut: Any, given: bool) -> tuple[str, ...]:
    """What stops each replica from running more."""
    limit = deployment.engine.max_sequences * np.broadcast_to(layout.attention_data, fits.shape)
    words = {
        "memory": fits < 1,
        "latency target": cut,
        "concurrency": np.full(fits.shape, given),
        "max_sequences": fits >= limit,
    }
    return tuple(np.select(list(words.values()), list(words), "kv_cache").tolist())


def _worst(curves: Curve, wide: Load, targets: dict[str, Any], reading: Reading | None) -> Any:
    """The largest figure over its limit along the batches, 0 where there is no target; rises with the batch.

    Exact for the first and the last batch and on both sides of the first one that is over, level between them: the
    percentiles are dear, and nothing else is asked.
    """
    shape = curves.rates_per_s.shape
    if not targets:
        return np.zeros(shape)

    def at(index: Any) -> Any:
        points = along(index[..., None])
        each = (getattr(curves.states, f.name)[points] for f in fields(Steady))
        waits = latency(Steady(*each), wide, reading=reading)
        ratios = [waits.figure(name.removesuffix("_s")) / limit for name, limit in _columns(_columns(targets)).items()]
        return np.max(np.broadcast_arrays(*ratios), axis=0)[..., 0]

    low, high = np.zeros(shape[:-1], np.int64), np.full(shape[:-1], shape[-1] - 1)
    first, last = at(low), at(high)
    below, above = first, last
    while ((first <= 1.0) & (last > 1.0) & (high - low > 1)).any():
        middle = (low + high) // 2
        value = at(middle)
        over = value > 1.0
        low, high = np.where(over, low, middle), np.where(over, middle, high)
        below, above = np.where(over, below, value), np.where(over, value, above)
    step = np.arange(shape[-1])
    worst = np.where(step >= high[..., None], above[..., None], below[..., None])
    worst[..., 0], worst[..., -1] = first, last
    return worst


def _rising(values: Any) -> Any:
    """A slope too small to matter that makes a flat run strictly rising."""
    return np.linspace(0.0, 1e-9, values.shape[-1])


def _where(chosen: Any, yes: Steady, no: Steady) -> Steady:
    return Steady(*(np.where(chosen, getattr(yes, f.name), getattr(no, f.name)) for f in fields(Steady)))


def _columns(targets: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(limit)[..., None] for name, limit in targets.items()}
