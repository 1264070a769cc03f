"""What a bought fleet costs a year, line by line: hardware written off, financed, maintained and powered."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.cost.energy import J_PER_KWH, YEAR_S, PowerLaw, annual_kwh, fleet_power_w, power_law
from capplan.cost.kinds import Rows, over_rows
from capplan.cost.lines import CostColumn, CostLines, broadcast, column
from capplan.records import dataclass

Floats = NDArray[np.float64]

_ROUNDING = 1e-9
_NO_INTEREST = 1e-12  # below, the quotient of two vanishing numbers would say nothing


@dataclass(frozen=True)
class OwnershipTerms:
    """All figures of the bill, resolved; each a number or an array over the sweep.

    network_usd_per_gpu: for the tier that the fleet's size asks for, already chosen.
    interest, residual_value, installation, maintenance, spares: ratios; the residual is of what is bought.
    sources: who says each figure, by field name.
    """

    gpu_price_usd: ArrayLike
    host_usd_per_gpu: ArrayLike
    network_usd_per_gpu: ArrayLike
    tdp_w: ArrayLike
    amortization_years: ArrayLike
    interest: ArrayLike = 0.0
    residual_value: ArrayLike = 0.0
    installation: ArrayLike = 0.0
    maintenance: ArrayLike = 0.0
    spares: ArrayLike = 0.0
    pue: ArrayLike = 1.0
    electricity_usd_per_j: ArrayLike = 0.0
    colocation_usd_per_w_s: ArrayLike = 0.0
    sources: tuple[tuple[str, str], ...] = ()

    def source(self, name: str) -> str:
        return dict(self.sources).get(name, "scenario")


def stack(parts: Sequence[tuple[OwnershipTerms, Rows]], rows: int) -> OwnershipTerms:
    """One set of terms for so many rows from those of parts of them; rows of no part have the first one's.

    >>> both = stack([(OwnershipTerms(price, 0, 0, 700, 4), [row]) for row, price in enumerate((25e3, 30e3))], 2)
    >>> both.gpu_price_usd.tolist(), both.amortization_years.tolist()
    ([25000.0, 30000.0], [4.0, 4.0])
    """
    if isinstance(parts[0][1], slice):
        return parts[0][0]
    names = [item.name for item in fields(OwnershipTerms) if item.name != "sources"]
    sources = dict(parts[0][0].sources)
    for terms, _ in parts:
        for name, said in terms.sources:
            sources[name] = said if sources.get(name, said) == said else "by row"
    columns = {name: over_rows([(getattr(terms, name), at) for terms, at in parts], rows) for name in names}
    return OwnershipTerms(**columns, sources=tuple(sources.items()))


def annuity(interest: ArrayLike, years: ArrayLike) -> Floats:
    """Yearly payment that repays 1 with interest over so many years, paid at each year's end; 1/years at 0 %.

    >>> annuity([0.0, 0.06], 4).round(6).tolist()
    [0.25, 0.288591]
    """
    rate, time = np.broadcast_arrays(np.asarray(interest, np.float64), np.asarray(years, np.float64))
    if np.any(~(time > 0)) or np.any(~(rate >= 0)):
        raise ValueError("an annuity needs an interest from 0 up over a time above 0")
    charged = rate > _NO_INTEREST
    repaid = np.where(charged, -np.expm1(-time * np.log1p(rate)), 1.0)
    payment: Floats = np.where(charged, rate / repaid, 1 / time)
    return payment


def depreciation_and_financing(
    interest: ArrayLike, years: ArrayLike, residual_value: ArrayLike
) -> tuple[Floats, Floats]:
    """Yearly cost of one dollar bought: its straight-line loss of value, and what the money costs on top of that.

    Together they are the annuity of the price less the discounted residual value.

    >>> [float(part.round(6)) for part in depreciation_and_financing(0.06, 4, 0.0)]
    [0.25, 0.038591]
    """
    rate, time, left = (np.asarray(value, np.float64) for value in (interest, years, residual_value))
    loss = (1 - left) / time
    discounted = left * np.exp(-time * np.log1p(rate))
    financing: Floats = np.maximum((1 - discounted) * annuity(rate, time) - loss, 0.0)
    return loss + np.zeros_like(financing), financing


def spare_nodes(nodes: ArrayLike, spares: ArrayLike) -> Floats:
    """Whole nodes kept beyond those in use; they are bought, not powered.

    >>> spare_nodes([3, 100, 101], 0.03).tolist()
    [1.0, 3.0, 4.0]
    """
    spare: Floats = np.ceil(np.asarray(nodes, np.float64) * np.asarray(spares, np.float64) * (1 - _ROUNDING))
    return spare


def own(
    terms: OwnershipTerms, gpus: ArrayLike, nodes: ArrayLike, mean_board_w: ArrayLike, law: PowerLaw | None = None
) -> CostLines:
    """The yearly bill of a bought fleet; everything broadcasts, one row of the result is a view.

    gpus: all that are bought for use, in whole nodes; spares come on top.
    mean_board_w: mean power of one board over the year, idle time included (see `energy.power_w`).
    Colocation is paid for the power reserved (rated boards and their hosts), energy for the power drawn.
    """
    form = law or power_law()
    count, node_count = np.asarray(gpus, np.float64), np.asarray(nodes, np.float64)
    per_node = np.where(node_count > 0, count / np.where(node_count > 0, node_count, 1.0), 0.0)
    spare = spare_nodes(node_count, terms.spares) * per_node
    prices = (terms.gpu_price_usd, terms.host_usd_per_gpu, terms.network_usd_per_gpu)
    price, host, network = (np.asarray(value, np.float64) for value in prices)
    bought_usd = count * (price + host + network) + spare * (price + host)
    installed_usd = bought_usd * np.asarray(terms.installation, np.float64)
    loss, financing = depreciation_and_financing(terms.interest, terms.amortization_years, terms.residual_value)
    plain_loss = 1 / np.asarray(terms.amortization_years, np.float64)  # labour leaves nothing to sell
    plain_financing = np.maximum(annuity(terms.interest, terms.amortization_years) - plain_loss, 0.0)
    kept = {"years": terms.amortization_years, "residual": terms.residual_value}
    left = " x (1 - {residual:.0%} residual)" if np.any(np.asarray(terms.residual_value) > 0) else ""
    written_off = left + " / {years:g} years"
    columns = [
        _part("gpu_capex", "GPUs", count * price * loss, "{count:,.0f} GPUs x {price:,.2f} USD" + written_off,
              terms.source("gpu_price_usd"), count=count, price=price, **kept),
        _part("host_capex", "Hosts and chassis", count * host * loss,
              "{count:,.0f} GPUs x {price:,.2f} USD of host" + written_off,
              terms.source("host_usd_per_gpu"), count=count, price=host, **kept),
        _part("network_capex", "Network", count * network * loss, "{count:,.0f} GPUs x {price:,.2f} USD" + written_off,
              terms.source("network_usd_per_gpu"), count=count, price=network, **kept),
        _part("spares_capex", "Spare nodes", spare * (price + host) * loss,
              "{count:,.0f} spare GPUs x {price:,.2f} USD with host" + written_off,
              terms.source("spares"), count=spare, price=price + host, **kept),
        _part("installation", "Installation", installed_usd * plain_loss,
              "{rate:.1%} of {bought:,.0f} USD bought / {years:g} years", terms.source("installation"),
              rate=terms.installation, bought=bought_usd, years=terms.amortization_years),
        _part("financing", "Financing", bought_usd * financing + installed_usd * plain_financing,
              "annuity of {bought:,.0f} USD at {rate:.2%} over {years:g} years, less the write-off",
              terms.source("interest"), bought=bought_usd + installed_usd, rate=terms.interest,
              years=terms.amortization_years),
        column("maintenance", "Maintenance", "maintenance", bought_usd * np.asarray(terms.maintenance, np.float64),
               "{rate:.1%} of {bought:,.0f} USD bought", terms.source("maintenance"),
               rate=terms.maintenance, bought=bought_usd),
    ]  # fmt: skip
    return broadcast([*columns, *_power_lines(terms, count, mean_board_w, form)])


def _part(name: str, label: str, usd_per_year: ArrayLike, formula: str, source: str, **terms: ArrayLike) -> CostColumn:
    return column(name, label, "capex", usd_per_year, formula, source, **terms)


def _power_lines(terms: OwnershipTerms, count: Floats, mean_board_w: ArrayLike, law: PowerLaw) -> list[CostColumn]:
    drawn_w = fleet_power_w(mean_board_w, count, law)
    kwh = annual_kwh(drawn_w, terms.pue)
    usd_per_kwh = np.asarray(terms.electricity_usd_per_j, np.float64) * J_PER_KWH
    reserved_w = fleet_power_w(terms.tdp_w, count, law)
    usd_per_w_year = np.asarray(terms.colocation_usd_per_w_s, np.float64) * YEAR_S
    return [
        column("energy", "Energy", "energy", kwh * usd_per_kwh,
               "{count:,.0f} GPUs x {board:,.0f} W x (1 + {host:g} host) x PUE {pue:g} x 8760 h x {usd:.4g} USD/kWh",
               terms.source("electricity_usd_per_j"), count=count, board=mean_board_w, host=law.host, pue=terms.pue,
               usd=usd_per_kwh),
        column("colocation", "Colocation", "operations", reserved_w * usd_per_w_year,
               "{kw:,.1f} kW reserved x {usd:,.2f} USD/kW/month x 12", terms.source("colocation_usd_per_w_s"),
               kw=reserved_w / 1000, usd=usd_per_w_year * 1000 / 12),
    ]  # fmt: skip
