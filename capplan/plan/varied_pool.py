"""A verifier's pool beside a generator whose load and prices vary by row: what it adds to bill, GPUs and wait."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from capplan.cost.bill import Bill
from capplan.cost.lines import CostLines
from capplan.plan.judging import added_gpus


@dataclass(frozen=True)
class VariedPool:
    """The pool under every row's load, sized for each; arrays of shape (rows,).

    columns, lines, peak_w, fits: of the pool as `varied` tells them. replica_gpus: of one replica. own_pool: on
    accelerators of its own. wait_s: what a query waits for its judgement.
    """

    columns: Mapping[str, Any]
    lines: CostLines
    peak_w: Any
    replica_gpus: Any
    fits: Any
    own_pool: bool
    wait_s: Any

    def added(self, bill: Bill, free: Any, node_gpus: int) -> tuple[Any, Bill]:
        """GPUs that it adds beside those that the generator leaves free, and the bill of both."""
        used, paid = self.replica_gpus * self.columns["replicas"], self.columns["gpus"]
        gpus = added_gpus(self.own_pool, free, used, paid, node_gpus)
        share = gpus / paid
        theirs = [
            replace(
                line,
                name=f"verifier_{line.name}",
                cents_per_year=np.rint(line.cents_per_year * share).astype(np.int64),
            )
            for line in self.lines.columns
        ]
        kwh, kg = bill.kwh + share * self.columns["annual_kwh"], bill.kg_co2e + share * self.columns["annual_kg_co2e"]
        return gpus, Bill(CostLines((*bill.lines.columns, *theirs)), kwh, kg)
