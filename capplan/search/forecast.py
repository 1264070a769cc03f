"""The years ahead: traffic grows, prices fall, and nodes are bought or rented when the load asks for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.cost.ownership import spare_nodes
from capplan.cost.terms import network_usd_per_gpu, ownership_terms, rents
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.plan.deployment import deployment
from capplan.plan.rows import layout_of
from capplan.plan.varied import Varied, varied
from capplan.search.breakeven import cents
from capplan.search.worlds import grown

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

MONTHS = 12
# Cents of every month are rounded by themselves, so that the months of a year add up to the year.
_RUNNING = ("energy", "maintenance", "operations")


@dataclass(frozen=True)
class Purchase:
    """Nodes bought at the start of a month (counted from 1), spares and network included."""

    month: int
    nodes: int
    fleet_nodes: int
    usd: Decimal


@dataclass(frozen=True)
class Year:
    """One year's budget in money that is paid out: purchases, rent, and running costs (energy, maintenance, others).

    present: the year's payments discounted to the start of the plan. qps: mean of the last month.
    """

    year: int
    qps: float
    nodes: int
    gpus: int
    purchases_usd: Decimal
    rent_usd: Decimal
    running_usd: Decimal
    present_usd: Decimal
    bought: tuple[Purchase, ...]

    @property
    def total_usd(self) -> Decimal:
        return self.purchases_usd + self.rent_usd + self.running_usd


@dataclass(frozen=True)
class Forecast:
    """The answer of `forecast`.

    residual_usd: what the hardware is worth at the end, by straight line to the residual value, at the price of the
    day it was bought. npv_usd: all payments less the residual, discounted; a cost, so less is better.
    """

    plan: Plan
    years: tuple[Year, ...]
    residual_usd: Decimal
    npv_usd: Decimal
    notes: tuple[str, ...]


def forecast(scenario: Scenario) -> Forecast:
    """Month by month over `forecast.years`: the fleet that the load asks for, bought or rented at the month's price.

    Growth: traffic of month m is qps x (1 + growth)^m, m from 0. Prices of GPUs fall by `price_decline` a year, evenly,
    for what is bought or rented in that month; hosts and networks do not. A fleet that the load no longer needs is
    handed back where it is rented and kept where it is owned; hardware older than its amortization is not replaced.
    The layout is that of the first month. Raises what `plan` raises, UserError where a month has no plan.
    """
    ahead = scenario.forecast
    first = plan(scenario)
    months = np.arange(ahead.years * MONTHS)
    qps = grown(scenario.workload.qps, ahead.growth_per_month, months)
    cheaper = (1 - ahead.price_decline) ** (months / MONTHS)
    made = _planned(scenario, first, qps, cheaper)
    owned = scenario.cost.pricing.share("own")
    bought, usd, residual = _purchases(scenario, made, cheaper) if owned else ((), np.zeros(len(months)), 0.0)
    paid = {"purchases": usd, "rent": _monthly(made, "rent"), "running": sum(_monthly(made, name) for name in _RUNNING)}
    paid = {name: np.rint(value * 100) / 100 for name, value in paid.items()}
    discount = (1 + ahead.discount_rate) ** (-months / MONTHS)
    years = tuple(_year(y, qps, made, paid, discount, bought) for y in range(ahead.years))
    left = residual * (1 + ahead.discount_rate) ** -ahead.years
    npv = cents(float((sum(paid.values()) * discount).sum()) - left)
    return Forecast(first, years, cents(residual), npv, tuple(_notes(scenario)))


def _planned(scenario: Scenario, first: Plan, qps: Any, cheaper: Any) -> Varied:
    values: dict[str, Any] = {"workload.qps": qps}
    if scenario.cost.pricing.share("own") < 1:
        for rent, _ in rents(scenario.cost, str(first.row["gpu"])):
            values[f"cost.gpu_hourly.{rent.way}"] = rent.usd_per_s * cheaper
    made = varied(scenario, values, layout=layout_of(first.row))
    hard = np.logical_or.reduce([~made.fits, *(late for name, late in made.missed.items() if name != "annual_tco_usd")])
    if hard.any():
        month = int(np.flatnonzero(hard)[0]) + 1
        raise UserError(f"{scenario.name}: no plan for the {qps[month - 1]:,.6g} queries/s of month {month}")
    return made


def _monthly(made: Varied, category: str) -> Any:
    return made.lines.category_cents(category) / 100 / MONTHS


def _purchases(scenario: Scenario, made: Varied, cheaper: Any) -> tuple[tuple[Purchase, ...], Any, float]:
    """What is bought when, what is paid each month, and what is left of it at the end."""
    chip, cost = deployment(scenario).accelerator, scenario.cost
    terms = ownership_terms(cost, chip)
    share, end = cost.pricing.share("own"), len(cheaper)
    per_node = float(made.columns["gpus"][0] / made.columns["nodes"][0])
    standing = np.maximum.accumulate(np.asarray(made.columns["nodes"], np.float64))
    spare = spare_nodes(standing, cost.spares)
    price, host = float(np.asarray(terms.gpu_price_usd)), float(np.asarray(terms.host_usd_per_gpu))
    given = float(np.asarray(terms.network_usd_per_gpu))
    tier = np.full(end, given) if math.isfinite(given) else network_usd_per_gpu(standing * per_node, standing)
    usd, bought, left = np.zeros(end), [], 0.0
    for month in range(end):
        before = month - 1
        nodes = standing[month] - (standing[before] if month else 0.0)
        more = nodes + spare[month] - (spare[before] if month else 0.0)
        # A fleet that passes a tier pays the difference for all of its GPUs.
        wires = tier[month] * standing[month] - (tier[before] * standing[before] if month else 0.0)
        paid = share * per_node * (more * (price * cheaper[month] + host) + wires)
        usd[month] = paid * (1 + cost.installation)
        age = (end - month) / MONTHS / (cost.amortization_s / (365 * 86400.0))
        left += paid * max(1 - (1 - cost.residual_value) * age, cost.residual_value if age >= 1 else 0.0)
        if more > 0:
            bought.append(Purchase(month + 1, int(more), int(standing[month] + spare[month]), cents(float(usd[month]))))
    return tuple(bought), usd, left


def _year(
    year: int, qps: Any, made: Varied, paid: Mapping[str, Any], discount: Any, bought: tuple[Purchase, ...]
) -> Year:
    inside = slice(year * MONTHS, (year + 1) * MONTHS)
    last = (year + 1) * MONTHS - 1
    total = sum(paid.values())
    return Year(
        year=year + 1,
        qps=float(qps[last]),
        nodes=int(made.columns["nodes"][last]),
        gpus=int(made.columns["gpus"][last]),
        purchases_usd=cents(float(paid["purchases"][inside].sum())),
        rent_usd=cents(float(paid["rent"][inside].sum())),
        running_usd=cents(float(paid["running"][inside].sum())),
        present_usd=cents(float((total * discount)[inside].sum())),
        bought=tuple(one for one in bought if inside.start < one.month <= inside.stop),
    )


def _notes(scenario: Scenario) -> list[str]:
    ahead = scenario.forecast
    return [
        f"Traffic grows {ahead.growth_per_month:.2%} a month; GPUs become {ahead.price_decline:.0%} cheaper a year, "
        "hosts, networks, upkeep and electricity do not; payments are discounted "
        f"at {ahead.discount_rate:.2%} a year from the start of the month in which they fall due.",
        "Money as it is paid, not written off: a node is paid in the month in which the load first needs it.",
    ]
