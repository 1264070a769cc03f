"""The figures of plans under the names of the contract."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from capplan.cost.bill import Bill
from capplan.cost.energy import YEAR_S
from capplan.cost.lines import usd_per_each
from capplan.engine.band import Band
from capplan.engine.excuse import Assumption, Excuse
from capplan.engine.layout import Layout
from capplan.plan import trust
from capplan.plan.alike import alike
from capplan.plan.deployment import Deployment
from capplan.plan.load import Load
from capplan.plan.sizing import Sizing
from capplan.plan.upkeep import AVAILABILITY, Upkeep
from capplan.reasoning.accuracy.value import Accuracy
from capplan.records import dataclass
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.schema import Scenario

# The columns that say how a replica is laid out, in the order of a `Layout`.
DEGREES = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "attention_data_parallel")
_STEPS = frozenset({"chain_of_thought", "majority_vote", "best_of_n", "beam", "tree_of_thought", "mcts", "refine"})


@dataclass(frozen=True)
class Group:
    """Everything that the plans of scenarios which share a deployment are read off; arrays of shape (scenarios,)."""

    scenarios: Sequence[Scenario]
    deployment: Deployment
    load: Load
    sizing: Sizing
    bill: Bill
    likely: Band
    accuracies: Sequence[Accuracy | None]

    def listed(self, values: Any) -> list[Any]:
        """One value a plan, plain numbers where it is an array and None for NaN: not applicable."""
        if isinstance(values, list):
            return values
        array = np.broadcast_to(np.asarray(values), (len(self.scenarios),))
        known = array.tolist()
        return [None if v != v else v for v in known] if array.dtype.kind == "f" and np.isnan(array).any() else known


def rows(group: Group, refused: Sequence[tuple[Excuse, ...]]) -> list[dict[str, Any]]:
    """The contract's columns of every plan; None where one does not apply. refused: why each cannot be."""
    held = columns(group)
    held["feasible"] = [not why for why in refused]
    held["bottleneck"] = [why[0].constraint if why else bound
                          for why, bound in zip(refused, group.sizing.bound, strict=True)]  # fmt: skip
    return [dict(zip(held, row, strict=True)) for row in zip(*map(group.listed, held.values()), strict=True)]


def columns(group: Group) -> dict[str, Any]:
    """What is read off the arrays: a list or an array of one value a plan, or the value of all of them."""
    scenarios, sizing, load = group.scenarios, group.sizing, group.load
    asked, waits, layout, serving = load.asked, sizing.latency, sizing.layout, scenarios[0].serving
    queries_per_s, per_query = load.queries_per_s, load.requests_per_query
    right = np.array([math.nan if one is None else one.value for one in group.accuracies], np.float64)
    return {
        "k": [_steps(scenario.reasoning) for scenario in scenarios],
        "samples": _whole(asked.samples),
        "strategy": [scenario.reasoning.strategy for scenario in scenarios],
        "model": group.deployment.model.name,
        "gpu": group.deployment.accelerator.name,
        "weights": serving.weights,
        "kv_cache": serving.kv_cache,
        "engine": group.deployment.engine.name,
        "tensor_parallel": _whole(layout.tensor),
        "pipeline_parallel": _whole(layout.pipeline),
        "expert_parallel": _whole(layout.expert),
        "attention_data_parallel": _whole(layout.attention_data),
        "concurrency": _whole(sizing.sequences),
        "prompt_tokens": asked.prompt_tokens,
        "thinking_tokens": asked.thinking_tokens,
        "answer_tokens": asked.answer_tokens,
        "output_tokens": asked.output_tokens,
        "ttft_s": waits.ttft_s["mean"],
        "itl_s": waits.itl_s["mean"],
        "ttfo_s": waits.ttfo_s["mean"],
        "tta_s": waits.tta_s["mean"],
        "tta_p95_s": waits.tta_s["p95"],
        "tta_p99_s": waits.tta_s["p99"],
        "requests_per_s_per_replica": sizing.capacity_per_s / per_query,
        "output_tokens_per_s_per_gpu": sizing.capacity_per_s / per_query * asked.output_tokens / sizing.replica_gpus,
        "replicas": _whole(sizing.replicas),
        "gpus": _whole(sizing.gpus),
        "nodes": _whole(sizing.nodes),
        "utilization": queries_per_s * per_query / (sizing.capacity_per_s * sizing.mean_replicas),
        **_upkeep(group),
        **_prefill(group),
        **trust.columns(group.likely),
        **group.bill.columns(queries_per_s, asked.output_tokens),
        "accuracy": right,
        **_known(group.accuracies),
        "usd_per_correct_answer": usd_per_each(group.bill.lines.total_cents, queries_per_s * YEAR_S * right, 1.0),
    }


def _whole(values: Any) -> Any:
    return np.asarray(values).astype(np.int64)


def _steps(reasoning: Reasoning) -> int | None:
    return reasoning.k if reasoning.strategy in _STEPS and reasoning.thinking_tokens is None else None


def _upkeep(group: Group) -> dict[str, Any]:
    """Spares, hours of the day and evictions, of plans that count them."""
    sizing, scenario = group.sizing, group.scenarios[0]
    evicted = scenario.cost.spot.eviction_every_s is not None
    found: dict[str, Any] = {}
    if scenario.serving.spare_replicas or scenario.serving.failures or evicted:
        found["spare_replicas"] = _whole(sizing.replicas - sizing.serving)
        if sizing.readers is not None:
            found["prefill_spare_replicas"] = _whole(sizing.reader_replicas - sizing.readers.serving)
    if scenario.serving.autoscaling:
        found["mean_replicas"] = sizing.mean_replicas
    if evicted:
        found["redone_tokens"] = group.load.asked.output_tokens * (sizing.redone - 1)
    return found


def lost(group: Group, upkeep: Upkeep) -> list[tuple[Assumption, ...]]:
    """What each plan takes for granted about replicas that are down."""
    serving, evicts = group.scenarios[0].serving, np.asarray(group.sizing.redone) > 1
    if not serving.failures and not evicts.any():
        return [()] * len(group.scenarios)
    up = Assumption("serving.availability", AVAILABILITY, "default: replicas are down by chance, each by itself")
    shares = group.listed(upkeep.evicted(group.load, group.sizing.peak) if evicts.any() else 0.0)
    said = []
    for evicted, share in zip(group.listed(evicts), shares, strict=True):
        value = f"without the {share:.2%} of the queries that are evicted"
        anew = Assumption("latencies", value, "an evicted query starts anew", "estimate")
        known = serving.availability is not None or not (serving.failures or evicted)
        said.append((*(() if known else (up,)), *((anew,) if evicted else ())))
    return said


def _known(found: Sequence[Accuracy | None]) -> dict[str, Any]:
    """The columns of `accuracy_columns`, those of plans whose accuracy is the same told once."""
    same = alike(found, id)
    each = [accuracy_columns(found[at]) for at in same.firsts]
    return {name: [each[kind][name] for kind in same.kind.tolist()] for name in each[0]}


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


def _prefill(group: Group) -> dict[str, Any]:
    """The pool that reads prompts, where it is apart."""
    pool = group.sizing.readers
    if pool is None:
        return {}
    degrees = (pool.layout.tensor, pool.layout.pipeline, pool.layout.expert, pool.layout.attention_data)
    return {
        "prefill_replicas": _whole(group.sizing.reader_replicas),
        "decode_replicas": _whole(group.sizing.replicas - group.sizing.reader_replicas),
        "prefill_nodes": _whole(group.sizing.reader_nodes),
        **{f"prefill_{name}": _whole(degree) for name, degree in zip(DEGREES, degrees, strict=True)},
        "kv_transfer_s": pool.does.transfer_s,
    }
