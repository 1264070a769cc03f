"""Self-host or API: what both cost for the same queries, and where the answer flips."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.cost.api import LONG_CONTEXT_TOKENS, Tariff, Usage, tariff, usd_per_query
from capplan.cost.energy import YEAR_S
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.plan.varied import varied, varied_demand
from capplan.reasoning.scene import accuracy_of, query_of
from capplan.scenario.overrides import with_values
from capplan.scenario.workload import MOST_QPS
from capplan.search.volume import Volumes, crossing, volumes

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

MONTH_S = YEAR_S / 12
_HOURS = YEAR_S / 3600
# How far from today's figures a crossing is looked for: a thousandth to a thousand times.
_REACH = 1e3
_LENGTHS = 64.0
_CURVE = 25


@dataclass(frozen=True)
class Crossing:
    """Where the answer flips when one thing changes and all else is held.

    now: its value today. at: the value at which both cost the same; None where they never do within reach.
    cheaper: which side of `at` is the better one for self-hosting: `above`, `below`, `always` or `never`.
    """

    quantity: str
    unit: str
    now: float
    at: float | None
    cheaper: str
    note: str = ""


@dataclass(frozen=True)
class Breakeven:
    """The answer of `breakeven`.

    api_usd_per_query: as billed. factor: API answers needed for as many right ones as self-hosting gives, 1 where
    accuracies are not known. curve: rows of (queries a month, fleet USD, API USD, GPUs) for drawing.
    """

    plan: Plan
    tariff: Tariff
    usage: Usage
    api_usd_per_query: float
    factor: float
    volumes: Volumes
    crossings: tuple[Crossing, ...]
    curve: tuple[tuple[float, Decimal, Decimal, int], ...]
    notes: tuple[str, ...]

    @property
    def api_usd_per_year(self) -> Decimal:
        """At today's volume."""
        queries = self.plan.scenario.workload.qps * YEAR_S
        return cents(self.api_usd_per_query * self.factor * queries)


def cents(usd: float) -> Decimal:
    """Dollars as a decimal with two places, half to even.

    >>> cents(0.125)
    Decimal('0.12')
    """
    return Decimal(int(np.rint(usd * 100))).scaleb(-2)


def usage_of(scenario: Scenario, values: dict[str, Any] | None = None) -> Usage:
    """What a query of the scenario is billed for: every sample and every later call sends its prompt again."""
    asked = varied_demand(scenario, values or {})
    thinking = np.asarray(asked.output_tokens) - np.asarray(asked.samples) * np.asarray(asked.answer_tokens)
    again = (np.asarray(asked.samples) - 1.0) * np.asarray(asked.prompt_tokens)
    return Usage(
        input_tokens=np.asarray(asked.prefill_tokens) + again + np.asarray(asked.repeated_prefill_tokens),
        thinking_tokens=np.maximum(thinking, 0.0),
        answer_tokens=np.asarray(asked.output_tokens) - np.maximum(thinking, 0.0),
        cached=scenario.serving.prefix_cache_hit_rate,
        long=float(query_of(scenario).prompt.share_above(float(LONG_CONTEXT_TOKENS))),
    )


def breakeven(scenario: Scenario) -> Breakeven:
    """Both bills at today's volume, and the volume, utilisation, token length and GPU price at which they are equal.

    The layout is chosen anew at every volume; fleets are whole replicas in whole nodes. Where the accuracies of both
    models are known, costs are compared per right answer. Raises UserError without `cost.api`, PriceError without
    a price, and what `plan` raises.
    """
    api = scenario.cost.api
    if api is None:
        raise UserError(f"{scenario.name}: no API to compare with (add cost: api: {{model: deepseek-r1}})")
    if scenario.serving.engine == "textbook":
        raise UserError(f"{scenario.name}: the textbook engine has no steady state (set serving.engine: vllm)")
    own, prices, usage = plan(scenario), tariff(api), usage_of(scenario)
    each = float(usd_per_query(prices, usage))
    factor, said = _equal_accuracy(scenario)
    fair = each * factor
    monthly = scenario.workload.qps * MONTH_S
    found = volumes(lambda v: _fleet_usd(scenario, v), fair, min(max(monthly * _REACH, 1.0), MOST_QPS * MONTH_S))
    crossings = (
        _volume(found, monthly),
        _utilization(own, fair),
        _length(scenario, prices, factor, float(np.mean(usage.output_tokens))),
        *_gpu_prices(scenario, own, fair),
    )
    notes = [f"Mix used: {usage.mix()}; thinking is billed as output.", *said, *_limits(prices, usage)]
    curve = _curve(scenario, fair, found, monthly)
    return Breakeven(own, prices, usage, each, factor, found, crossings, curve, tuple(notes))


def _fleet_usd(scenario: Scenario, queries_per_month: Any) -> Any:
    """What the fleet costs a month for these volumes; infinite where no plan can be."""
    made = varied(scenario, {"workload.qps": np.asarray(queries_per_month, np.float64) / MONTH_S})
    return np.where(made.feasible, made.usd_per_year / 12, np.inf)


def _equal_accuracy(scenario: Scenario) -> tuple[float, list[str]]:
    """API answers for each of ours with as many right ones, and what is said of it."""
    api = scenario.cost.api
    if api is None:
        return 1.0, []
    mine = accuracy_of(scenario)
    if mine is None:
        return 1.0, ["Accuracies are not known (no figure for this model under `quality`): compared per query."]
    if scenario.quality.benchmark is None:
        return 1.0, ["The accuracy given is our model's; the API's is taken to be the same: compared per query."]
    try:
        theirs = accuracy_of(with_values(scenario, {"model": str(api.model)}))
    except UserError:
        theirs = None
    if theirs is None or not float(np.asarray(theirs.value)):
        return 1.0, [f"The accuracy of {api.model} is not known here: compared per query."]
    ours, other = float(np.asarray(mine.value)), float(np.asarray(theirs.value))
    said = f"At equal accuracy: compared per right answer, {ours:.1%} here and {other:.1%} of {api.model}"
    return ours / other, [f"{said} on {scenario.quality.benchmark}."]


def _volume(found: Volumes, monthly: float) -> Crossing:
    note = f"naive {found.naive:,.0f}: the smallest fleet's cost over the price of a query, whatever it can serve"
    if found.first is not None and found.stays is not None and found.first < found.stays * (1 - 1e-6):
        note += f"; cheaper for the first time at {found.first:,.0f}, until the next node is bought"
    side = "above" if found.stays is not None else "never"
    return Crossing("volume", "queries/month", monthly, found.stays, side, note)


def _utilization(own: Plan, fair: float) -> Crossing:
    """The share of what the fleet can serve at which its bill equals the API's."""
    row = own.row
    most = float(row["requests_per_s_per_replica"]) * float(row["replicas"]) * YEAR_S * fair
    at = float(row["annual_tco_usd"]) / most if most > 0 else np.inf
    held = at <= 1
    note = "" if held else f"the fleet would have to be {at:.0%} busy"
    return Crossing(
        "utilization", "ratio", float(row["utilization"]), at if held else None, "above" if held else "never", note
    )


def _length(scenario: Scenario, prices: Tariff, factor: float, output_tokens: float) -> Crossing:
    """Output tokens a query, thinking and answer stretched alike, at today's number of queries."""
    work, reasoning = scenario.workload, scenario.reasoning
    queries = work.qps * YEAR_S

    def values(stretch: Any) -> dict[str, Any]:
        made = {"workload.answer_tokens": stretch * work.answer_tokens.mean_tokens}
        if reasoning.thinking_tokens is not None:
            return made | {"reasoning.thinking_tokens": stretch * reasoning.thinking_tokens.mean_tokens}
        return made | {"reasoning.tokens_per_step": stretch * reasoning.tokens_per_step}

    def dearer(stretch: Any) -> Any:
        fleet = varied(scenario, values(stretch))
        api = usd_per_query(prices, usage_of(scenario, values(stretch))) * factor * queries
        return np.where(fleet.feasible, fleet.usd_per_year, np.inf) - api

    at = crossing(dearer, 1 / _LENGTHS, _LENGTHS)
    if at is None:
        ahead = bool(dearer(np.array([1.0]))[0] < 0)
        return Crossing("output tokens", "tokens/query", output_tokens, None, "always" if ahead else "never")
    side = "above" if bool(dearer(np.array([at * 1.05]))[0] < 0) else "below"
    return Crossing("output tokens", "tokens/query", output_tokens, at * output_tokens, side)


def _gpu_prices(scenario: Scenario, own: Plan, fair: float) -> list[Crossing]:
    """What a GPU-hour of this fleet may cost all in, and what a GPU may cost to buy."""
    hours = float(own.row["gpus"]) * _HOURS
    total, api = float(own.row["annual_tco_usd"]), fair * scenario.workload.qps * YEAR_S
    found = [Crossing("GPU price", "USD/hour", total / hours, api / hours, "below", "all in, for each GPU")]
    if scenario.cost.pricing.share("own"):
        trial = np.array([10_000.0, 20_000.0])
        low, high = varied(scenario, {"cost.purchase_price": trial}).usd_per_year
        at = 10_000.0 + (api - low) / (high - low) * 10_000.0 if high > low else -1.0
        line = own.lines[0]
        count = float(own.row["gpus"]) * scenario.cost.pricing.share("own")
        now = float(line.usd_per_year) * scenario.cost.amortization_s / YEAR_S / count
        now /= 1 - scenario.cost.residual_value if scenario.cost.residual_value < 1 else 1
        found.append(Crossing("purchase price", "USD/GPU", now, at if at > 0 else None, "below" if at > 0 else "never"))
    return found


def _limits(prices: Tariff, usage: Usage) -> list[str]:
    said = [f"API: {prices.title}; {item.key.removeprefix('cost.api ')}: {item.value} ({item.source})."
            for item in prices.assumptions]  # fmt: skip
    bounds = (("prompt", prices.max_input_tokens, usage.input_tokens),
              ("output", prices.max_output_tokens, usage.output_tokens))  # fmt: skip
    for name, most, mean in bounds:
        if most is not None and float(np.mean(np.asarray(mean))) > most:
            said.append(f"{prices.title} takes at most {most:,} {name} tokens a request and cuts off longer ones.")
    return said


def _curve(scenario: Scenario, fair: float, found: Volumes, monthly: float) -> Any:
    around = [v for v in (found.naive, found.first, found.stays, monthly) if v is not None and np.isfinite(v) and v > 0]
    grid = np.geomspace(min(around) / 4, min(max(around) * 4, MOST_QPS * MONTH_S), _CURVE)
    made = varied(scenario, {"workload.qps": grid / MONTH_S})
    return tuple(
        (float(v), cents(float(usd) / 12), cents(fair * float(v)), int(gpus))
        for v, usd, gpus in zip(grid, made.usd_per_year, made.columns["gpus"], strict=True)
    )
