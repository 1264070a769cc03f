"""What people and licences cost a year, whether the GPUs that they are for are bought or rented."""

import numpy as np
from numpy.typing import ArrayLike

from capplan.cost.lines import CostLines, broadcast, column


def people(gpus: ArrayLike, staff_usd_per_year: ArrayLike, software_usd_per_gpu_year: ArrayLike) -> CostLines:
    """The two lines of the bill; no fleet, no staff. gpus: that stand in the mean over the year. All broadcast.

    >>> people(8, 300_000, 4_500).total_usd(0)  # 300,000 + 8 x 4,500
    Decimal('336000.00')
    """
    count = np.atleast_1d(np.asarray(gpus, np.float64))
    staff, licence = np.asarray(staff_usd_per_year, np.float64) * (count > 0), np.asarray(software_usd_per_gpu_year)
    return broadcast([
        column("staff", "Staff", "operations", staff, "{usd:,.2f} USD a year", "scenario", usd=staff),
        column("software", "Software", "operations", licence * count, "{count:,.6g} GPUs x {usd:,.2f} USD a year",
               "scenario", count=count, usd=licence),
    ])  # fmt: skip
