"""What queries cost beside the fleet, as a line of the plan's bill."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from capplan.cost.energy import YEAR_S
from capplan.cost.lines import CostLine, cents, usd, usd_per

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capplan.plan.answer import Plan


def charged(plan: Plan, usd_per_query: float) -> Plan:
    """The plan with what its policies on thinking cost a query, such as a classifier's price."""
    if not usd_per_query:
        return plan
    qps = plan.scenario.workload.qps
    year = usd(int(cents(usd_per_query * qps * YEAR_S)))
    formula = f"{qps:,.6g} queries/s x 31,536,000 s x {usd_per_query * 1e3:,.6g} USD for 1,000"
    line = CostLine("policies", "Policies on thinking", year, formula, "scenario")
    row = {**plan.row, "annual_tco_usd": plan.row["annual_tco_usd"] + year}
    return replace(plan, row=row | unit_costs(row, qps), lines=(*plan.lines, line))


def unit_costs(row: Mapping[str, Any], qps: float) -> dict[str, Any]:
    """The year's cost of a row by queries, tokens and right answers."""
    total, queries = int(row["annual_tco_usd"] * 100), qps * YEAR_S
    right = row.get("accuracy")
    return {
        "usd_per_1k_queries": usd_per(total, queries, 1e3),
        "usd_per_m_output_tokens": usd_per(total, queries * float(row["output_tokens"]), 1e6),
        "usd_per_correct_answer": usd_per(total, queries * float(right), 1.0) if right else None,
    }
