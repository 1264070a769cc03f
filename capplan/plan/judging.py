"""The pool of the verifier: a second model that reads what the first one wrote, and its share of bill and wait."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.engine.excuse import Assumption
from capplan.plan.charges import unit_costs
from capplan.plan.rows import layout_of
from capplan.reasoning import scene
from capplan.scenario.length import Length
from capplan.scenario.quality import Quality
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.targets import Targets

if TYPE_CHECKING:
    from capplan.plan.answer import Plan
    from capplan.reasoning.demand import VerifierWork
    from capplan.scenario.schema import Scenario

_CENT = Decimal("0.01")
_MONEY = ("capex_usd_per_year", "energy_usd_per_year", "maintenance_usd_per_year", "rent_usd_per_year")


@dataclass(frozen=True)
class Judge:
    """A verifier that is another model than the generator. work: of one query. pool: the plan that serves it."""

    work: VerifierWork
    pool: Plan

    @property
    def wait_s(self) -> float:
        """How long a query waits for its judgements: means, those that follow one another added up."""
        row, work = self.pool.row, self.work
        return float(work.passes) * float(row["ttft_s"]) + float(work.sequential_decode_tokens) * float(row["itl_s"])

    def added(self, paid: Any, free: Any) -> tuple[Any, Any]:
        """(GPUs that it adds, its share of the pool's bill) beside a generator; `free` of the `paid` GPUs it leaves."""
        row = self.pool.row
        gpus = added_gpus(self.work.own_pool, free, _used(row), row["gpus"] * np.ones_like(paid), _node_gpus(row))
        return gpus, gpus / max(int(row["gpus"]), 1)


def judged(scenario: Scenario) -> VerifierWork | None:
    """What one query gives to a verifier that is another model; None where there is none."""
    reasoning = scenario.reasoning
    if scenario.serving.engine == "textbook":
        return None  # it knows one model only
    named = any(one is not None and one.model is not None for one in (reasoning.verifier, reasoning.critic))
    return scene.demand_of(scenario).verifier if named else None


def pool_of(scenario: Scenario, work: VerifierWork) -> Scenario:
    """What the verifier has to serve: its requests as prompts that are read, and next to no answer."""
    requests = float(work.requests)
    serving = scenario.serving
    changes = {
        "tensor_parallel": "auto", "pipeline_parallel": "auto", "expert_parallel": "auto",
        "attention_data_parallel": "auto", "concurrency": "auto", "speculative_decoding": None,
        "prefix_cache_hit_rate": 0.0, "disaggregated": False, "prefill": None,
    }  # fmt: skip
    load = {
        "qps": scenario.workload.qps * requests,
        "prompt_tokens": _tokens(float(work.prefill_tokens) / requests),
        "answer_tokens": _tokens(max(float(work.decode_tokens) / requests, 1.0)),
    }
    return scenario.having(
        {
            "name": f"{scenario.name}/verifier",
            "model": work.model,
            "serving": serving.having(changes),
            "workload": scenario.workload.having(load),
            "reasoning": Reasoning(strategy="direct"),
            "targets": Targets(power_w=scenario.targets.power_w),  # counts towards that of the whole
            "quality": Quality(),
            "cost": scenario.cost.having({"staff_usd_per_year": 0.0}),  # the generator's keep this pool too
            "strategies": (),
            "routing": None,
        }
    )


def _tokens(mean: float) -> Length:
    return Length("constant", (("tokens", mean),))


def together(plan: Plan, judge: Judge) -> Plan:
    """One plan of both pools: money, energy and nodes added up. The wait is in the plan's latencies already.

    A verifier with a pool of its own is rounded up to whole nodes by itself. One on shared accelerators has replicas of
    its own too (two models never share one), but they fill the nodes of the generator first.
    """
    mine, row = plan.row, judge.pool.row
    gpus = int(judge.added(int(mine["gpus"]), int(mine["gpus"]) - _used(mine))[0])
    share = Decimal(gpus) / Decimal(int(row["gpus"])) if row["gpus"] else Decimal(0)
    lines = tuple(
        replace(
            line,
            name=f"verifier_{line.name}",
            label=f"Verifier: {line.label if line.label[:2].isupper() else line.label[0].lower() + line.label[1:]}",
            usd_per_year=(line.usd_per_year * share).quantize(_CENT, ROUND_HALF_UP),
            formula=line.formula if share == 1 else f"{gpus} of {row['gpus']} GPUs of: {line.formula}",
        )
        for line in judge.pool.lines
        if share
    )
    whole: dict[str, Any] = dict(mine)
    whole |= {name: _sum(mine.get(name), row.get(name), share) for name in _MONEY}
    whole["annual_tco_usd"] = mine["annual_tco_usd"] + sum((line.usd_per_year for line in lines), start=Decimal(0))
    whole |= {"gpus": mine["gpus"] + gpus, "verifier_replicas": row["replicas"]}
    whole["nodes"] = -(-int(whole["gpus"]) // _node_gpus(mine))
    whole |= {name: mine[name] + float(share) * row[name] for name in ("annual_kwh", "annual_kg_co2e")}
    whole["energy_j_per_query"] = mine["energy_j_per_query"] * whole["annual_kwh"] / mine["annual_kwh"]
    whole |= unit_costs(whole, plan.scenario.workload.qps)
    why = (*plan.excuses, *(replace(one, message=f"verifier: {one.message}") for one in judge.pool.excuses))
    if why:
        whole |= {"feasible": False, "bottleneck": why[0].constraint}
    taken = (one for one in judge.pool.assumptions if one.key != "cost.staff")
    return replace(
        plan,
        row=whole,
        lines=(*plan.lines, *lines),
        excuses=why,
        assumptions=(*plan.assumptions, *taken, _where(judge, gpus)),
        peak_w=plan.peak_w + float(share) * judge.pool.peak_w,
    )


def _where(judge: Judge, gpus: int) -> Assumption:
    """Where the verifier runs: a reader may look for its lines on the bill in vain."""
    place = "a pool of its own" if judge.work.own_pool else "replicas of its own on the generator's nodes"
    added = "" if judge.work.own_pool else ", more nodes added" if gpus else ", where enough GPUs are free"
    return Assumption("reasoning.verifier", judge.pool.row["model"], f"{place}{added}", "plan")


def added_gpus(own_pool: bool, free: Any, used: Any, paid: Any, node_gpus: int) -> Any:
    """GPUs that the verifier adds to the bill: all of its own pool, or the nodes for what the generator's do not hold.

    free: GPUs of the generator's nodes that it does not use. used, paid: by the verifier's replicas, and in whole nodes
    for them. Scalars or arrays of one shape.

    >>> int(added_gpus(False, 4, 6, 8, 8)), int(added_gpus(False, 4, 4, 8, 8)), int(added_gpus(True, 4, 4, 8, 8))
    (8, 0, 8)
    """
    return paid if own_pool else -(-np.maximum(np.asarray(used) - free, 0) // node_gpus) * node_gpus


def _node_gpus(row: Any) -> int:
    return max(int(row["gpus"]) // max(int(row["nodes"]), 1), 1)


def _used(row: Any) -> int:
    layout, readers = layout_of(row), int(row.get("prefill_replicas") or 0)
    reading = layout.prefill.gpus * readers if layout.prefill else 0
    return int(layout.gpus * (row["replicas"] - readers) + reading)


def _sum(mine: Any, judge: Any, share: Decimal) -> Any:
    if mine is None and judge is None:
        return None
    return (mine or Decimal(0)) + ((judge or Decimal(0)) * share).quantize(_CENT, ROUND_HALF_UP)
