"""What each uncertain input does to the yearly cost by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.engine.layout import Layout
from capplan.scenario.overrides import with_values
from capplan.search.draws import Uncertain
from capplan.search.worlds import Worlds, is_array, worlds

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario


@dataclass(frozen=True)
class Swing:
    """What one input alone does to the yearly cost: at its low and high point, all others at their middle.

    *_usd, *_gpus: None where no plan can be there.
    """

    input: Uncertain
    low_usd: float | None
    high_usd: float | None
    low_gpus: float | None
    high_gpus: float | None

    @property
    def width_usd(self) -> float:
        if self.low_usd is None or self.high_usd is None:
            return float("inf")
        return abs(self.high_usd - self.low_usd)


def tornado(scenario: Scenario, drawn: Sequence[Uncertain], layout: Layout) -> tuple[Swing, ...]:
    """Widest swing first; the ends of all inputs that are arrays are one call."""
    arrays = [one for one in drawn if is_array(scenario, one)]
    count = 2 * len(arrays)
    at = {one.path: np.full(count, one.mid) for one in arrays}
    for place, one in enumerate(arrays):
        at[one.path][2 * place : 2 * place + 2] = one.low, one.high
    made = worlds(scenario, [_held(one) for one in arrays], at, layout) if arrays else None
    swings = []
    for one in drawn:
        if made is not None and one in arrays:
            place = 2 * arrays.index(one)
            (low, few), (high, many) = _at(made, place), _at(made, place + 1)
        else:
            ends = [with_values(scenario, {one.path: int(end) if one.whole else end}) for end in (one.low, one.high)]
            (low, few), (high, many) = (_at(worlds(changed, (), {}, layout), 0) for changed in ends)
        swings.append(Swing(one, low, high, few, many))
    return tuple(sorted(swings, key=lambda swing: -swing.width_usd))


def _at(made: Worlds, row: int) -> tuple[float | None, float | None]:
    return (float(made.usd[row]), float(made.columns["gpus"][row])) if made.possible[row] else (None, None)


class _Held(Uncertain):
    """An input whose `shares` are its values."""

    def at(self, share: Any) -> Any:
        return np.asarray(share, np.float64)


def _held(one: Uncertain) -> Uncertain:
    return _Held(one.path, one.low, one.mid, one.high, one.law, one.source, one.whole)
