"""How far a prediction of its kind is usually off: factors of an 80 % interval."""

from dataclasses import dataclass

from capplan.catalog.accelerators import Accelerator
from capplan.catalog.architecture import Architecture
from capplan.catalog.engines import Profile
from capplan.catalog.operators import operators


@dataclass(frozen=True)
class Kind:
    """What the width of a band depends on."""

    mixture: bool
    kernels: bool
    engine: bool

    @staticmethod
    def of(arch: Architecture, chip: Accelerator, engine: Profile) -> "Kind":
        """Mixture of experts or dense; chip with or without kernel data; engine fitted for its vendor or not."""
        return Kind(arch.moe is not None, operators(chip.operators).measured, engine.exact)


def band(kind: Kind) -> tuple[float, float]:
    """(low, high) factors around a prediction that hold 80 % of measurements of its kind."""
    width = 1.25 * (1.15 if kind.mixture else 1.0) * (1.0 if kind.kernels else 1.15) * (1.0 if kind.engine else 1.3)
    return 1 / width, width
