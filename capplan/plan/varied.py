"""One scenario with keys that vary by row: load, lengths, prices and the model's own error as arrays, in one pass.

Ten thousand worlds of a Monte-Carlo are one call; a `Scenario` and a `Plan` for each would take a hundred times longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from capplan.cost.energy import J_PER_KWH, YEAR_S
from capplan.cost.lines import CostLines
from capplan.cost.lines import column as cost_column
from capplan.cost.place import place
from capplan.cost.varied import KEYS as COST_KEYS
from capplan.cost.varied import varied_bill
from capplan.engine.curve import curve
from capplan.engine.layout import Layout
from capplan.engine.serving import most_sequences, steady
from capplan.fleet.elastic import standing
from capplan.fleet.replicas import nodes_needed
from capplan.plan.candidates import layouts
from capplan.plan.deployment import Deployment, deployment
from capplan.plan.judging import judged, pool_of
from capplan.plan.latency import Latency, latency
from capplan.plan.load import Load, assembled, shape_of
from capplan.plan.money import mean_board_w, peak_w
from capplan.plan.readers import readers
from capplan.plan.rows import layout_of
from capplan.plan.sizing import Sizing, size, with_readers
from capplan.plan.upkeep import upkeep
from capplan.plan.varied_pool import VariedPool
from capplan.plan.wanted import Limits
from capplan.reasoning.combined_lengths import Scaled
from capplan.reasoning.demand import Demand
from capplan.reasoning.options import Options, law
from capplan.reasoning.scene import options_of, query_of
from capplan.reasoning.strategy import demand
from capplan.scenario.schema import Scenario

Values = Mapping[str, Any]

_TRAFFIC = (
    "workload.qps", "workload.peak_to_mean", "workload.burstiness", "workload.target_utilization",
    "serving.prefix_cache_hit_rate",
)  # fmt: skip
# Means of lengths: a law keeps its shape and is stretched to the mean.
_LENGTHS = ("workload.prompt_tokens", "workload.answer_tokens", "reasoning.thinking_tokens")
_COUNTS = ("k", "tokens_per_step", "samples", "width", "branching", "depth", "keep", "rollouts", "rounds")
_REASONING = {f"reasoning.{name}": name for name in _COUNTS} | {
    "reasoning.thinking_budget": "thinking_budget_tokens",
}


@dataclass(frozen=True)
class Fleet:
    """A fleet that stands: its layout and its replicas, spares included; of them, those that only read prompts."""

    layout: Layout
    replicas: float
    spares: float = 0.0
    prefill_replicas: float = 0.0

    @staticmethod
    def of(row: Mapping[str, Any]) -> "Fleet":
        """That of a plan, by its row."""
        spares, readers = row.get("spare_replicas", 0), row.get("prefill_replicas", 0)
        return Fleet(layout_of(row), row["replicas"], spares, readers)


@dataclass(frozen=True)
class Varied:
    """The rows' plans, all arrays of shape (rows,).

    columns: the contract's names. lines: the bills. fits: whether the weights and one sequence fit. missed: by target,
    whether the row misses it; `capacity` where the peak is more than the fleet serves at all. layout: of each row.
    peak_w: from the grid.
    """

    columns: Mapping[str, Any]
    lines: CostLines
    fits: Any
    missed: Mapping[str, Any]
    layout: Layout
    peak_w: Any

    @property
    def feasible(self) -> Any:
        """Rows that fit and miss no target."""
        return np.logical_and.reduce([self.fits, *(~late for late in self.missed.values())])

    @property
    def usd_per_year(self) -> Any:
        return self.lines.total_cents / 100


def varies(scenario: Scenario, path: str) -> bool:
    """Whether a key may be an array in `varied`; others ask for a deployment of their own."""
    if path == "reasoning.samples" and scenario.reasoning.adaptive:
        return False
    if path == "reasoning.thinking_tokens" and scenario.reasoning.thinking_tokens is None:
        return False
    return path in _TRAFFIC or path in _LENGTHS or path in _REASONING or path in COST_KEYS


def varied(
    scenario: Scenario,
    values: Values,
    slowdown: Any = 1.0,
    layout: Layout | None = None,
    fleet: Fleet | None = None,
) -> Varied:
    """Plans of `scenario` with other values in each row.

    values: dotted key -> array (rows,) or scalar in SI, each key one that `varies`. slowdown: every time of the engine
    over the predicted one. layout: held in all rows; None chooses for each row. fleet: held in all rows, layout and
    replicas, whatever they then miss; None sizes for each row.
    Raises what the look-ups of `plan` raise, ValueError for the textbook engine, which has no load to vary.
    """
    if scenario.serving.engine == "textbook":
        raise ValueError("the textbook engine has no steady state to vary")
    rows = max(np.size(value) for value in (*values.values(), slowdown))
    slow = np.broadcast_to(np.asarray(slowdown, np.float64), (rows,))
    served = deployment(scenario)
    pool = _pool(scenario, values, slow)
    load = _load(scenario, values, rows, slow, 0.0 if pool is None else pool.wait_s / slow)
    limits = Limits(
        serving=scenario.serving,
        targets={name: limit / slow for name, limit in scenario.targets.limits_s().items()},
        concurrency=None if scenario.serving.concurrency == "auto" else _array(scenario.serving.concurrency, rows),
        utilization=_array(values.get("workload.target_utilization", scenario.workload.target_utilization), rows),
        node_gpus=scenario.serving.node_gpus or served.accelerator.node_gpus,
        upkeep=upkeep([scenario] * rows),
    )
    if fleet is not None:
        sized, over = _standing(served, fleet, load, limits)
    else:
        candidates = layout or layouts(scenario.serving, served)
        sized = size(served, candidates.each(_listed), load, limits)
        offered = load.peak_per_s * load.requests_per_query * sized.redone
        over = offered > sized.capacity_per_s * sized.serving * (1 + 1e-9)
    return _read(scenario, values, served, load, sized, slow, over, pool)


def _read(
    scenario: Scenario,
    values: Values,
    served: Deployment,
    load: Load,
    sized: Sizing,
    slow: Any,
    over: Any,
    pool: VariedPool | None,
) -> Varied:
    """The figures of sized fleets, times stretched by the slowdown, and the bill."""
    power_w = mean_board_w(served, load, sized)
    bill = varied_bill(
        scenario.cost, served.accelerator, sized.gpus, sized.nodes, power_w, sized.standing_nodes, values
    )  # fmt: skip
    gpus, nodes = sized.gpus, sized.nodes
    if pool is not None:
        node_gpus = scenario.serving.node_gpus or served.accelerator.node_gpus
        added, bill = pool.added(bill, gpus - sized.replica_gpus * sized.replicas, node_gpus)
        gpus = gpus + added
        nodes = -(-gpus // node_gpus)
    mean = load.queries_per_s / slow
    aside = load.asked.usd_per_query
    if np.any(np.asarray(aside)):
        charge = cost_column("policies", "Policies on thinking", "operations", aside * mean * YEAR_S, "", "scenario")
        bill = replace(bill, lines=CostLines((*bill.lines.columns, charge)))
    queries, output = mean * YEAR_S, np.asarray(load.asked.output_tokens, np.float64)
    total = bill.lines.total_cents / 100
    waits, capacity = sized.latency, sized.capacity_per_s / load.requests_per_query / slow
    columns = {
        "output_tokens": output,
        "concurrency": sized.sequences,
        "ttft_s": waits.ttft_s["mean"] * slow,
        "itl_s": waits.itl_s["mean"] * slow,
        "ttfo_s": waits.ttfo_s["mean"] * slow,
        "tta_s": waits.tta_s["mean"] * slow,
        "tta_p95_s": waits.tta_s["p95"] * slow,
        "tta_p99_s": waits.tta_s["p99"] * slow,
        "requests_per_s_per_replica": capacity,
        "replicas": sized.replicas,
        "gpus": gpus,
        "nodes": nodes,
        "utilization": mean / (capacity * sized.mean_replicas),
        "annual_tco_usd": total,
        **{f"{part}_usd_per_year": bill.lines.category_cents(part) / 100
           for part in ("capex", "energy", "maintenance", "rent")},
        "usd_per_1k_queries": total / queries * 1e3,
        "usd_per_m_output_tokens": total / (queries * output) * 1e6,
        "annual_kwh": bill.kwh,
        "annual_kg_co2e": bill.kg_co2e,
        "energy_j_per_query": bill.kwh * J_PER_KWH / queries,
    }  # fmt: skip
    # A fleet that cannot serve the load keeps no limit on waiting; the formulas of a steady queue do not apply to it.
    missed = {name: late | over for name, late in sized.missed.items()} | {"capacity": over}
    targets = scenario.targets
    if targets.annual_tco_usd is not None:
        missed["annual_tco_usd"] = total > targets.annual_tco_usd
    drawn_w = peak_w(served, load, sized) * values.get("cost.pue", place(scenario.cost).pue)
    if pool is not None:
        drawn_w = drawn_w + pool.peak_w * added / pool.columns["gpus"]
    if targets.power_w is not None:
        missed["power_w"] = drawn_w > targets.power_w
    shape = np.shape(total)
    return Varied(
        {name: np.broadcast_to(value, shape) for name, value in columns.items()},
        bill.lines, (sized.fits >= 1) & (True if pool is None else pool.fits), missed, sized.layout, drawn_w,
    )  # fmt: skip


def _load(scenario: Scenario, values: Values, rows: int, slow: Any, judged_s: Any) -> Load:
    """The load of every row; a slower engine is the same one under more load, its clock running slower."""
    work = scenario.workload
    asked = varied_demand(scenario, values)
    names = [f.name for f in fields(Demand) if f.name not in ("strategy", "verifier")]
    whole = replace(asked, verifier=None, **{name: _array(getattr(asked, name), rows) for name in names})

    def figure(key: str, default: float) -> Any:
        return _array(values.get(key, default), rows)

    hit = figure("serving.prefix_cache_hit_rate", scenario.serving.prefix_cache_hit_rate)
    mean = figure("workload.qps", work.qps) * slow
    peak = mean * np.maximum(figure("workload.peak_to_mean", work.busiest_to_mean), 1.0)
    bursts = figure("workload.burstiness", work.burstiness)
    made = assembled((asked,), whole, hit, mean, peak, bursts, shape_of(scenario)[None])
    return replace(made, judged_s=judged_s)


def _pool(scenario: Scenario, values: Values, slow: Any) -> VariedPool | None:
    """The pool of a verifier that is another model; its lengths and its load follow those of the rows."""
    first = judged(scenario)
    if first is None:
        return None
    work = varied_demand(scenario, values).verifier or first
    theirs = {key: value for key, value in values.items() if key in COST_KEYS or key in _TRAFFIC[:4]}
    requests = np.asarray(work.requests, np.float64)
    theirs |= {
        "workload.qps": values.get("workload.qps", scenario.workload.qps) * requests * np.ones_like(slow),
        "workload.prompt_tokens": work.prefill_tokens / requests,
        "workload.answer_tokens": np.maximum(work.decode_tokens / requests, 1.0),
    }
    made = varied(pool_of(scenario, first), theirs, slow)
    wait_s = work.passes * made.columns["ttft_s"] + work.sequential_decode_tokens * made.columns["itl_s"]
    return VariedPool(
        made.columns, made.lines, made.peak_w, np.asarray(made.layout.gpus), made.fits, work.own_pool, wait_s
    )  # fmt: skip


def varied_demand(scenario: Scenario, values: Values) -> Demand:
    """What a query of each row asks for; scalars where nothing of it varies."""
    options, query = options_of(scenario), query_of(scenario)
    changes: dict[str, Any] = {
        field: np.asarray(values[key], np.float64) for key, field in _REASONING.items() if key in values
    }
    work, thinking = scenario.workload, scenario.reasoning.thinking_tokens
    if thinking is not None and "reasoning.thinking_tokens" in values:
        changes["thinking"] = _stretched(thinking, values["reasoning.thinking_tokens"])
    if "workload.prompt_tokens" in values:
        query = replace(query, prompt=_stretched(work.prompt_tokens, values["workload.prompt_tokens"]))
    if "workload.answer_tokens" in values:
        query = replace(query, answer=_stretched(work.answer_tokens, values["workload.answer_tokens"]))
    changed: Options = replace(options, **changes)
    return demand(changed, query)


def _stretched(length: Any, mean_tokens: Any) -> Any:
    return Scaled(law(length), np.asarray(mean_tokens, np.float64) / length.mean_tokens)


def _standing(served: Deployment, fleet: Fleet, load: Load, limits: Limits) -> tuple[Sizing, Any]:
    """The figures of a fleet that stays as it is under every row's load, and which rows are more than it serves."""
    shape = load.peak_per_s.shape
    layout = fleet.layout.each(lambda degree: np.full(shape, float(np.asarray(degree))))
    one = fleet.layout.each(lambda degree: np.asarray([float(np.asarray(degree))]))
    replica = served.replica(one)
    column = load.column().requests
    fits = np.broadcast_to(most_sequences(replica, column)[..., 0], shape)
    most = np.maximum(fits if limits.concurrency is None else limits.concurrency, 1.0)
    pool, read_by, spares = None, np.full(shape, int(fleet.prefill_replicas)), fleet.spares
    if layout.prefill is not None:
        pool = readers(served, layout.prefill, load)
        spare = limits.upkeep.spares(read_by, layout.prefill.gpus)
        pool, spares = replace(pool, serving=np.maximum(read_by - spare, 1)), max(fleet.spares - int(spare.max()), 0)
    states = pool.column().writing() if pool else steady
    curves = curve(replica, column, np.broadcast_to(most, shape)[:, None], states)
    top = curves.take((..., -1)).states
    written_by = fleet.replicas - fleet.prefill_replicas
    serving = max(written_by - spares, 1)
    redone = limits.upkeep.redone(load, curves.at_rate, limits.utilization * top.requests_per_s)
    offered = load.peak_per_s * load.requests_per_query * redone
    state = curves.at_rate(offered / serving)
    reading = pool.reading(offered, pool.serving) if pool else None
    waits: Latency = latency(state, load, serving, top.decoding * serving, reading)
    size_gpus = int(np.asarray(fleet.layout.gpus))
    replicas = np.full(shape, int(written_by))
    nodes = nodes_needed(replicas, size_gpus, limits.node_gpus)
    mean_replicas, standing_nodes = replicas, None
    if scaled := limits.serving.autoscaling:
        share = limits.upkeep.day
        kept = np.minimum(np.maximum(np.ceil(serving * share * (1 - 1e-9)), scaled.least_replicas), serving)
        kept = kept + np.minimum(limits.upkeep.spares(kept[None], size_gpus)[0], fleet.spares)
        mean_replicas = np.full(shape, kept.mean())
        paid = standing(nodes_needed(kept, size_gpus, limits.node_gpus), scaled.start_up_s)
        standing_nodes = np.broadcast_to(paid, (*shape, len(share)))
    missed = {name: waits.figure(name.removesuffix("_s")) > limit * (1 + 1e-9)
              for name, limit in limits.targets.items()}  # fmt: skip
    sized = Sizing(
        layout=layout, replica=served.replica(layout), fits=fits, sequences=top.decoding, bound=("",) * len(fits),
        capacity_per_s=top.requests_per_s, serving=np.full(shape, int(serving)), replicas=replicas,
        mean_replicas=mean_replicas, replica_gpus=np.full(shape, size_gpus), gpus=nodes * limits.node_gpus,
        nodes=nodes, standing_nodes=standing_nodes,
        redone=redone, peak=state,
        mean=curves.at_rate(load.queries_per_s * load.requests_per_query * redone / mean_replicas),
        latency=waits, alone=waits, missed=missed, weight_bytes=0.0,
    )  # fmt: skip
    over = offered > top.requests_per_s * serving * (1 + 1e-9)
    if pool is None:
        return sized, over
    late = offered > pool.does.most_per_s * pool.serving * (1 + 1e-9)
    return with_readers(sized, pool, limits, read_by), over | late


def _listed(degree: Any) -> Any:
    return np.atleast_1d(np.asarray(degree, np.float64))


def _array(value: Any, rows: int) -> Any:
    return np.broadcast_to(np.asarray(value, np.float64), (rows,))
