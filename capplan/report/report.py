"""The report: one frozen value that every format renders and that `capplan diff` reads back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from capplan.engine.excuse import Assumption, Excuse
from capplan.records import dataclass

from .metrics import BY_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from capplan.cost.age import Used
    from capplan.plan import Plan

SCHEMA = "capplan.report/1"
_PLAIN = frozenset({str, int, bool, type(None), Decimal})


@dataclass(frozen=True)
class Line:
    """One item of a plan's yearly cost; the lines of a row add up to its `annual_tco_usd` to the cent."""

    row: int
    name: str
    label: str
    usd_per_year: Decimal
    formula: str
    source: str


@dataclass(frozen=True)
class Refusal:
    """Which row cannot be, by its place in `Report.rows`, or None for a candidate that is not among them; and why."""

    row: int | None
    why: Excuse


@dataclass(frozen=True)
class Report:
    """What a command answers: rows under the contract's column names, and all that a reader needs to trust them.

    kind: the command that made it. axes: columns that tell the rows apart. rows: SI units and USD; None is not
    applicable. notes: sentences that explain the rows. catalog: hash, date and oldest price of the figures used;
    None until somebody asks, because reading them all takes longer than most answers. prices: those of the catalogue
    that the bills were made with. waits: latencies of the first plan at peak by name, `ttft_p50_s` to `tta_p99_s`, read
    when asked for. distributions: simulated latencies by name, in
    seconds at equal distances in share of the requests from 0 to 1. scenario_file: where the scenario lies, from the
    working directory; None for one that lies elsewhere or in no file.
    """

    kind: str
    rows: tuple[Mapping[str, object], ...]
    scenario: Mapping[str, object]
    axes: tuple[str, ...] = ()
    lines: Sequence[Line] = ()
    excuses: tuple[Refusal, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    notes: tuple[str, ...] = ()
    catalog: Mapping[str, object] | None = None
    tool_version: str = ""
    prices: tuple[Used, ...] = ()
    scenario_file: str | None = None
    waits: Mapping[str, float] = field(default_factory=dict)
    distributions: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The scenario's name, which heads every format."""
        return str(self.scenario.get("name") or "scenario")

    @property
    def feasible_rows(self) -> tuple[bool, ...]:
        """Per row, whether the plan can be; a row without the column is a comparison and always can."""
        return tuple(row.get("feasible") is not False for row in self.rows)

    @property
    def infeasible(self) -> bool:
        """No row at all is a plan that can be."""
        return bool(self.rows) and not any(self.feasible_rows)


def report(
    kind: str,
    plans: Sequence[Plan],
    *,
    rows: Sequence[Mapping[str, object]] | None = None,
    axes: Sequence[str] = (),
    notes: Sequence[str] = (),
    scenario: Mapping[str, object] | None = None,
    assumed: Sequence[Assumption] = (),
    distributions: Mapping[str, Sequence[float]] | None = None,
) -> Report:
    """The report of some plans.

    rows: the plans' rows with further columns, where a command adds some (multipliers, swept keys).
    assumed: what a command takes for granted beyond the plans.
    scenario: what was asked, where that is not the first plan's own scenario (a sweep).
    """
    from capplan.version import __version__

    return Report(
        kind=kind,
        rows=tuple({name: plain(value) for name, value in row.items()} for row in rows or [plan.row for plan in plans]),
        scenario=scenario if scenario is not None else plans[0].scenario.resolved() if plans else {},
        axes=tuple(axes),
        lines=_Lines(plans),
        excuses=tuple(Refusal(at, why) for at, plan in enumerate(plans) for why in plan.excuses),
        assumptions=_stated([*(said for plan in plans for said in plan.assumptions), *assumed]),
        notes=tuple(notes),
        tool_version=__version__,
        prices=_prices(plans),
        scenario_file=_file(plans[0].scenario.path) if plans else None,
        waits=plans[0].waits if plans else {},
        distributions=distributions or {},
    )


def _file(path: Path | None) -> str | None:
    """A path that means the same in another checkout: relative, and not above the working directory."""
    return None if path is None or path.is_absolute() or ".." in path.parts else path.as_posix()


class _Lines(Sequence[Line]):
    """The bills of all plans, written out when somebody reads them: most formats of a large sweep do not."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans

    @cached_property
    def _read(self) -> tuple[Line, ...]:
        return tuple(
            Line(at, line.name, line.label, line.usd_per_year, line.formula, line.source)
            for at, plan in enumerate(self._plans)
            for line in plan.lines
        )

    def __getitem__(self, at: Any) -> Any:
        return self._read[at]

    def __len__(self) -> int:
        return len(self._read)


def _prices(plans: Sequence[Plan]) -> tuple[Used, ...]:
    from capplan.cost.age import used
    from capplan.cost.kinds import words

    said = words()
    asked = {(said(plan.scenario.cost), str(plan.row["gpu"])): plan.scenario.cost for plan in plans}
    return tuple(dict.fromkeys(price for (_, gpu), cost in asked.items() for price in used(cost, gpu)))


def plain(value: object) -> object:
    """A cell without array types: numpy scalars become int, float, bool or str.

    >>> import numpy as np
    >>> plain(np.int64(8)), plain(np.float64("nan")), plain("fp8")
    (8, None, 'fp8')
    """
    if type(value) in _PLAIN:
        return value
    item = None if type(value) is float else getattr(value, "item", None)
    simple = item() if callable(item) else value
    # NaN has no place in JSON and no meaning for a reader: the figure does not apply.
    return None if isinstance(simple, float) and simple != simple else simple


def withheld(report: Report) -> Report:
    """The report without the results of plans that cannot be.

    A cost printed beside 'does not fit' gets quoted without it; `--allow-infeasible` shows such results.
    """
    feasible = report.feasible_rows
    return replace(
        report,
        rows=tuple(
            row if possible else {name: value if _candidate(report, name) else None for name, value in row.items()}
            for row, possible in zip(report.rows, feasible, strict=True)
        ),
        lines=report.lines if all(feasible) else tuple(line for line in report.lines if feasible[line.row]),
    )


def _candidate(report: Report, name: str) -> bool:
    """Whether a column says which plan a row is, rather than what comes of it."""
    return name in report.axes or name not in BY_NAME or BY_NAME[name].group == "candidate"


def _stated(assumed: Sequence[Assumption]) -> tuple[Assumption, ...]:
    """The assumptions, each once, in the order in which they were made."""
    once = {(str(a.key), str(a.value), a.source): a for a in assumed}
    return tuple(replace(a, value=plain(a.value)) for a in once.values())
