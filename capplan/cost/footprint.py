"""Water and the carbon of making the hardware, where the catalogue has figures; where it has none, that is said."""

from capplan.catalog.accelerators import Accelerator
from capplan.catalog.files import UnknownName
from capplan.cost.energy import J_PER_KWH, YEAR_S
from capplan.engine.excuse import Assumption
from capplan.records import dataclass
from capplan.scenario.cost import Cost


@dataclass(frozen=True)
class Footprint:
    """Of one year. water_l: for making the electricity. embodied_kg_co2e: of the boards, over their years of use.

    None where the catalogue has no figure; `absent` says which and why.
    """

    water_l: float | None
    embodied_kg_co2e: float | None
    absent: tuple[Assumption, ...]


def footprint(cost: Cost, accelerator: Accelerator, gpus: float, kwh: float) -> Footprint:
    """Water by the site that `cost.region` names, embodied carbon of the boards by the accelerator's figure."""
    absent = []
    litres = _water_l_per_j(cost)
    if litres is None:
        where = cost.region or "no cost.region is given"
        absent.append(Assumption("water", "not told", f"no figure in the catalogue ({where})"))
    embodied = accelerator.embodied_kg
    if embodied is None:
        source = f"no embodied_carbon of {accelerator.name} is known: emissions are those of the electricity alone"
        absent.append(Assumption("embodied carbon", "not counted", source))
    years = cost.amortization_s / YEAR_S
    return Footprint(
        None if litres is None else litres * kwh * J_PER_KWH,
        None if embodied is None else embodied * gpus / years,
        tuple(absent),
    )


def _water_l_per_j(cost: Cost) -> float | None:
    if cost.region is None:
        return None
    from capplan.catalog.sites import site

    for name in ([f"{cost.provider}-{cost.region}"] if cost.provider else []) + [cost.region]:
        try:
            return site(name).water_l_per_j
        except UnknownName:
            continue
    return None
