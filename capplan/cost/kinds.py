"""Cost sections of a sweep that differ in figures alone, as one section whose figures are arrays."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.scenario.cost import Cost
from capplan.scenario.part import copied
from capplan.scenario.said import Said, beside

# Scenario keys of what a bill multiplies with, and their fields; everything else decides what is looked up.
FIGURES = {
    "cost.purchase_price": "purchase_price_usd",
    "cost.node_price": "node_price_usd",
    "cost.network_price": "network_price_usd",
    "cost.installation": "installation",
    "cost.residual_value": "residual_value",
    "cost.amortization": "amortization_s",
    "cost.interest": "interest",
    "cost.maintenance": "maintenance",
    "cost.spares": "spares",
    "cost.staff": "staff_usd_per_year",
    "cost.software": "software_usd_per_gpu_year",
    "cost.colocation": "colocation_usd_per_w_s",
    "cost.pue": "pue",
    "cost.electricity": "electricity_usd_per_j",
    "cost.carbon_intensity": "carbon_intensity_kg_per_j",
    "cost.gpu_hourly": "gpu_hourly_usd_per_s",
}

Floats = NDArray[np.float64]
Rows = NDArray[np.int64] | Sequence[int] | slice


def words() -> Said:
    """What sections say beside their figures."""
    return beside(frozenset(FIGURES.values()))


def kinds(costs: Sequence[Cost]) -> list[tuple[Cost, Rows]]:
    """A section for all that say the same beside their figures, and their rows; figures that differ are arrays (rows,).

    >>> [(one, rows)] = kinds([Cost(interest=0.05, pue=1.2), Cost(interest=0.06, pue=1.2)])
    >>> one.interest.tolist(), one.pue, rows
    ([0.05, 0.06], 1.2, slice(None, None, None))
    """
    said, alike = words(), defaultdict[Hashable, list[int]](list)
    for row, cost in enumerate(costs):
        alike[said(cost)].append(row)
    if len(alike) == 1:
        return [(_merged(costs), slice(None))]
    return [(_merged([costs[row] for row in rows]), np.array(rows)) for rows in alike.values()]


def _merged(costs: Sequence[Cost]) -> Cost:
    distinct = {id(cost): cost for cost in costs}.values()
    differ = [name for name in FIGURES.values() if len({getattr(cost, name) for cost in distinct}) > 1]
    return copied(costs[0], {name: np.array([getattr(cost, name) for cost in costs]) for name in differ})


def over_rows(parts: Sequence[tuple[ArrayLike, Rows]], rows: int) -> Floats:
    """Figures of parts of the rows as one array (rows,); rows of no part have the first figure there is.

    >>> over_rows([(1.5, [0, 2]), ([2.0, 3.0], [3, 1])], 4).tolist()
    [1.5, 3.0, 1.5, 2.0]
    """
    found = np.full(rows, np.ravel(parts[0][0])[0], np.float64)
    for values, at in parts:
        found[at] = values
    return found
