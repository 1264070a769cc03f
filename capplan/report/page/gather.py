"""Everything that the page of a scenario tells, in the order in which it is read."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..blocks import Block, Facts, Grid, Heading, Text, cleaned
from ..metrics import metric
from ..report import Report, report, withheld
from ..show import cents
from ..story import plans_grid, tell
from . import charts
from .charts import Chart

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

Part = Block | Chart
MULTIPLIERS = ("latency_multiplier", "token_multiplier", "fleet_multiplier", "cost_multiplier")
_WAITS = ("ttft_s", "ttfo_s", "tta_s", "tta_p95_s", "tta_p99_s")
# Worlds of the tornado: enough for its bars, which need two plans an input.
_WORLDS = 1000


@dataclass(frozen=True)
class Section:
    """One part of the page. name: its anchor."""

    name: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Page:
    """title: of the scenario. answer: in a sentence. reports: what it was made of, the plan first."""

    title: str
    answer: str
    description: str
    sections: tuple[Section, ...]
    reports: tuple[Report, ...]

    @property
    def charts(self) -> list[Chart]:
        """Its charts in their order."""
        return [part for section in self.sections for part in section.parts if isinstance(part, Chart)]


def gather(scenario: Scenario, over: Mapping[str, Sequence[object]] | None = None, possible_only: bool = True) -> Page:
    """Plans everything that the scenario asks for, and the sweep over K (or `over`) beside it.

    The plan is the scenario's first; tornado, break-even, routing and the frontier come where the scenario has ranges,
    an API, tiers or strategies. Plans that cannot be are told with their reasons, and without results where
    `possible_only`.
    Raises what planning raises.
    """
    from capplan.plan import plan

    first, swept = report("tco", [plan(scenario)]), _swept(scenario, over)
    if possible_only:
        first, swept = withheld(first), withheld(swept) if swept else None
    found = [_plan_section(first), _cost_section(first), _latency_section(first)]
    more = [*_sweep_sections(swept), *_further(scenario)]
    reports = (first, *(one for one in (swept,) if one), *(made for _, made in more if made))
    sections = [one for one in (*found, *(section for section, _ in more)) if one.parts]
    told = [Section(s.name, s.title, tuple(_clean(part) for part in s.parts)) for s in sections]
    blocks = tell(first)
    answer = next((block.text for block in blocks if isinstance(block, Text)), "")
    title = next(block.text for block in blocks if isinstance(block, Heading))
    stated = _sources_section(reports)
    return Page(title, answer, str(scenario.description or ""), (*told, stated), reports)


def _clean(part: Part) -> Part:
    return part if isinstance(part, Chart) else cleaned(part)


def _plan_section(made: Report) -> Section:
    """The plan as its command tells it, without the bill and the assumptions, which have parts of their own."""
    kept: list[Part] = []
    for block in tell(made)[2:]:
        if isinstance(block, Heading) and block.text in ("Cost of a year", "Rests on"):
            break
        kept.append(replace(block, level=3) if isinstance(block, Heading) else block)
    return Section("plan", "The plan", tuple(kept))


def _cost_section(made: Report) -> Section:
    from ..story import lines_grid

    if not made.lines:
        return Section("cost", "What a year costs", ())
    rows = [{"item": line.label, "USD a year": float(line.usd_per_year)} for line in made.lines]
    total = sum((line.usd_per_year for line in made.lines), Decimal(0))
    largest = max(made.lines, key=lambda line: line.usd_per_year)
    said = f"Cost of a year by item, {cents(total)} USD in all; the largest is {largest.label}."
    chart = charts.bars("cost-breakdown", "Cost of a year by item", said, rows, "item", "USD a year")
    return Section("cost", "What a year costs", (chart, lines_grid(made.lines)))


def _latency_section(made: Report) -> Section:
    known = [(metric(name).label, float(str(made.rows[0][name]))) for name in _WAITS if made.rows[0].get(name)]
    if not known:
        return Section("latency", "What a user waits for", ())
    rows = [{"figure": label, "seconds": value} for label, value in known]
    said = "Seconds that a query waits: " + ", ".join(f"{label} {value:.3g} s" for label, value in known) + "."
    facts = Facts(tuple((metric(name).label, metric(name).help) for name in _WAITS if made.rows[0].get(name)))
    chart = charts.bars("latency", "What a user waits for", said, rows, "figure", "seconds")
    return Section("latency", "What a user waits for", (chart, facts))


def _swept(scenario: Scenario, over: Mapping[str, Sequence[object]] | None) -> Report | None:
    from capplan.search.sweep import sweep

    asked = dict(over or {})
    if scenario.strategies and not asked:  # their sweeps are the frontier's
        return None
    thinks = scenario.reasoning.strategy == "chain_of_thought" and scenario.reasoning.thinking_tokens is None
    if not asked and not scenario.sweeps and not thinks:
        return None
    made = sweep(scenario, asked)
    asked_for = scenario.resolved()
    return report("sweep", made.plans, rows=made.rows, axes=made.columns, notes=made.notes, scenario=asked_for)


def _sweep_sections(swept: Report | None) -> Iterator[tuple[Section, Report | None]]:
    if swept is None:
        return
    parts: list[Part] = [*_multipliers(swept), plans_grid(swept), *(Text(note) for note in swept.notes)]
    named = " and ".join(metric(name).label for name in swept.axes)
    yield Section("sweep", f"How it grows with {named}", tuple(parts)), None


def _multipliers(swept: Report) -> Iterator[Chart]:
    """The multipliers over the axis, where there is one and it is a number."""
    if len(swept.axes) != 1:
        return
    axis, labels = swept.axes[0], {name: metric(name).label for name in MULTIPLIERS}
    rows = [
        {metric(axis).label: row[axis], "times": round(float(str(row[name])), 3), "of": labels[name]}
        for name in MULTIPLIERS for row in swept.rows
        if isinstance(row.get(axis), (int, float)) and row.get(name) is not None
    ]  # fmt: skip
    if not rows:
        return
    last = {label: max(float(str(row["times"])) for row in rows if row["of"] == label) for label in labels.values()
            if any(row["of"] == label for row in rows)}  # fmt: skip
    said = "Times the first row at most: " + ", ".join(f"{label} {times:.1f}" for label, times in last.items()) + "."
    title = f"Latency, tokens, fleet and cost over {metric(axis).label}, as times the first"
    yield charts.lines("multipliers", title, said, rows, metric(axis).label, "times", "of")


def _further(scenario: Scenario) -> Iterator[tuple[Section, Report | None]]:
    """What the scenario asks beyond one plan."""
    if scenario.routing is not None:
        from capplan.search.route import route

        made = route(scenario)
        told = withheld(report("route", made.plans, rows=made.rows, axes=("pool",), notes=made.notes,
                               scenario=scenario.resolved()))  # fmt: skip
        yield Section("route", "Pools", (plans_grid(told), *(Text(note) for note in told.notes))), told
    if scenario.strategies:
        yield _frontier(scenario)
    if scenario.ranges:
        yield _risk(scenario)
    if scenario.cost.api is not None:
        yield _breakeven(scenario)


def _frontier(scenario: Scenario) -> tuple[Section, Report]:
    from capplan.search.strategies import compare

    found = compare(scenario)
    told = withheld(report("strategies", found.plans, rows=found.rows, axes=found.columns, notes=found.notes,
                           scenario=scenario.resolved()))  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"USD per 1,000 queries": float(str(row["usd_per_1k_queries"])), "accuracy": float(str(row["accuracy"])),
         "strategy": str(row["strategy"]), "frontier": "yes" if row.get("frontier") else "no"}
        for row in told.rows if row.get("accuracy") is not None and row.get("usd_per_1k_queries")
    ]  # fmt: skip
    parts: list[Part] = []
    if rows:
        said = f"Accuracy over cost of {len(rows)} ways of thinking; dearer ones to the right."
        parts.append(charts.points("frontier", "Accuracy and cost of each way of thinking", said, rows,
                                   "USD per 1,000 queries", "accuracy", "strategy"))  # fmt: skip
    parts += [block for block in tell(told)[1:] if not isinstance(block, Heading)]
    return Section("frontier", "Ways of thinking", tuple(parts)), told


def _risk(scenario: Scenario) -> tuple[Section, Report]:
    from capplan.search.risk import risk
    from capplan.search.risk_rows import rows

    found = risk(scenario, _WORLDS, 0)
    told = report("risk", [found.plan], rows=rows(found), notes=found.notes, scenario=scenario.resolved())
    inputs = [row for row in told.rows if row["part"] == "input" and row.get("low_usd") and row.get("high_usd")]
    ends = [sorted((float(str(row["low_usd"])), float(str(row["high_usd"])))) for row in inputs]
    bars = [{"input": str(row["input"]), "USD a year from": low, "to": high}
            for row, (low, high) in zip(inputs, ends, strict=True)]  # fmt: skip
    parts: list[Part] = []
    if bars:
        said = f"What one input alone does to the yearly cost; {bars[0]['input']} does most."
        parts.append(charts.spans("tornado", "What one input alone does to the yearly cost", said, bars, "input",
                                  "USD a year from", "to"))  # fmt: skip
    parts += [replace(block, level=3) if isinstance(block, Heading) else block for block in tell(told)[1:]]
    return Section("risk", "How sure it is", tuple(parts)), told


def _breakeven(scenario: Scenario) -> tuple[Section, Report]:
    from capplan.search.breakeven import breakeven
    from capplan.search.breakeven_rows import rows

    found = breakeven(scenario)
    told = report("breakeven", [found.plan], rows=rows(found), notes=found.notes, scenario=scenario.resolved())
    curve = [
        {"queries a month": volume, "USD a month": float(usd), "paid for": what}
        for volume, fleet, api, _ in found.curve for what, usd in (("self-hosting", fleet), ("API", api))
        if volume > 0 and usd > 0
    ]  # fmt: skip
    parts: list[Part] = []
    if curve:
        said = "What self-hosting and the API cost a month, over the queries of a month."
        parts.append(charts.lines("break-even", "Self-hosting or API", said, curve, "queries a month", "USD a month",
                                  "paid for", log=True))  # fmt: skip
    parts += [replace(block, level=3) if isinstance(block, Heading) else block for block in tell(told)[1:]]
    return Section("breakeven", "Self-host or API", tuple(parts)), told


def _sources_section(reports: Sequence[Report]) -> Section:
    """Every assumption once, and the prices with their age at the day that the catalogue was last read."""
    stated = {(said.key, str(said.value), said.source): said for made in reports for said in made.assumptions}
    rows = tuple((said.key, str(said.value), said.kind, said.source) for said in stated.values())
    parts: list[Part] = []
    if rows:
        parts.append(Grid(("what", "taken as", "kind", "source"), rows, words=frozenset({0, 1, 2, 3}), prose=True))
    used = {(one.key, one.what): one for made in reports for one in made.prices}
    ages = []
    for one in used.values():
        read = _day(one.read)
        days = one.age_days(read) if read else None
        ages.append((one.what, one.date or "undated", one.read or "-", "-" if days is None else f"{days:,}"))
    if ages:
        parts.append(Heading("Prices of the catalogue", 3))
        grid = Grid(("price", "of", "last read", "days old when read"), tuple(ages), words=frozenset({0, 1, 2}))
        parts.append(grid)
    return Section("sources", "What it rests on", tuple(_clean(part) for part in parts))


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
