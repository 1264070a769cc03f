"""Serving performance of measured configurations: from a `Point` to throughput, TTFT, TPOT and end-to-end time."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from capplan.catalog.accelerators import Accelerator, accelerator
from capplan.catalog.architecture import Architecture
from capplan.catalog.engines import Profile, profile
from capplan.catalog.models import model
from capplan.engine import disaggregated
from capplan.engine.band import band
from capplan.engine.layout import Layout
from capplan.engine.memory import memory
from capplan.engine.point import Point, Pool
from capplan.engine.precision import precision
from capplan.engine.rates import rates
from capplan.engine.runs import burst, static_batch
from capplan.engine.serving import Replica, Requests, Steady, at_limit, closed_loop, most_sequences, open_loop
from capplan.engine.speculation import usual
from capplan.engine.work import work

# Loads that last; the others are runs that start full and end empty, or rates.
LASTING = frozenset({"concurrency", "static_batch"})

ProfileOf = Callable[[Point, Accelerator], Profile]


@dataclass(frozen=True)
class Prediction:
    """What the engine expects of a point; None where it does not apply or the point is refused.

    out_tps_total: output tokens/s of the whole deployment. ttft_s, tpot_s: means over requests, queueing included.
    e2e_s: of one request; of the whole batch for a static batch. low, high: factors of an 80 % interval; ttft_low,
    ttft_high: those of TTFT, which is harder to foresee. prompt_s, step_s: at an offered rate, what a mean prompt adds
    to its steps and a step without one, from which the law of the waits follows.
    """

    out_tps_total: float | None = None
    ttft_s: float | None = None
    tpot_s: float | None = None
    e2e_s: float | None = None
    low: float = 1.0
    high: float = 1.0
    ttft_low: float = 1.0
    ttft_high: float = 1.0
    refused: str | None = None
    notes: tuple[str, ...] = ()
    prompt_s: float | None = None
    step_s: float | None = None


@dataclass(frozen=True)
class _Group:
    """Points that share model, chip, precision, engine and draft: their layouts and loads are arrays."""

    points: tuple[Point, ...]
    index: tuple[int, ...]

    def column(self, read: Callable[[Point], float | None], missing: float = 0.0) -> Any:
        values = (read(p) for p in self.points)
        return np.array([missing if v is None else v for v in values], dtype=np.float64)


def shipped_profile(point: Point, chip: Accelerator) -> Profile:
    """The catalogue's profile for the point's engine, the chip's vendor and the era of the version."""
    return profile(point.engine, chip.vendor, point.engine_year)


def predict(points: Sequence[Point], profile_of: ProfileOf = shipped_profile) -> list[Prediction]:
    """One prediction a point, in their order; no measured value is read.

    profile_of: another source of engine profiles, for calibration.
    """
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    chips = {name: accelerator(name) for name in {p.accelerator for p in points}}
    for i, p in enumerate(points):
        chip = chips[p.accelerator]
        engine = profile_of(p, chip)
        load = (p.prefill is None, p.load_type in LASTING)
        key = (p.model, p.accelerator, p.weights, p.kv_cache, p.draft, p.draft_tokens, *load, engine)
        groups[key].append(i)
    results: list[Prediction] = [Prediction()] * len(points)
    for key, index in groups.items():
        group = _Group(tuple(points[i] for i in index), tuple(index))
        for i, prediction in zip(index, _predict(group, key[-1]), strict=True):
            results[i] = prediction
    return results


def _predict(group: _Group, engine: Profile) -> list[Prediction]:
    first = group.points[0]
    arch, chip = model(first.model).architecture, accelerator(first.accelerator)
    if arch.unmodelled:
        return [Prediction(refused=f"{first.model}: {arch.unmodelled}")] * len(group.points)
    decode = _replica(arch, chip, engine, first, _layout(group, lambda p: p.pool))
    requests = Requests.of(
        np.maximum(group.column(lambda p: p.prompt_tokens), 1.0),
        np.maximum(group.column(lambda p: p.output_tokens), 1.0),
        beams=group.column(lambda p: p.beams),
    )
    fit = most_sequences(decode, requests)
    copies = group.column(lambda p: p.pool.replicas, 1.0)
    if first.prefill is not None:
        figures = _disaggregated(group, decode, arch, chip, engine, requests, fit, copies)
    else:
        figures = _aggregated(group, decode, requests, np.maximum(fit, 1.0), copies)
    lasting = first.load_type in LASTING
    likely = band(
        arch, chip, engine, requests.prompt_tokens, requests.output_tokens, _running(group, fit, copies), lasting
    )
    spread, first = likely.spread, likely.first_token
    refusals = [_refusal(p, chip, decode, j) if fit[j] < 1 else None for j, p in enumerate(group.points)]
    return [
        Prediction(refused=refusals[j])
        if refusals[j]
        else replace(
            Prediction(*_figures(figures[:4], j)),
            low=1 / spread[j],
            high=spread[j],
            ttft_low=1 / first[j],
            ttft_high=first[j],
            notes=_notes(engine, chip),
            **dict(zip(("prompt_s", "step_s"), _figures(figures[4:], j), strict=False)),
        )
        for j in range(len(group.points))
    ]


def _running(group: _Group, fit: Any, copies: Any) -> Any:
    """Sequences that a replica runs: the clients or requests there are, at most those that fit."""
    asked = group.column(lambda p: p.concurrency or p.requests, np.inf) / copies
    return np.minimum(asked, fit)


def _figures(figures: tuple[Any, ...], row: int) -> list[Any]:
    """A row's figures, None where it has none."""
    return [float(f[row]) if np.isfinite(f[row]) else None for f in figures]


def _layout(group: _Group, pool: Callable[[Point], Pool | None]) -> Layout:
    pools = [pool(p) or Pool() for p in group.points]
    return Layout(
        *(np.array([getattr(one, name) for one in pools], dtype=np.float64) for name in ("tp", "pp", "ep", "attn_dp"))
    )


def _replica(arch: Architecture, chip: Accelerator, engine: Profile, point: Point, layout: Layout) -> Replica:
    chip_rates = rates(chip, engine.collectives)
    stored = precision(arch, point.weights, point.kv_cache, chip_rates.operators, frozenset(chip_rates.peak_flop_per_s))
    job = work(arch, layout, stored)
    speculation = usual(point.draft, point.draft_tokens) if point.draft_tokens else None
    drafted = speculation.weight_bytes_per_gpu(job) if speculation else 0.0
    held = memory(arch, layout, stored, engine, chip.reported_memory_bytes or chip.memory_bytes, drafted)
    return Replica(job, chip_rates, engine, held, speculation)


def _aggregated(group: _Group, replica: Replica, requests: Requests, fit: Any, copies: Any) -> tuple[Any, ...]:
    """(out tokens/s, TTFT, TPOT, end to end, seconds of a prompt and of a step) for the load types of one pool."""
    load = np.array([p.load_type for p in group.points])
    clients = _in_flight(group, replica, requests, group.column(lambda p: p.concurrency, 1.0) / copies)
    count = group.column(lambda p: p.requests, 1e6) / copies
    rate = group.column(lambda p: p.request_rate_per_s, np.inf) / copies
    spread = group.column(lambda p: p.output_cv)
    tokens = requests.output_tokens
    figures = np.full((6, len(load)), np.nan)

    def fill(chosen: Any, per_s: Any, ttft_s: Any, itl_s: Any, e2e_s: Any) -> None:
        for row, values in zip(figures, (per_s * tokens * copies, ttft_s, itl_s, e2e_s), strict=False):
            row[chosen] = np.broadcast_to(values, load.shape)[chosen]

    static = load == "static_batch"
    if static.any():
        run = static_batch(replica, clients, fit, requests)
        fill(static, clients / run.seconds, run.ttft_s, run.itl_s, run.seconds)
    loop = load == "concurrency"
    if loop.any():
        state = closed_loop(replica, np.minimum(clients, fit), requests)
        inside = np.minimum(clients, fit)
        queued_s = np.maximum(clients - fit, 0.0) / state.requests_per_s
        waited = _starts_s(group, replica, requests, state, inside) + queued_s
        finite = burst(replica, np.maximum(count, clients), inside, requests, spread)
        e2e_s = _e2e(state, requests, waited)
        per_s = np.where(spread > 0.3, np.maximum(count, clients) / finite.seconds, clients / e2e_s)
        fill(loop, per_s, state.ttft_s + waited, state.itl_s, e2e_s)
    opened = np.isin(load, ["request_rate", "mlperf_server_poisson", "mlperf_interactive_poisson"]) & np.isfinite(rate)
    if opened.any():
        state = open_loop(replica, np.where(opened, rate, 0.0), fit, requests)
        fill(opened, state.requests_per_s, state.ttft_s, state.itl_s, _e2e(state, requests, 0.0))
        figures[4:, opened] = [np.broadcast_to(v, load.shape)[opened] for v in (state.prefill_s, state.decode_s)]
        # A rate that was raised until a limit was reached says where the replica stands better than the capacity that
        # is predicted for it: near capacity a small error of that is a large one of every latency.
        ttft_limit_s = group.column(lambda p: p.ttft_limit_s, np.inf)
        tpot_limit_s = group.column(lambda p: p.tpot_limit_s, np.inf)
        found = opened & np.isfinite(tpot_limit_s)
        if found.any():
            edge = at_limit(replica, ttft_limit_s, tpot_limit_s, fit, requests)
            fill(found, state.requests_per_s, edge.ttft_s, edge.itl_s, _e2e(edge, requests, 0.0))
            figures[4:, found] = [np.broadcast_to(v, load.shape)[found] for v in (edge.prefill_s, edge.decode_s)]
    queued = ~(static | loop | opened)
    if queued.any():
        run = burst(replica, count, fit, requests, spread)
        e2e_s = run.ttft_s + np.maximum(tokens - 1.0, 0.0) * run.itl_s
        fill(queued, count / run.seconds, run.ttft_s, run.itl_s, e2e_s)
    return tuple(figures)


def _starts_s(group: _Group, replica: Replica, requests: Requests, state: Steady, clients: Any) -> Any:
    """What the start of a closed loop adds to its mean TTFT.

    All clients start at once, so the first wave queues for prefill. Requests of equal length that were prefilled in one
    step end together too, and the prompts that follow them arrive together again.
    """
    overheads = replica.profile.overheads
    first_s = overheads.burst * state.prefill_s * clients / 2.0
    limit = replica.profile.max_batched_tokens * replica.work.layout.attention_data
    together = np.clip(limit / requests.prefill_tokens, 1.0, np.maximum(clients, 1.0)) - 1.0
    equal = group.column(lambda p: p.prompt_cv) < 0.02
    return first_s + np.where(equal, overheads.sync * state.prefill_s * together, 0.0)


def _in_flight(group: _Group, replica: Replica, requests: Requests, reported: Any) -> Any:
    """Mean requests in flight: as reported, or behind a reported peak of an open loop.

    A client that counts whoever was active within a second sees s = m (1 + 1/T) on average where m are in flight for
    T seconds each, and in a long run at most about s + 4 sqrt(s) (Poisson, four standard deviations).
    """
    peaks = np.array([p.peak for p in group.points])
    if not peaks.any():
        return reported
    seen = np.square(np.sqrt(4.0 + reported) - 2.0)
    mean = seen
    for _ in range(4):
        state = closed_loop(replica, mean, requests)
        seconds = _e2e(state, requests, 0.0)
        mean = seen * seconds / (1.0 + seconds)
    return np.where(peaks, mean, reported)


def _disaggregated(
    group: _Group,
    decode: Replica,
    arch: Architecture,
    chip: Accelerator,
    engine: Profile,
    requests: Requests,
    fit: Any,
    copies: Any,
) -> tuple[Any, ...]:
    prefill = _replica(arch, chip, engine, group.points[0], _layout(group, lambda p: p.prefill))
    pools = disaggregated.Pools(
        replace(prefill, speculation=None),
        decode,
        group.column(lambda p: p.prefill.replicas if p.prefill else None, 1.0),
        copies,
    )
    clients = group.column(lambda p: p.concurrency, 1.0)
    state = disaggregated.closed_loop(pools, clients, np.maximum(fit, 1.0), requests)
    e2e_s = _e2e(state, requests, 0.0)
    return state.requests_per_s * requests.output_tokens, state.ttft_s, state.itl_s, e2e_s


def _e2e(state: Steady, requests: Requests, waited_s: Any) -> Any:
    return waited_s + state.ttft_s + np.maximum(requests.output_tokens - 1.0, 0.0) * state.itl_s


def _refusal(point: Point, chip: Accelerator, replica: Replica, row: int) -> str:
    held = np.ravel(replica.memory.weight_bytes)[row if np.size(replica.memory.weight_bytes) > 1 else 0]
    return (
        f"{point.model} in {point.weights} does not fit: {held / 1e9:.1f} GB of weights on each of "
        f"{point.pool.gpus_per_replica} x {chip.name} with {replica.memory.device_bytes / 1e9:.1f} GB"
    )


def _notes(engine: Profile, chip: Accelerator) -> tuple[str, ...]:
    notes = []
    if not engine.exact:
        notes.append(f"{engine.name} has no profile for {chip.vendor}; the one for NVIDIA is used")
    return tuple(notes)
