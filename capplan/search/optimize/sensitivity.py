"""How firmly the winner stands: shadow prices of targets, the next cliffs, and its lead against the prediction band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capplan.engine.band import band
from capplan.plan import plans
from capplan.plan.deployment import deployment
from capplan.plan.load import load
from capplan.plan.varied import Fleet, varied
from capplan.scenario.overrides import with_values
from capplan.search.optimize.candidate import Exact
from capplan.search.optimize.evaluated import Evaluated
from capplan.search.optimize.limits import limits_of, loosened
from capplan.search.optimize.select import CLOSE, winner
from capplan.search.optimize.space import Choice, choices

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

LOOSER = 1.10
# How far ahead a cliff is looked for, and in what steps.
FAR, _STEPS = 1.0, 100
_EXACT = 48

Evaluate = Callable[[Sequence[Choice]], list[Evaluated]]


@dataclass(frozen=True)
class Shadow:
    """What a looser limit saves. limit: its name; saves: of the objective, 0 where nothing."""

    limit: str
    saves: float


@dataclass(frozen=True)
class Cliff:
    """What lies ahead of the winner; None where nothing does within the distance looked at.

    load: the growth of traffic at which the fleet grows, by `gpus` and `usd` a year. slower: how much slower than
    predicted the engine may be until the fleet misses `missed`.
    """

    load: float | None
    gpus: int
    usd: float
    slower: float | None
    missed: str


@dataclass(frozen=True)
class Verdict:
    """Whether the lead is more than the predictions can tell. word: act, close call, measure first, or alone."""

    word: str
    margin: float
    band: float


def shadow_prices(scenario: Scenario, best: Exact, objective: str, evaluate: Evaluate) -> list[Shadow]:
    """What each limit, 10 % looser, saves; the largest first.

    All limits looser together are a bound: deployments that do not beat the winner then need not be tried for one.
    """
    names = limits_of(scenario)
    if not names:
        return []
    every = evaluate(choices(loosened(scenario, names, LOOSER)))
    floor = [np.where(one.feasible, one.objective(objective), np.inf).min() for one in every]
    rivals = {one.choice.name for one, least in zip(every, floor, strict=True) if least * (1 - CLOSE) < best.value}
    found = []
    for name in names:
        tried = [choice for choice in choices(loosened(scenario, [name], LOOSER)) if choice.name in rivals]
        cheaper = winner(evaluate(tried), objective, _EXACT) if tried else None
        saves = max(best.value - cheaper.best.value, 0.0) if cheaper else 0.0
        found.append(Shadow(name, saves))
    return sorted(found, key=lambda one: -one.saves)


def cliffs(best: Exact) -> Cliff:
    """The next step of the fleet as traffic grows, and the error of the engine's pace at which a target is missed."""
    scenario, row = best.candidate.scenario, best.plan.row
    growth = np.linspace(0, FAR, _STEPS + 1)[1:]
    grown = plans([with_values(scenario, {"workload.qps": scenario.workload.qps * (1 + more)}) for more in growth])
    first = next((at for at, plan in enumerate(grown) if plan.row["gpus"] > row["gpus"]), None)
    load_growth, gpus, usd = None, 0, 0.0
    if first is not None:
        load_growth = float(growth[first])
        gpus = int(grown[first].row["gpus"]) - int(row["gpus"])
        usd = float(grown[first].row["annual_tco_usd"]) - float(row["annual_tco_usd"])
    slow = 1 + growth
    held = varied(scenario, {}, slowdown=slow, fleet=Fleet.of(row))
    late = {name: int(np.argmax(missed)) for name, missed in held.missed.items() if np.any(missed)}
    name = min(late, key=lambda one: late[one], default="")
    return Cliff(load_growth, gpus, usd, float(growth[late[name]]) if name else None, name.removesuffix("_s"))


def verdict(best: Exact, rivals: Sequence[Exact]) -> Verdict:
    """The lead over the nearest other deployment, against the wider of both prediction bands.

    A lead within the band may be error: the nearer it is to none, the more it pays to measure both first.
    """
    if not rivals or not best.value:
        return Verdict("alone", np.inf, spread(best))
    margin = rivals[0].value / best.value - 1
    width = max(spread(best), spread(rivals[0]))
    word = "act" if margin > width else "close call" if margin > width / 2 else "measure first"
    return Verdict(word, margin, width)


def spread(exact: Exact) -> float:
    """Half the width of the 80 % band of its predicted pace, as a share."""
    scenario = exact.candidate.scenario
    served, asked = deployment(scenario), load([scenario]).requests
    found = band(
        served.model.architecture, served.accelerator, served.engine,
        float(asked.prompt_tokens[0]), float(asked.output_tokens[0]), float(exact.plan.row["concurrency"]),
    )  # fmt: skip
    return float(np.max(found.spread)) - 1
