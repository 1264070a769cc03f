"""The bill of one scenario's fleets while prices and rates vary by row: a Monte-Carlo's or a sweep's, in one call."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.catalog.accelerators import Accelerator
from capplan.cost.bill import Bill, bill
from capplan.cost.kinds import FIGURES
from capplan.cost.rent import WAYS
from capplan.scenario.cost import Cost

Floats = NDArray[np.float64]
Values = Mapping[str, Any]

_PEAK = "cost.peak.gpu_hourly"
# What one GPU rents for by way, where each has a price of its own: `cost.gpu_hourly.spot`.
_BY_WAY = {f"cost.gpu_hourly.{way}": way for way in WAYS}
# Scenario keys that may vary by row.
KEYS = frozenset({*FIGURES, *_BY_WAY, _PEAK})


def varied_bill(
    cost: Cost,
    accelerator: Accelerator,
    gpus: ArrayLike,
    nodes: ArrayLike,
    mean_power_w: ArrayLike,
    standing_nodes: Floats | None = None,
    values: Values | None = None,
) -> Bill:
    """As `bill.bill` for one `cost` section, of which the keys in `values` differ from row to row.

    gpus, nodes, mean_power_w and each of values: shape (rows,) or scalar; values in SI, by scenario key.
    """
    given = {key: np.asarray(value, np.float64) for key, value in (values or {}).items()}
    changes: dict[str, Any] = {field: given[key] for key, field in FIGURES.items() if key in given}
    if cost.peak is not None and _PEAK in given:
        changes["peak"] = cost.peak.having({"gpu_hourly_usd_per_s": given[_PEAK]})
    by_way = {way: given[key] for key, way in _BY_WAY.items() if key in given}
    return bill(cost.having(changes), gpus, nodes, accelerator, mean_power_w, standing_nodes, by_way)
