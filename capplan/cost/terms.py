"""From a scenario's cost section and the catalogue to the figures of the bill, each with its source."""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan import units
from capplan.catalog.accelerators import Accelerator
from capplan.catalog.figures import MissingFigure, entry
from capplan.catalog.prices import PurchasePrice, bands, purchase
from capplan.cost.energy import YEAR_S, tdp_w
from capplan.cost.ownership import OwnershipTerms
from capplan.cost.place import place
from capplan.cost.rent import Rent, catalogued_rent, given_rent
from capplan.engine.excuse import Assumption
from capplan.records import dataclass
from capplan.scenario.cost import Cost, Peak

Floats = NDArray[np.float64]

_KIND = "prices/datacenter"
_HOST_GPUS = 8  # the catalogue's host prices are for servers of eight


@dataclass(frozen=True)
class Figure:
    """A catalogued amount in USD and who says it."""

    usd: float
    source: str


@lru_cache(maxsize=32)
def _figure(name: str, place: str, unit: str, needed_for: str) -> Figure:
    found = entry(_KIND, name).figure(place)
    if found is None:
        raise MissingFigure(f"{_KIND}/{name}", place, needed_for)
    said = found.source.title if found.source else f"{_KIND}/{name}"
    return Figure(units.parse(found.value, unit), f"{said} ({found.on})" if found.on else said)


@lru_cache(maxsize=2)
def _with_hosts() -> tuple[str, ...]:
    """Accelerators whose price holds their hosts."""
    included = entry(_KIND, "servers").plain.get("host_in_price")
    return tuple(map(str, included)) if isinstance(included, list) else ()


def host_usd_per_gpu(accelerator: Accelerator) -> Figure:
    """Host, chassis and cards for one accelerator: a share of an eight-way server, or 0 where the price holds them."""
    if accelerator.name in _with_hosts():
        return Figure(0.0, "the rack's price holds its hosts")
    joined = (accelerator.link_kind or "PCIe").casefold()
    if joined.startswith("pcie") or "bridge" in joined:
        found = _figure("servers", "pcie_host", "usd", "host cost")
    else:
        found = _figure("node", "host.mid", "usd", "host cost")
    return Figure(found.usd / _HOST_GPUS, found.source)


@lru_cache(maxsize=2)
def network_tiers() -> tuple[tuple[float, float], ...]:
    """(GPUs at most, USD per GPU) of each tier of the network between servers, smallest first."""
    rows = entry(_KIND, "network").plain.get("tiers")
    if not isinstance(rows, list) or not rows:
        raise MissingFigure(f"{_KIND}/network", "tiers", "network cost")
    tiers = [
        (units.parse(str(row["gpus"]), "count"), units.parse(str(row["price"]), "usd"))
        for row in rows
        if isinstance(row, dict)
    ]
    return tuple(sorted(tiers))


def network_usd_per_gpu(gpus: ArrayLike, nodes: ArrayLike) -> Floats:
    """Network between servers for each GPU, by the smallest tier that joins them all; one server needs none.

    Beyond the largest tier its price is kept.

    >>> network_usd_per_gpu([8, 16, 600, 10_000], [1, 2, 75, 1250]).tolist()
    [0.0, 1882.0, 4248.0, 6612.0]
    """
    sizes, prices = (np.array(part) for part in zip(*network_tiers(), strict=True))
    tier = np.minimum(np.searchsorted(sizes, np.asarray(gpus, np.float64)), len(sizes) - 1)
    price: Floats = np.where(np.asarray(nodes) > 1, prices[tier], 0.0)
    return price


def ownership_terms(cost: Cost, accelerator: Accelerator) -> OwnershipTerms:
    """All figures of a bought fleet; what the scenario gives goes before the catalogue.

    The network's price is NaN where the catalogue's tiers decide: it depends on the size of the fleet.
    Raises PriceError for an accelerator without a purchase price, MissingFigure for one without a rated power.
    """
    sources: dict[str, str] = {}
    price_usd, host_usd = cost.purchase_price_usd, _per_gpu(cost.node_price_usd, accelerator)
    if price_usd is None:
        found = _purchase(accelerator.name)
        price_usd, sources["gpu_price_usd"] = found.usd, f"{found.source} ({found.date or 'undated'})"
    if host_usd is None:
        host = host_usd_per_gpu(accelerator)
        host_usd, sources["host_usd_per_gpu"] = host.usd, host.source
    network_usd = cost.network_price_usd
    if network_usd is None:
        network_usd = math.nan
        sources["network_usd_per_gpu"] = _figure("network", "tiers[0].price", "usd", "network cost").source
    for name in ("interest", "spares", "installation", "residual_value"):
        if not cost.given(name):
            sources[name] = "default"
    if not cost.given("maintenance"):
        sources["maintenance"] = "default, as in mlsysim 0.3.0"
    here = place(cost)
    sources["electricity_usd_per_j"] = here.source("electricity")
    return OwnershipTerms(
        gpu_price_usd=price_usd,
        host_usd_per_gpu=host_usd,
        network_usd_per_gpu=network_usd,
        tdp_w=tdp_w(accelerator),
        amortization_years=cost.amortization_s / YEAR_S,
        interest=cost.interest,
        residual_value=cost.residual_value,
        installation=cost.installation,
        maintenance=cost.maintenance,
        spares=cost.spares,
        pue=here.pue,
        electricity_usd_per_j=here.electricity_usd_per_j,
        colocation_usd_per_w_s=0.0 if cost.colocation_usd_per_w_s is None else cost.colocation_usd_per_w_s,
        sources=tuple(sources.items()),
    )


def _per_gpu(node_price_usd: float | None, accelerator: Accelerator) -> float | None:
    return None if node_price_usd is None else node_price_usd / accelerator.node_gpus


# A sweep asks for the same price once a row.
_purchase: Callable[[str], PurchasePrice] = lru_cache(maxsize=256)(purchase)
_catalogued: Callable[..., Rent] = lru_cache(maxsize=256)(catalogued_rent)


def rents(cost: Cost, accelerator: str) -> tuple[tuple[Rent, float], ...]:
    """The price and the share of each way of renting in the scenario's mix; empty where all is owned.

    GPUs above a reserved base come last, with a share of 0: it follows from the load curve.

    Raises PriceError naming the way, provider, region or term that has no price.
    """
    found = []
    for way, share in cost.pricing.shares:
        if way == "own":
            continue
        if cost.gpu_hourly_usd_per_s is not None:
            rent = given_rent(way, cost.gpu_hourly_usd_per_s)
        else:
            term_s = cost.term_s if way == "reserved" else None
            rent = _catalogued(accelerator, way, cost.provider, _cloud_region(cost), term_s)
        found.append((rent, share))
    if cost.peak is not None and found:
        found.append((_peak_rent(cost.peak, cost, accelerator), 0.0))
    return tuple(found)


def _peak_rent(peak: Peak, cost: Cost, accelerator: str) -> Rent:
    """What a GPU above the base rents for; how many there are follows from the load curve."""
    if peak.gpu_hourly_usd_per_s is not None:
        return given_rent(peak.pricing, peak.gpu_hourly_usd_per_s)
    return _catalogued(accelerator, peak.pricing, cost.provider, _cloud_region(cost))


def _cloud_region(cost: Cost) -> str | None:
    """`region` names a cloud's region only beside a provider; alone it is the site of the electricity."""
    return cost.region if cost.provider is not None else None


def assumptions(cost: Cost, accelerator: Accelerator, terms: OwnershipTerms | None) -> tuple[Assumption, ...]:
    """What the bill takes for granted: figures that the scenario left open, and lines that it leaves out."""
    said: list[Assumption] = list(place(cost).assumptions())
    if terms is not None:
        named = {
            "gpu_price_usd": ("cost.purchase_price", terms.gpu_price_usd),
            "host_usd_per_gpu": ("cost.node_price", np.asarray(terms.host_usd_per_gpu) * accelerator.node_gpus),
        }
        for field, (key, value) in named.items():
            if field in dict(terms.sources):
                amount = f"{float(np.asarray(value).flat[0]):,.0f} USD"
                said.append(Assumption(key, amount, terms.source(field), "catalogue"))
        if "network_usd_per_gpu" in dict(terms.sources):
            said.append(Assumption("cost.network_price", "by tier", terms.source("network_usd_per_gpu"), "catalogue"))
    absent = _absent(cost, owned=terms is not None)
    said += [Assumption(f"cost.{key}", "none", "not in the bill unless given") for key in absent]
    for rent, share in rents(cost, accelerator.name):
        if cost.gpu_hourly_usd_per_s is None:
            band = f"{rent.low_usd_per_s * 3600:.2f} to {rent.high_usd_per_s * 3600:.2f}"
            part = f"{share:.0%}" if share else "what stands above the base,"
            text = f"{rent.usd_per_s * 3600:.2f} USD/hour for {part} {rent.way} (band {band})"
            said.append(Assumption("cost.gpu_hourly", text, rent.basis, "catalogue"))
            said += _tiers(accelerator.name, rent.way)
        if rent.way == "spot" and cost.spot.eviction_every_s is None:
            said.append(Assumption("cost.spot.eviction_every", "none counted", "no figure in the catalogue"))
    return tuple(said)


def _tiers(accelerator: str, way: str) -> list[Assumption]:
    """The band of each tier of providers: one chip rents at prices five times apart."""
    return [
        Assumption(
            f"price band, {tier}",
            f"{band.low_usd_per_gpu_s * 3600:.2f} to {band.high_usd_per_gpu_s * 3600:.2f} USD/hour {way},"
            f" middle {band.usd_per_gpu_s * 3600:.2f}",
            f"{len(band.quotes)} quotations, the oldest {band.date or 'undated'}"
            + (f", {band.undated} undated" if band.date and band.undated else ""),
            "catalogue",
        )
        for tier, band in bands(accelerator, way).items()
    ]


def _absent(cost: Cost, owned: bool) -> list[str]:
    """Lines of zero that a finance team would ask for."""
    people = {"staff": cost.staff_usd_per_year, "software": cost.software_usd_per_gpu_year}
    values = {
        "colocation": cost.colocation_usd_per_w_s,
        **people,
        "installation": cost.installation,
        "spares": cost.spares,
        "interest": cost.interest,
    }
    return [key for key, value in (values if owned else people).items() if not value]
