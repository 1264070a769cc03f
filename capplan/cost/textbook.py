"""What the tutorial's fleet costs a year: price over three years, 5 % upkeep, and TDP around the clock."""

import numpy as np
from numpy.typing import ArrayLike

from capplan.cost.lines import CostLines, broadcast, column
from capplan.records import dataclass

_SOURCE = "textbook: mlsysim 0.3.0 EconomicsModel"


@dataclass(frozen=True)
class Terms:
    """The constants that define the textbook's bill; they are its text, not measurements.

    Source: mlsysim 0.3.0 `EconomicsModel` defaults.
    """

    amortization_years: float = 3.0
    maintenance: float = 0.05  # of the price, a year
    hours_per_year: float = 8760.0
    pue: float = 1.12
    electricity_usd_per_kwh: float = 0.12


def textbook_lines(
    accelerators: ArrayLike, price_usd: ArrayLike, tdp_w: ArrayLike, terms: Terms | None = None
) -> CostLines:
    """The yearly bill of so many accelerators: price/3 + 5 % of price + TDP x 8760 h x 1.12 x 0.12 USD/kWh.

    No host, no network, no capital cost, and full power at any load.

    >>> textbook_lines(8, 25_000, 700).total_usd(0)  # 8 x (8,333.33 + 1,250 + 824.14)
    Decimal('83259.80')
    """
    law = terms or Terms()
    count, price, power = (np.atleast_1d(np.asarray(v, np.float64)) for v in (accelerators, price_usd, tdp_w))
    kwh = power / 1000 * law.hours_per_year * law.pue
    years, rate = law.amortization_years, law.maintenance
    return broadcast(
        [
            column(
                "gpu_capex", "Accelerators", "capex", count * price / years,
                "{count:,.0f} accelerators x {price:,.2f} USD / {years:g} years", _SOURCE,
                count=count, price=price, years=years,
            ),
            column(
                "maintenance", "Maintenance", "maintenance", count * price * rate,
                "{count:,.0f} accelerators x {price:,.2f} USD x {rate:.1%}", _SOURCE,
                count=count, price=price, rate=rate,
            ),
            column(
                "energy", "Energy", "energy", count * kwh * law.electricity_usd_per_kwh,
                "{count:,.0f} accelerators x {kwh:,.2f} kWh (TDP all year, PUE {pue:g}) x {usd:g} USD/kWh", _SOURCE,
                count=count, kwh=kwh, pue=law.pue, usd=law.electricity_usd_per_kwh,
            ),
        ]
    )  # fmt: skip
