"""Where a fleet stands: what power costs there, how much cooling adds, and what it emits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capplan.catalog.files import UnknownName
from capplan.engine.excuse import Assumption
from capplan.records import dataclass
from capplan.scenario.cost import Cost

if TYPE_CHECKING:
    from capplan.catalog.sites import Site

# Source of our defaults: Microsoft's design PUE, mlsysim 0.3.0's cloud tariff, codecarbon 3.3.2 for the United States.
_DEFAULTS = {
    "pue": "default: design value of a hyperscale site (Microsoft 2022)",
    "electricity": "default: mlsysim 0.3.0's tariff for clouds",
    "carbon": "default: United States 2023 (codecarbon 3.3.2)",
}
_FIELDS = {"pue": "pue", "electricity": "electricity_usd_per_j", "carbon": "carbon_intensity_kg_per_j"}


@dataclass(frozen=True)
class Place:
    """Figures of the place, and who says each: `scenario`, a site of the catalogue, or our default."""

    pue: float
    electricity_usd_per_j: float
    carbon_kg_per_j: float
    sources: tuple[tuple[str, str], ...]

    def source(self, figure: str) -> str:
        return dict(self.sources)[figure]

    def assumptions(self) -> tuple[Assumption, ...]:
        """What the scenario left open; in the units of the scenario file."""
        shown = {
            "pue": ("cost.pue", f"{self.pue:g}"),
            "electricity": ("cost.electricity", f"{self.electricity_usd_per_j * 3.6e6:.4g} USD/kWh"),
            "carbon": ("cost.carbon_intensity", f"{self.carbon_kg_per_j * 3.6e9:.4g} g/kWh"),
        }
        return tuple(
            Assumption(*shown[name], source, "default" if source.startswith("default") else "catalogue")
            for name, source in self.sources
            if source != "scenario"
        )


def place(cost: Cost) -> Place:
    """The scenario's own figures first, then those of the site that `region` names, then our defaults.

    A PUE or carbon figure that the site lacks is our default, stated: countries have no PUE, kinds of site no grid.
    Raises, where any of the fleet is owned, UnknownName for a region that is no site and MissingFigure for a site
    without a tariff. A rented fleet pays no tariff.
    """
    found = _site(cost)
    values: dict[str, float] = {}
    sources: dict[str, str] = {}
    for name, field in _FIELDS.items():
        values[name], sources[name] = getattr(cost, field), _DEFAULTS[name]
        if cost.given(field):
            sources[name] = "scenario"
        elif found is not None and name in found.sources:
            values[name] = found.need(name, "the energy of the fleet")
            sources[name] = found.sources[name]
        elif found is not None and name == "electricity" and cost.pricing.share("own"):
            found.need(name, f"cost.region: {cost.region}")
    return Place(values["pue"], values["electricity"], values["carbon"], tuple(sources.items()))


def _site(cost: Cost) -> Site | None:
    if cost.region is None:
        return None
    from capplan.catalog.sites import site  # only scenarios with a region pay for loading it

    names = [cost.region] if cost.provider is None else [f"{cost.provider}-{cost.region}", cost.region]
    unknown: UnknownName | None = None
    for name in names:
        try:
            return site(name)
        except UnknownName as error:
            unknown = unknown or error
    if unknown is not None and cost.pricing.share("own"):
        raise unknown
    return None
