"""What a scenario comes to: one plan with its row, its bill and what it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from capplan.cost.lines import CostLine
from capplan.engine.excuse import Assumption, Excuse
from capplan.records import dataclass
from capplan.scenario.schema import Scenario


@dataclass(frozen=True)
class Plan:
    """One answer.

    row: the contract's columns, SI units and USD (money as Decimal). lines: the yearly bill, which adds up to
    `annual_tco_usd` to the cent. excuses: why it cannot be; none where it is feasible. alone_s: mean TTA of a query
    that has a replica for itself. waits: latencies at peak by name, `ttft_mean_s` to `tta_p99_s`; none of the textbook
    engine, which knows no queue. peak_w: from the grid in the busiest hour, 0 where no
    target asks for it.
    """

    scenario: Scenario
    row: Mapping[str, Any]
    lines: Sequence[CostLine]
    excuses: tuple[Excuse, ...]
    assumptions: tuple[Assumption, ...]
    alone_s: float
    waits: Mapping[str, float] = field(default_factory=dict)
    peak_w: float = 0.0

    @property
    def feasible(self) -> bool:
        return not self.excuses
