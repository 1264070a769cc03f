"""The pool of the verifier: a second model that reads what the first one wrote, and its share of bill and wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from capplan.plan import Plan, plans
from capplan.reasoning import scene
from capplan.scenario.length import Length
from capplan.scenario.quality import Quality
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.targets import Targets

if TYPE_CHECKING:
    from capplan.reasoning.demand import VerifierWork
    from capplan.scenario.schema import Scenario

_YEAR_S = 365 * 86400.0
_CENT = Decimal("0.01")
_WAITS = ("ttfo_s", "tta_s", "tta_p95_s", "tta_p99_s")
_MONEY = ("capex_usd_per_year", "energy_usd_per_year", "maintenance_usd_per_year", "rent_usd_per_year")


def with_judges(made: Sequence[Plan]) -> list[Plan]:
    """The plans, each with the pool of its verifier where another model judges.

    A verifier with a pool of its own is rounded up to whole nodes by itself. One on shared accelerators has replicas of
    its own too (two models never share one), but they fill the nodes of the generator first.
    """
    work = [scene.demand_of(plan.scenario).verifier if _judged(plan.scenario) else None for plan in made]
    pools = plans([_pool(plan.scenario, one) for plan, one in zip(made, work, strict=True) if one is not None])
    waiting = iter(pools)
    return [plan if one is None else _together(plan, next(waiting), one) for plan, one in zip(made, work, strict=True)]


def _judged(scenario: Scenario) -> bool:
    reasoning = scenario.reasoning
    return any(one is not None and one.model is not None for one in (reasoning.verifier, reasoning.critic))


def _pool(scenario: Scenario, work: VerifierWork) -> Scenario:
    """What the verifier has to serve: its requests as prompts that are read, and next to no answer."""
    read, written = float(work.prefill_tokens / work.requests), float(work.decode_tokens / work.requests)
    serving = scenario.serving
    changes = {
        "tensor_parallel": "auto", "pipeline_parallel": "auto", "expert_parallel": "auto",
        "attention_data_parallel": "auto", "concurrency": "auto", "speculative_decoding": None,
        "prefix_cache_hit_rate": 0.0,
    }  # fmt: skip
    return scenario.having(
        {
            "name": f"{scenario.name}/verifier",
            "model": work.model,
            "serving": serving.having(changes),
            "workload": scenario.workload.having(
                {
                    "qps": scenario.workload.qps * float(work.requests),
                    "prompt_tokens": _tokens(read),
                    "answer_tokens": _tokens(max(written, 1.0)),
                }
            ),
            "reasoning": Reasoning(strategy="direct"),
            "targets": Targets(),
            "quality": Quality(),
            "strategies": (),
            "routing": None,
        }
    )


def _tokens(mean: float) -> Length:
    return Length("constant", (("tokens", mean),))


def _together(plan: Plan, pool: Plan, work: VerifierWork) -> Plan:
    """One plan of both pools: their money, energy and nodes added up, the judging waited for."""
    mine, judge = plan.row, pool.row
    gpus = _added_gpus(mine, judge, work.own_pool)
    share = Decimal(gpus) / Decimal(int(judge["gpus"])) if judge["gpus"] else Decimal(0)
    lines = tuple(
        replace(
            line,
            name=f"verifier_{line.name}",
            label=f"Verifier: {line.label[0].lower()}{line.label[1:]}",
            usd_per_year=(line.usd_per_year * share).quantize(_CENT, ROUND_HALF_UP),
            formula=line.formula if share == 1 else f"{gpus} of {judge['gpus']} GPUs of: {line.formula}",
        )
        for line in pool.lines
    )
    wait_s = float(work.passes) * float(judge["ttft_s"]) + float(work.sequential_decode_tokens) * float(judge["itl_s"])
    row: dict[str, Any] = dict(mine)
    row |= {name: float(mine[name]) + wait_s for name in _WAITS if mine.get(name) is not None}
    row |= {name: _sum(mine.get(name), judge.get(name), share) for name in _MONEY}
    row["annual_tco_usd"] = mine["annual_tco_usd"] + sum((line.usd_per_year for line in lines), start=Decimal(0))
    row |= {"gpus": mine["gpus"] + gpus, "replicas": mine["replicas"] + judge["replicas"]}
    node_gpus = max(int(mine["gpus"]) // max(int(mine["nodes"]), 1), 1)
    row["nodes"] = -(-int(row["gpus"]) // node_gpus)
    row |= {name: mine[name] + float(share) * judge[name] for name in ("annual_kwh", "annual_kg_co2e")}
    row["energy_j_per_query"] = _energy(mine, judge, float(work.requests), float(share))
    row |= _unit_costs(row, plan.scenario.workload.qps)
    why = (*plan.excuses, *(replace(one, message=f"verifier: {one.message}") for one in pool.excuses))
    row |= {"feasible": not why, "bottleneck": mine["bottleneck"] if plan.excuses or not why else why[0].constraint}
    return replace(plan, row=row, lines=(*plan.lines, *lines), excuses=why,
                   assumptions=(*plan.assumptions, *pool.assumptions))  # fmt: skip


def _added_gpus(mine: Any, judge: Any, own_pool: bool) -> int:
    """GPUs that the verifier adds: all of its pool, or what does not fit into the generator's last node."""
    if own_pool:
        return int(judge["gpus"])
    node_gpus = max(int(judge["gpus"]) // max(int(judge["nodes"]), 1), 1)
    free = int(mine["gpus"]) - _used(mine)
    return -(-max(_used(judge) - free, 0) // node_gpus) * node_gpus


def _used(row: Any) -> int:
    ranks = int(row.get("attention_data_parallel") or 1)
    return int(row["replicas"] * row["tensor_parallel"] * row["pipeline_parallel"] * ranks)


def _sum(mine: Any, judge: Any, share: Decimal) -> Any:
    if mine is None and judge is None:
        return None
    return (mine or Decimal(0)) + ((judge or Decimal(0)) * share).quantize(_CENT, ROUND_HALF_UP)


def _energy(mine: Any, judge: Any, requests: float, share: float) -> float | None:
    if mine.get("energy_j_per_query") is None or judge.get("energy_j_per_query") is None:
        return None
    return float(mine["energy_j_per_query"]) + share * requests * float(judge["energy_j_per_query"])


def _unit_costs(row: Any, qps: float) -> dict[str, Any]:
    from capplan.cost.lines import usd_per

    cents, queries = int(row["annual_tco_usd"] * 100), qps * _YEAR_S
    right = row.get("accuracy")
    return {
        "usd_per_1k_queries": usd_per(cents, queries, 1e3),
        "usd_per_m_output_tokens": usd_per(cents, queries * float(row["output_tokens"]), 1e6),
        "usd_per_correct_answer": usd_per(cents, queries * float(right), 1.0) if right else None,
    }
