"""Models side by side at equal arithmetic, cost or latency: a large one that thinks less, a small one more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.catalog.models import model as model_of
from capplan.errors import UserError
from capplan.plan import Plan, plans
from capplan.reasoning import scene
from capplan.reasoning.flop import model_flop, model_tokens_at_flop
from capplan.reasoning.worth import queries_to_pay
from capplan.scenario.overrides import with_values

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

MEASURES = {"tokens": "thinking_tokens", "flop": "flop_per_query", "cost": "annual_tco_usd", "latency": "tta_s"}
# Thinking lengths tried for equal cost and latency, tokens; between them the measure is taken as a power law.
_TRIED = np.geomspace(64, 65536, 21)
_YEAR_S = 365 * 86400.0

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Equal:
    """The answer of `strategies --models`: one row a model, its thinking as long as the measure allows."""

    plans: tuple[Plan, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def at_equal(
    scenario: Scenario, models: Sequence[str], by: str = "flop", training_usd: Mapping[str, float] | None = None
) -> Equal:
    """Each model with the thinking that costs what the scenario's own model takes for its thinking.

    by: tokens (as many to think), flop (arithmetic of a query, attention counted), cost (of a year) or latency (time to
    answer).
    training_usd: what training or distilling a model costs; its rows then say after how many queries it has paid.
    Raises UserError for another measure, and what look-ups raise.
    """
    if by not in MEASURES:
        raise UserError(f"--equal {by}: choose tokens, flop, cost or latency")
    reference = plans([scenario.having({"strategies": ()})])[0]
    wanted = float(_row(reference)[MEASURES[by]])
    variants, notes = [], []
    for name in models:
        one = with_values(scenario.having({"strategies": ()}), {"model": name})
        tokens = _tokens(one, by, wanted)
        if tokens <= 0:
            notes.append(f"{name} takes more without any thinking than {reference.row['model']} does with it.")
        variants.append(_thinking(one, max(tokens, 0.0)))
    made = [reference, *plans(variants)]
    rows = [_row(plan) for plan in made]
    notes.insert(0, _sentence(rows[0], by))
    notes += _paying(rows, training_usd or {}, scenario)
    return Equal(tuple(made), tuple(rows), tuple(notes))


def _row(plan: Plan) -> dict[str, Any]:
    """The plan's row with its arithmetic."""
    asked = scene.demand_of(plan.scenario)
    arch = model_of(plan.scenario.model, base=plan.scenario.path.parent if plan.scenario.path else None).architecture
    tokens = np.asarray(asked.prompt_tokens) + np.asarray(asked.output_tokens) / np.asarray(asked.samples)
    # Samples share the prompt; each attends to it and to itself.
    prompt = float(model_flop(arch, asked.prompt_tokens))
    flop = prompt + float(asked.samples) * (float(model_flop(arch, tokens)) - prompt)
    return {**plan.row, "flop_per_query": flop}


def _tokens(scenario: Scenario, by: str, wanted: float) -> float:
    """Thinking tokens of one sample at which the measure is `wanted`; 0 or less where even none is too much."""
    if by == "tokens":
        return wanted
    if by == "flop":
        asked = scene.demand_of(scenario)
        if float(asked.samples) > 1:
            raise UserError("--equal flop compares single samples; use --equal cost for strategies that draw several")
        arch = model_of(scenario.model, base=scenario.path.parent if scenario.path else None).architecture
        return model_tokens_at_flop(arch, wanted) - float(asked.prompt_tokens) - float(asked.answer_tokens)
    tried = plans([_thinking(scenario, 0.0), *(_thinking(scenario, float(t)) for t in _TRIED)])
    found = np.array([float(plan.row[MEASURES[by]]) for plan in tried])
    if found[0] >= wanted:
        return 0.0
    rising = np.maximum.accumulate(found[1:])
    return float(np.exp(np.interp(np.log(wanted), np.log(rising), np.log(_TRIED))))


def _thinking(scenario: Scenario, tokens: float) -> Scenario:
    """The scenario with one sample's thinking of so many tokens, none at all being `direct`."""
    if tokens < 1:
        return with_values(scenario, {"reasoning.strategy": "direct"})
    if scenario.reasoning.strategy == "direct":
        scenario = with_values(scenario, {"reasoning.strategy": "chain_of_thought"})
    taken_out = {"reasoning.k": None, "reasoning.tokens_per_step": None, "reasoning.calls": None}
    return with_values(scenario, {**taken_out, "reasoning.thinking_tokens": tokens})


def _sentence(row: Row, by: str) -> str:
    measure = {
        "tokens": "",
        "flop": f"{row['flop_per_query'] / 1e12:,.0f} TFLOP a query, attention counted",
        "cost": f"{float(row['annual_tco_usd']):,.0f} USD a year",
        "latency": f"{row['tta_s']:,.3g} s to the answer",
    }
    thinking = f"{row['thinking_tokens']:,.0f} thinking tokens"
    if by == "tokens":
        return f"Every model thinks as long as {row['model']}: {thinking}."
    return f"Every model thinks as long as it takes {measure[by]}, which is what {row['model']} takes for {thinking}."


def _paying(rows: Sequence[Row], training_usd: Mapping[str, float], scenario: Scenario) -> list[str]:
    """From which volume on a model that had to be trained or distilled is the cheaper one."""
    notes = []
    teacher = rows[0]
    for name, usd in training_usd.items():
        student = next((row for row in rows[1:] if row["model"] == scene.model_name(name)), None)
        if student is None:
            raise UserError(f"--training {name}: not among --models")
        each, what = _each(teacher, student)
        queries = queries_to_pay(usd, *each)
        if queries == float("inf"):
            notes.append(f"{student['model']} never earns {usd:,.0f} USD of training: it is no cheaper a {what}.")
            continue
        life = scenario.cost.amortization_s * scenario.workload.qps
        right = float(student["accuracy"]) if what == "right answer" else 1.0
        days = queries / right / scenario.workload.qps / 86400
        share = f"over the {life:,.0f} queries of its life training is {usd / life * 1e3:.3g} USD per 1,000"
        notes.append(
            f"{student['model']} has earned {usd:,.0f} USD of training after {queries:,.0f} {_many(what)}, "
            f"{days:,.1f} days of this traffic; {share}."
        )
    return notes


def _each(teacher: Row, student: Row) -> tuple[list[float], str]:
    """What a right answer costs with each, or a query where an accuracy is not known; and which of the two."""
    right = [row["usd_per_correct_answer"] for row in (teacher, student)]
    if None not in right:
        return [float(one) for one in right], "right answer"
    return [float(row["usd_per_1k_queries"]) / 1e3 for row in (teacher, student)], "query"


def _many(what: str) -> str:
    return "queries" if what == "query" else "right answers"
