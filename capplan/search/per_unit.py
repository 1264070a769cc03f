"""A plan's cost and energy by the unit that somebody budgets in: a query, a token, a user, one more step of thought."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from capplan.catalog.accelerators import accelerator
from capplan.cost.footprint import Footprint, footprint
from capplan.cost.lines import usd_per
from capplan.plan import Plan, plans
from capplan.scenario.overrides import with_values

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

YEAR_S = 365 * 86400.0
MONTHS = 12
# Strategies whose K steps one after another can be one more.
_STEPS = ("chain_of_thought", "majority_vote", "best_of_n", "refine")


def with_next(scenario: Scenario) -> tuple[Plan, Plan | None]:
    """The plan, and that with one more step of thought; None where the strategy has no steps to add to."""
    reasoning = scenario.reasoning
    if reasoning.strategy not in _STEPS or reasoning.thinking_tokens is not None:
        return plans([scenario])[0], None
    made, more = plans([scenario, with_values(scenario, {"reasoning.k": reasoning.k + 1})])
    return made, more


def footprint_of(plan: Plan) -> Footprint:
    """Water and embodied carbon of a plan's year."""
    row = plan.row
    chip = accelerator(plan.scenario.gpu)
    return footprint(plan.scenario.cost, chip, float(row["gpus"]), float(row["annual_kwh"]))


def per_unit(plan: Plan, more: Plan | None = None) -> dict[str, object]:
    """Further columns of a plan's row; None where one does not apply.

    usd_per_m_thinking_tokens, usd_per_m_answer_tokens: the cost split by the tokens decoded, so both are the same price
    per token; usd_per_m_visible_tokens: the whole cost over the answer tokens that a user reads.
    more: the plan of K + 1 steps; what it costs more is the marginal cost of the next step. Fleets are whole nodes, so
    that may be nothing, or a node.
    """
    row, scenario = plan.row, plan.scenario
    queries = scenario.workload.qps * YEAR_S
    total = _cents(row["annual_tco_usd"])
    output, answer = float(row["output_tokens"]), float(row["answer_tokens"])
    thinking = max(output - float(row["samples"]) * answer, 0.0)
    made = footprint_of(plan)
    users = scenario.workload.queries_per_user_month
    share = thinking / output if output else 0.0
    return {
        "thinking_usd_per_year": _usd(round(total * share)),
        "answer_usd_per_year": _usd(total - round(total * share)),
        "usd_per_m_thinking_tokens": usd_per(round(total * share), queries * thinking, 1e6),
        "usd_per_m_answer_tokens": usd_per(total - round(total * share), queries * (output - thinking), 1e6),
        "usd_per_m_visible_tokens": usd_per(total, queries * answer, 1e6),
        "usd_per_user_month": None if users is None else usd_per(total, queries, users),
        "kwh_per_query": float(row["annual_kwh"]) / queries,
        "kg_co2e_per_query": float(row["annual_kg_co2e"]) / queries,
        "annual_water_l": made.water_l,
        "water_l_per_query": None if made.water_l is None else made.water_l / queries,
        "embodied_kg_co2e_per_year": made.embodied_kg_co2e,
        **_marginal(row, more, queries),
    }


def _marginal(row: Mapping[str, object], more: Plan | None, queries: float) -> dict[str, object]:
    names = ("next_k_usd_per_year", "next_k_usd_per_1k_queries", "next_k_gpus")
    if more is None or not more.feasible:
        return dict.fromkeys(names)
    cents = _cents(more.row["annual_tco_usd"]) - _cents(row["annual_tco_usd"])
    gpus = int(more.row["gpus"]) - int(str(row["gpus"]))
    return dict(zip(names, (_usd(cents), usd_per(cents, queries, 1e3), gpus), strict=True))


def _cents(value: object) -> int:
    return int(Decimal(str(value)).scaleb(2))


def _usd(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
