"""The limits that a search keeps: the scenario's targets, and how many GPUs there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from capplan.scenario.part import copied
from capplan.search.optimize.space import section
from capplan.units import parse, show

if TYPE_CHECKING:
    from capplan.scenario.optimize import Optimize
    from capplan.scenario.schema import Scenario

# `stock.h100-sxm`: a limit for each GPU type.
STOCK, MAX_GPUS, ACCURACY = "stock.", "max_gpus", "accuracy"
# Three digits are within this of any value.
_DIGITS = 1.006


def limits_of(scenario: Scenario) -> list[str]:
    """The limits that are set, by the name that their ratios go by; a stock of none is no limit that can be looser."""
    targets, wanted = scenario.targets, section(scenario)
    others = [name for name in (ACCURACY, "annual_tco_usd", "power_w") if getattr(targets, name) is not None]
    gpus = [f"{STOCK}{one.gpu}" for one in wanted.stock if one.gpus]
    return [*targets.limits_s(), *others, *gpus, *([MAX_GPUS] if wanted.max_gpus else [])]


def gpus_at_most(wanted: Optimize, gpu: str) -> dict[str, int]:
    """By limit that is set, how many GPUs a fleet of one type may have."""
    limits = {f"{STOCK}{gpu}": wanted.stock_of(gpu), MAX_GPUS: wanted.max_gpus}
    return {name: most for name, most in limits.items() if most is not None}


def limit(scenario: Scenario, name: str) -> float:
    """The value of a limit that is set."""
    if name == MAX_GPUS:
        return float(section(scenario).max_gpus or 0)
    if name.startswith(STOCK):
        return float(section(scenario).stock_of(name.removeprefix(STOCK)) or 0)
    return float(getattr(scenario.targets, name))


def limited(scenario: Scenario, name: str, value: float) -> Scenario:
    """The scenario with another value of a limit that is set; GPUs are whole."""
    wanted = section(scenario)
    if name == MAX_GPUS:
        return copied(scenario, {"optimize": wanted.having({MAX_GPUS: math.ceil(value)})})
    if name.startswith(STOCK):
        gpu = name.removeprefix(STOCK)
        stock = tuple(one.having({"gpus": math.ceil(value)}) if one.gpu == gpu else one for one in wanted.stock)
        return copied(scenario, {"optimize": wanted.having({"stock": stock})})
    return copied(scenario, {"targets": scenario.targets.having({name: value})})


def loosened(scenario: Scenario, names: Sequence[str], factor: float) -> Scenario:
    """The scenario with some limits so many times as loose; an accuracy is divided."""
    for name in names:
        value = limit(scenario, name)
        looser = value / factor if name == ACCURACY else value * factor
        scenario = limited(scenario, name, round(looser, 9) if _whole(name) else looser)
    return scenario


def rounded(scenario: Scenario, name: str) -> Scenario:
    """The scenario with a limit at the next looser value that is told in full: typed as it is told, it is the same."""
    if _whole(name):
        return scenario
    value, unit = limit(scenario, name), _unit(name)
    told = parse(show(value, unit), unit)
    away = _DIGITS if name != ACCURACY else 1 / _DIGITS
    if (told < value) != (name == ACCURACY) and told != value:
        told = parse(show(value * away, unit), unit)
    return limited(scenario, name, told)


def label(name: str) -> str:
    """A limit's name for a reader, without its unit."""
    if name.startswith(STOCK):
        return f"the stock of {name.removeprefix(STOCK)}"
    return name.removesuffix("_s").removesuffix("_usd").removesuffix("_w")


def in_words(scenario: Scenario, name: str) -> str:
    """A limit as the scenario writes it."""
    if name == MAX_GPUS:
        return f"optimize.max_gpus {limit(scenario, name):,.0f}"
    if name.startswith(STOCK):
        return f"optimize.stock of {name.removeprefix(STOCK)} {limit(scenario, name):,.0f}"
    return f"targets.{label(name)} {show(limit(scenario, name), _unit(name))}"


def _whole(name: str) -> bool:
    return name == MAX_GPUS or name.startswith(STOCK)


def _unit(name: str) -> str:
    return {ACCURACY: "ratio", "annual_tco_usd": "usd", "power_w": "w"}.get(name, "s")
