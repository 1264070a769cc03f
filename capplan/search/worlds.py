"""Many worlds of one scenario, each with its own draw of what is uncertain, planned as arrays."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capplan.engine.layout import Layout
from capplan.errors import UserError
from capplan.plan.varied import Fleet, Varied, varied, varies
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.scenario.workload import MOST_QPS
from capplan.search.draws import Uncertain
from capplan.search.inputs import GROWTH, PACE

Floats = NDArray[np.float64]
Drawn = Mapping[str, Any]

# Keys that ask for a deployment of their own (memory, speculation, targets) take so many values, by their number.
_LEVELS = {1: 9, 2: 5, 3: 3}
_MONTHS = 12


@dataclass(frozen=True)
class Worlds:
    """What came of every world; arrays of shape (worlds,).

    usd: yearly cost. columns: the contract's. possible: whether a plan fits, serves the load and keeps every latency
    limit. held: by target, whether it does, the budget included.
    """

    usd: Floats
    columns: Mapping[str, Any]
    possible: NDArray[np.bool_]
    held: Mapping[str, Any] = field(default_factory=dict)


def is_array(scenario: Scenario, one: Uncertain) -> bool:
    """Whether an input is an array of `varied`, or asks for scenarios of its own."""
    return one.path in (PACE, GROWTH) or varies(scenario, _key(one.path))


def worlds(
    scenario: Scenario, inputs: Sequence[Uncertain], drawn_shares: Drawn, layout: Layout, fleet: Fleet | None = None
) -> Worlds:
    """Plans of the worlds in which each input stands at its share.

    drawn_shares: by path, shares of shape (worlds,).
    layout: held in all worlds. fleet: where given, it is kept as it is, and the worlds judge it.
    Inputs that are no arrays of `varied` take one of a few levels, of equal probability; worlds of one level are one
    call. Traffic is that after a year of the forecast's growth.
    """
    plain = [one for one in inputs if is_array(scenario, one)]
    stepped = [one for one in inputs if not is_array(scenario, one)]
    count = max(map(np.size, drawn_shares.values()), default=1)
    values = {one.path: np.broadcast_to(one.at(drawn_shares[one.path]), (count,)) for one in plain}
    groups = _groups(stepped, drawn_shares, count)
    parts: list[tuple[Any, Varied]] = []
    for changes, rows in groups:
        variant = with_values(scenario, changes) if changes else scenario
        mine = {path: value[rows] for path, value in values.items()}
        parts.append((rows, _planned(variant, mine, layout, fleet)))
    return _joined(parts, count)


def joined(parts: Sequence[Worlds]) -> Worlds:
    """Worlds one after another."""

    return Worlds(
        np.concatenate([part.usd for part in parts]),
        {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
        np.concatenate([part.possible for part in parts]),
        {name: np.concatenate([part.held[name] for part in parts]) for name in parts[0].held},
    )


def _planned(scenario: Scenario, values: Mapping[str, Floats], layout: Layout, fleet: Fleet | None) -> Varied:
    given = {_key(path): value for path, value in values.items() if path not in (PACE, GROWTH)}
    growth = values.get(GROWTH, np.asarray(scenario.forecast.growth_per_month))
    if np.any(growth != 0):
        given["workload.qps"] = grown(given.get("workload.qps", scenario.workload.qps), growth, _MONTHS)
    rows = next((value.size for value in values.values()), 1)
    given.setdefault("workload.qps", np.full(rows, scenario.workload.qps))
    pace = values.get(PACE, 1.0)
    return varied(scenario, given, pace, layout=None if fleet else layout, fleet=fleet)


def grown(qps: Any, growth_per_month: Any, months: Any) -> Any:
    """Traffic after so many months of growth; raises UserError where that is more than a scenario may ask for."""
    # Logarithms, because the power itself may be beyond any float.
    log_qps = np.log(qps) + np.log1p(growth_per_month) * months
    if np.any(log_qps > np.log(MOST_QPS)):
        raise UserError(
            f"forecast.growth_per_month: at {np.max(growth_per_month):.4g} the traffic passes {MOST_QPS:,.0f} queries/s"
            f" within {np.max(months):.0f} months"
        )
    return qps * (1 + growth_per_month) ** months


def _key(path: str) -> str:
    """The mean of a law of lengths stands for the length."""
    return path.removesuffix(".lognormal.mean").removesuffix(".quantiles.mean")


def _groups(stepped: Sequence[Uncertain], drawn: Drawn, count: int) -> list[tuple[dict[str, Any], Any]]:
    """Changes to the scenario and the rows that they hold for."""
    if not stepped:
        return [({}, np.arange(count))]
    levels = _LEVELS.get(len(stepped), 2)
    at = []
    for one in stepped:
        whole = np.floor(np.asarray(drawn[one.path]) * levels).astype(int)
        at.append(np.broadcast_to(np.clip(whole, 0, levels - 1), (count,)))
    middle = (np.arange(levels) + 0.5) / levels
    steps = [one.at(middle) for one in stepped]
    found = []
    for place in itertools.product(range(levels), repeat=len(stepped)):
        rows = np.flatnonzero(np.all([a == p for a, p in zip(at, place, strict=True)], axis=0))
        if rows.size:
            given = {one.path: step[p] for one, step, p in zip(stepped, steps, place, strict=True)}
            found.append(({path: int(v) if _is_whole(stepped, path) else float(v) for path, v in given.items()}, rows))
    return found


def _is_whole(stepped: Sequence[Uncertain], path: str) -> bool:
    return any(one.path == path and one.whole for one in stepped)


def _joined(parts: Sequence[tuple[Any, Varied]], count: int) -> Worlds:
    names = list(parts[0][1].columns)
    columns = {name: np.zeros(count) for name in names}
    held = {name: np.zeros(count, bool) for name in parts[0][1].missed}
    usd, possible = np.zeros(count), np.zeros(count, bool)
    for rows, made in parts:
        usd[rows] = made.usd_per_year
        late = [value for name, value in made.missed.items() if name not in ("annual_tco_usd", "power_w")]
        possible[rows] = np.logical_and.reduce([made.fits, *(~one for one in late)])
        for name in names:
            columns[name][rows] = made.columns[name]
        for name, missed in made.missed.items():
            held[name][rows] = ~missed & made.fits
    return Worlds(usd, columns, possible, held)
