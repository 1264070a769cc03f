"""Everything that the page of a scenario tells, in the order in which it is read."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..blocks import Block, Facts, Grid, Heading, Text, cleaned
from ..charts.chart import Chart
from ..charts.of import charts
from ..metrics import metric
from ..report import Report, report, withheld
from ..show import cell
from ..story import tell
from ..story_parts import lines_grid, plans_grid
from ..text import identity
from .page import Page, Section

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

# Worlds of the tornado: enough for its bars, which need two plans an input.
_WORLDS = 1000
# What a reader looks for first.
_FIGURES = ("annual_tco_usd", "gpus", "usd_per_1k_queries", "ttft_s", "tta_s", "tta_p99_s")
_WAITS = ("ttft_s", "ttfo_s", "tta_s", "tta_p95_s", "tta_p99_s")


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
    if swept and found[0].parts:
        which = ", ".join(
            f"{metric(name).label} = {cell(metric(name), first.rows[0].get(name))}" for name in swept.axes
        )
        found[0] = replace(found[0], parts=(*found[0].parts, Text(f"The plan is that of {which}.", "quiet")))
    sections = [one for one in (*found, *(section for section, _ in more)) if one.parts]
    told = [replace(one, parts=tuple(cleaned(part) for part in one.parts)) for one in sections]
    answer = next((block.text for block in tell(first) if isinstance(block, Text)), "")
    row = first.rows[0]
    shown = [(metric(name), row.get(name)) for name in _FIGURES]
    return Page(
        first.name,
        answer,
        (*told, _sources_section(reports)),
        about=identity(first),
        description=str(scenario.description or ""),
        figures=tuple((one.label, cell(one, value)) for one, value in shown if value is not None),
        possible=not first.infeasible,
    )


def _plan_section(made: Report) -> Section:
    """The plan as its command tells it, without the bill and the assumptions, which have parts of their own."""
    kept: list[Block] = []
    for block in tell(made)[2:]:
        if isinstance(block, Heading) and block.text in ("Cost of a year", "Rests on"):
            break
        kept.append(replace(block, level=3) if isinstance(block, Heading) else block)
    return Section("plan", "The plan", tuple(kept))


def _cost_section(made: Report) -> Section:
    bill = [chart for chart in charts(made) if chart.name == "cost-breakdown"]
    parts: tuple[Block, ...] = (*bill, lines_grid(made.lines))
    return Section("cost", "What a year costs", parts if made.lines else ())


def _latency_section(made: Report) -> Section:
    known = [metric(name) for name in _WAITS if made.rows[0].get(name)]
    if not known:
        return Section("latency", "What a user waits for", ())
    waited = [chart for chart in charts(made) if chart.name == "latency"]
    facts = Facts(tuple((one.label, f"{cell(one, made.rows[0][one.name])}: {one.help}") for one in known))
    return Section("latency", "What a user waits for", (*waited, facts))


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
    named = " and ".join(metric(name).label for name in swept.axes)
    parts: tuple[Block, ...] = (*charts(swept), plans_grid(swept), *(Text(note) for note in swept.notes))
    yield Section("sweep", f"How it grows with {named}", parts), None


def _further(scenario: Scenario) -> Iterator[tuple[Section, Report | None]]:
    """What the scenario asks beyond one plan."""
    if scenario.routing is not None:
        from capplan.search.route import route

        made = route(scenario)
        told = withheld(report("route", made.plans, rows=made.rows, axes=("pool",), notes=made.notes,
                               scenario=scenario.resolved()))  # fmt: skip
        yield Section("route", "Pools", (*charts(told), plans_grid(told), *(Text(note) for note in told.notes))), told
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
    return Section("frontier", "Ways of thinking", _told(told)), told


def _risk(scenario: Scenario) -> tuple[Section, Report]:
    from capplan.search.risk import risk
    from capplan.search.risk_rows import AXES, rows

    found = risk(scenario, _WORLDS, 0)
    told = report("risk", [found.plan], rows=rows(found), axes=AXES, notes=found.notes, scenario=scenario.resolved())
    return Section("risk", "How sure it is", _told(told)), told


def _breakeven(scenario: Scenario) -> tuple[Section, Report]:
    from capplan.search.breakeven import breakeven
    from capplan.search.breakeven_rows import AXES, rows

    found = breakeven(scenario)
    told = report(
        "breakeven", [found.plan], rows=rows(found), axes=AXES, notes=found.notes, scenario=scenario.resolved()
    )
    return Section("breakeven", "Self-host or API", _told(told)), told


def _told(made: Report) -> tuple[Block, ...]:
    """What its command tells, all its charts first."""
    drawn = charts(made)
    rest = [block for block in tell(made)[1:] if not isinstance(block, Chart)]
    return (*drawn, *(replace(block, level=3) if isinstance(block, Heading) else block for block in rest))


def _sources_section(reports: Sequence[Report]) -> Section:
    """Every assumption once, and the prices with their age at the day that the catalogue was last read."""
    stated = {(said.key, str(said.value), said.source): said for made in reports for said in made.assumptions}
    rows = tuple((said.key, str(said.value), said.kind, said.source) for said in stated.values())
    parts: list[Block] = []
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
    return Section("sources", "What it rests on", tuple(cleaned(part) for part in parts))


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
