"""One plan's figures under the names of the contract."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from capplan.cost.bill import Bill
from capplan.cost.energy import YEAR_S
from capplan.cost.lines import usd_per
from capplan.engine.band import Band
from capplan.engine.excuse import Assumption, Excuse
from capplan.engine.layout import Layout
from capplan.plan import excuses as why
from capplan.plan import trust
from capplan.plan.deployment import Deployment
from capplan.plan.load import Load
from capplan.plan.sizing import Sizing
from capplan.plan.upkeep import AVAILABILITY, Upkeep
from capplan.reasoning.accuracy.value import Accuracy
from capplan.records import dataclass
from capplan.scenario.schema import Scenario

# The columns that say how a replica is laid out, in the order of a `Layout`.
DEGREES = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "attention_data_parallel")
_STEPS = frozenset({"chain_of_thought", "majority_vote", "best_of_n", "beam", "tree_of_thought", "mcts", "refine"})

# Where more is done again than done, chains of thought are lost faster than written.
_MOST_REDONE = 2.0


@dataclass(frozen=True)
class Parts:
    """Everything that one plan is read off: the group's arrays and the plan's place in them."""

    scenario: Scenario
    deployment: Deployment
    load: Load
    sizing: Sizing
    bill: Bill
    likely: Band
    accuracy: Accuracy | None
    index: int

    def at(self, values: Any) -> float:
        """This plan's element of an array of the group."""
        if isinstance(values, np.ndarray) and values.ndim:
            return float(values.item(self.index))  # three times faster than an index, and a row reads forty
        return float(values)


def row(parts: Parts, refused: tuple[Excuse, ...]) -> dict[str, Any]:
    """The contract's columns; None where one does not apply."""
    scenario, sizing, load, at = parts.scenario, parts.sizing, parts.load, parts.at
    asked, waits, layout = load.asked, sizing.latency, sizing.layout
    lines, i = parts.bill.lines, parts.index
    queries = at(load.queries_per_s) * YEAR_S
    output = at(asked.output_tokens)
    per_query = at(load.requests_per_query)
    total_cents = lines.total_cents.item(i)
    right = float(np.asarray(parts.accuracy.value)) if parts.accuracy is not None else None
    reasoning = scenario.reasoning
    return {
        "k": reasoning.k if reasoning.strategy in _STEPS and reasoning.thinking_tokens is None else None,
        "samples": int(at(asked.samples)),
        "strategy": reasoning.strategy,
        "model": parts.deployment.model.name,
        "gpu": parts.deployment.accelerator.name,
        "weights": scenario.serving.weights,
        "kv_cache": scenario.serving.kv_cache,
        "engine": parts.deployment.engine.name,
        "tensor_parallel": int(at(layout.tensor)),
        "pipeline_parallel": int(at(layout.pipeline)),
        "expert_parallel": int(at(layout.expert)),
        "attention_data_parallel": int(at(layout.attention_data)),
        "concurrency": int(at(sizing.sequences)),
        "prompt_tokens": at(asked.prompt_tokens),
        "thinking_tokens": at(asked.thinking_tokens),
        "answer_tokens": at(asked.answer_tokens),
        "output_tokens": output,
        "ttft_s": at(waits.ttft_s["mean"]),
        "itl_s": at(waits.itl_s["mean"]),
        "ttfo_s": at(waits.ttfo_s["mean"]),
        "tta_s": at(waits.tta_s["mean"]),
        "tta_p95_s": at(waits.tta_s["p95"]),
        "tta_p99_s": at(waits.tta_s["p99"]),
        "requests_per_s_per_replica": at(sizing.capacity_per_s) / per_query,
        "output_tokens_per_s_per_gpu": at(sizing.capacity_per_s) / per_query * output / at(sizing.replica_gpus),
        "replicas": int(at(sizing.replicas)),
        "gpus": int(at(sizing.gpus)),
        "nodes": int(at(sizing.nodes)),
        "utilization": at(load.queries_per_s) * per_query / (at(sizing.capacity_per_s) * at(sizing.mean_replicas)),
        **_upkeep(parts),
        **_prefill(parts),
        **trust.columns(at(parts.likely.spread), parts.likely.extrapolates_at(i)),
        **parts.bill.columns(i, at(load.queries_per_s), output),
        "accuracy": right,
        **accuracy_columns(parts.accuracy),
        "usd_per_correct_answer": usd_per(total_cents, queries * right, 1.0) if right else None,
        "feasible": not refused,
        "bottleneck": refused[0].constraint if refused else sizing.bound[i],
    }


def _upkeep(parts: Parts) -> dict[str, Any]:
    """Spares, hours of the day and evictions, of plans that count them."""
    sizing, serving, at = parts.sizing, parts.scenario.serving, parts.at
    evicted = parts.scenario.cost.spot.eviction_every_s is not None
    found: dict[str, Any] = {}
    if serving.spare_replicas or serving.failures or evicted:
        found["spare_replicas"] = int(at(sizing.replicas) - at(sizing.serving))
        if sizing.readers is not None:
            found["prefill_spare_replicas"] = int(at(sizing.reader_replicas) - at(sizing.readers.serving))
    if serving.autoscaling:
        found["mean_replicas"] = at(sizing.mean_replicas)
    if evicted:
        found["redone_tokens"] = at(parts.load.asked.output_tokens) * (at(sizing.redone) - 1)
    return found


def lost(parts: Parts, upkeep: Upkeep) -> Iterator[Assumption]:
    """What the plan takes for granted about replicas that are down."""
    serving, evicts = parts.scenario.serving, parts.at(parts.sizing.redone) > 1
    if serving.availability is None and (serving.failures or evicts):
        yield Assumption("serving.availability", AVAILABILITY, "default: replicas are down by chance, each by itself")
    if evicts:
        share = parts.at(upkeep.evicted(parts.load, parts.sizing.peak))
        value = f"without the {share:.2%} of the queries that are evicted"
        yield Assumption("latencies", value, "an evicted query starts anew", "estimate")


def accuracy_columns(found: Accuracy | None) -> dict[str, Any]:
    """The 90 % interval of an accuracy and how it is known; None where it is not."""
    return {
        "accuracy_low": None if found is None else float(np.asarray(found.low)),
        "accuracy_high": None if found is None else float(np.asarray(found.high)),
        "accuracy_status": None if found is None else found.status,
        "accuracy_metric": None if found is None else found.metric,
    }


def layout_of(row: Mapping[str, Any], prefix: str = "") -> Layout:
    """The layout that the columns of a row name, those of the columns with a prefix where one is given."""
    apart = bool(row.get("prefill_replicas")) and not prefix
    degrees = (float(row[f"{prefix}{name}"]) for name in DEGREES)
    return Layout(*degrees, prefill=layout_of(row, "prefill_") if apart else None)


def _prefill(parts: Parts) -> dict[str, Any]:
    """The pool that reads prompts, where it is apart."""
    pool, at = parts.sizing.readers, parts.at
    if pool is None:
        return {}
    degrees = (pool.layout.tensor, pool.layout.pipeline, pool.layout.expert, pool.layout.attention_data)
    return {
        "prefill_replicas": int(at(parts.sizing.reader_replicas)),
        "decode_replicas": int(at(parts.sizing.replicas) - at(parts.sizing.reader_replicas)),
        "prefill_nodes": int(at(parts.sizing.reader_nodes)),
        **{f"prefill_{name}": int(at(degree)) for name, degree in zip(DEGREES, degrees, strict=True)},
        "kv_transfer_s": at(pool.does.transfer_s),
    }


def excuses(parts: Parts) -> tuple[Excuse, ...]:
    """Every constraint that the plan breaks, the one that binds first."""
    scenario, sizing, at = parts.scenario, parts.sizing, parts.at
    if at(sizing.fits) < 1:
        held = at(sizing.weight_bytes)
        return (why.does_not_fit(scenario, parts.deployment, _layout(parts), held, parts.load.requests, parts.index),)
    if sizing.readers is not None and at(sizing.readers.does.fits) < 1:
        return (why.prompts_do_not_fit(scenario, parts.deployment, _layout(parts), parts.load.requests, parts.index),)
    found = []
    asked, most = parts.load.requests, parts.deployment.model.architecture.max_context
    if at(asked.prompt_tokens) + at(asked.output_tokens) > most > 0:
        thinking = at(parts.load.asked.thinking_tokens)
        found.append(why.too_long(scenario, parts.deployment, asked, parts.index, thinking))
    given = scenario.serving.concurrency
    if given != "auto" and given > at(sizing.fits):
        found.append(why.too_many_sequences(scenario, at(sizing.fits)))
    if at(sizing.redone) > _MOST_REDONE:
        found.append(why.evicted_too_often(scenario, at(sizing.redone), at(sizing.latency.tta_s["mean"])))
    for target, missed in sizing.missed.items():
        if np.asarray(missed)[parts.index]:
            value, limit = at(sizing.latency.figure(target.removesuffix("_s"))), getattr(scenario.targets, target)
            found.append(
                why.missed_target(scenario, target, value, limit, at(sizing.alone.figure(target.removesuffix("_s"))))
            )
    return tuple(found)


def _layout(parts: Parts) -> Layout:
    layout = parts.sizing.layout
    return layout.take(np.array(parts.index)) if np.ndim(layout.tensor) else layout
