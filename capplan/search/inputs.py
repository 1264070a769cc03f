"""What is uncertain about a scenario: its own ranges, and the bands of the catalogue where it leaves a figure open."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from capplan.catalog.prices import purchase
from capplan.cost.terms import rents
from capplan.engine.band import band
from capplan.plan import Plan
from capplan.plan.deployment import deployment
from capplan.scenario.kinds import Kind, Whole
from capplan.scenario.length import Length
from capplan.scenario.part import Part, slots
from capplan.scenario.quantity import Quantity
from capplan.scenario.schema import Scenario
from capplan.search.draws import Uncertain, checked

PACE = "model error"  # time of the engine over the predicted one
GROWTH = "forecast.growth_per_month"


def inputs(plan: Plan, law: str = "pert", bands: bool = True) -> tuple[Uncertain, ...]:
    """Everything that is drawn about a plan's scenario, its own ranges first.

    law: of the scenario's ranges. bands: whether the catalogue's count too: the price of the GPU bought or rented
    (triangular, over all quotations), lengths of a workload printed as a range, and the error of our own model
    (lognormal, the 80 % interval of its kind). Raises UserError for a range that is not in order.
    """
    scenario = plan.scenario
    given = [_given(scenario, path, ends, law) for path, ends in scenario.ranges.items()]
    known = {one.path for one in given}
    found = _catalogued(plan) if bands else ()
    return checked([*given, *(one for one in found if one.path not in known)])


def _given(scenario: Scenario, path: str, ends: tuple[Any, Any, Any], law: str) -> Uncertain:
    low, mid, high = (end.mean_tokens if isinstance(end, Length) else float(end) for end in ends)
    return Uncertain(path, low, mid, high, law, "scenario", whole=_whole(scenario, path))


def _whole(scenario: Scenario, path: str) -> bool:
    return isinstance(_kind(scenario, path), Whole)


def _kind(scenario: Scenario, path: str) -> Kind | None:
    """How the value at a dotted key is read and written; None for what is no key of the schema."""
    part: Any = scenario
    for name in path.split("."):
        slot = slots(type(part)).get(name) if isinstance(part, Part) else None
        if slot is None:
            return None
        if slot.kind is not None:
            return slot.kind
        part = getattr(part, slot.field)
    return None


def shown_range(scenario: Scenario, one: Uncertain) -> str:
    """Low to high with the units of the scenario file, in three digits."""
    path = one.path.rpartition(".")[0] if one.path.startswith("cost.gpu_hourly.") else one.path
    kind = _kind(scenario, path)
    if not isinstance(kind, Quantity) or isinstance(kind.write(one.low), int | float):
        return f"{one.low:,.4g} to {one.high:,.4g}"
    low, high = (str(kind.write(end)).partition(" ") for end in (one.low, one.high))
    return " to ".join(f"{float(end[0]):,.6g}" for end in (low, high)) + f" {high[2]}"


def _catalogued(plan: Plan) -> Iterator[Uncertain]:
    scenario, served, row = plan.scenario, deployment(plan.scenario), plan.row
    cost, chip = scenario.cost, served.accelerator
    if cost.pricing.share("own") and cost.purchase_price_usd is None:
        price = purchase(chip.name)
        said = f"{price.source} ({price.date or 'undated'})"
        yield Uncertain("cost.purchase_price", price.low_usd, price.usd, price.high_usd, "triangular", said)
    if "cost.gpu_hourly" not in scenario.ranges:
        for rent, _ in rents(cost, chip.name):
            if rent.low_usd_per_s < rent.high_usd_per_s:
                ends = (rent.low_usd_per_s, rent.usd_per_s, rent.high_usd_per_s)
                yield Uncertain(f"cost.gpu_hourly.{rent.way}", *ends, "triangular", rent.basis)
    yield from _lengths(scenario)
    written = float(row["output_tokens"]) / max(float(row["samples"]), 1.0)
    error = band(served.model.architecture, chip, served.engine, row["prompt_tokens"], written, row["concurrency"])
    spread = float(np.max(np.asarray(error.spread)))
    said = "80 % of the measurements of this kind of model, chip and load"
    said += f" ({'; '.join(error.extrapolates)})" if error.extrapolates else ""
    yield Uncertain(PACE, 1 / spread, 1.0, spread, "lognormal", said)


def _lengths(scenario: Scenario) -> Iterator[Uncertain]:
    """Mean lengths that a workload prints as a range."""
    from capplan.catalog.workloads import workload

    work = scenario.workload
    held = {"prompt": ("workload.prompt_tokens", work.prompt_tokens),
            "answer": ("workload.answer_tokens", work.answer_tokens),
            "thinking": ("reasoning.thinking_tokens", scenario.reasoning.thinking_tokens)}  # fmt: skip
    for part, (path, length) in held.items():
        if length is None or not length.workload:
            continue
        found = getattr(workload(length.workload), f"{part}_tokens")
        if found is not None and found.low_tokens is not None:
            ends = (found.low_tokens, found.mean_tokens, found.high_tokens)
            yield Uncertain(path, *ends, "triangular", found.source)
