"""Power that follows the work, and what a year of it comes to in energy, money and carbon.

A board draws `engaged` while its engine runs, more with the bandwidth and the arithmetic it uses, and `idle` when no
request is there. It is never TDP x time, which overstates serving by about half (measured on B200).
"""

from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan import units
from capplan.catalog.figures import MissingFigure, entry
from capplan.records import dataclass

Floats = NDArray[np.float64]

J_PER_KWH = 3.6e6
YEAR_S = 365 * 86400.0


class Board(Protocol):
    """What the power law reads of an accelerator."""

    @property
    def name(self) -> str: ...

    @property
    def tdp_w(self) -> float | None: ...


@dataclass(frozen=True)
class PowerLaw:
    """Shares of TDP; `host` is watts of host for each watt of board. `source` says how they were found."""

    engaged: float
    memory: float
    compute: float
    sharpness: float
    ceiling: float
    idle: float
    host: float
    source: str = ""


@lru_cache(maxsize=8)
def power_law(name: str = "power") -> PowerLaw:
    """The catalogued law; raises MissingFigure where the file lacks a figure and UnknownName without the file."""
    found = entry("prices/datacenter", name)
    values = {}
    for place in ("board.engaged", "board.memory", "board.compute", "board.sharpness", "board.ceiling", "idle", "host"):
        figure = found.figure(place)
        if figure is None:
            raise MissingFigure(name, place, "the power of a board")
        values[place.rpartition(".")[2]] = units.parse(figure.value, "ratio")
    return PowerLaw(**values, source=f"catalogue prices/datacenter/{name}")


def tdp_w(accelerator: Board) -> float:
    """Rated power; raises MissingFigure where the catalogue has none, rather than take another chip's."""
    if accelerator.tdp_w is None:
        raise MissingFigure(accelerator.name, "tdp", "energy cost")
    return accelerator.tdp_w


def power_w(
    accelerator: Board,
    compute_utilization: ArrayLike,
    bandwidth_utilization: ArrayLike,
    busy: ArrayLike = 1.0,
    law: PowerLaw | None = None,
) -> Floats:
    """Mean power of one board in use, without host and cooling; the broadcast shape of the inputs.

    Fitted to B200 and carried to other chips by their TDP. Kernels of decode attention alone were measured up to a
    third lower than this, so it may overstate the dense decode of small batches.
    compute_utilization: flop/s over the dense bf16 peak, whatever the precision (fp8 may pass 1).
    bandwidth_utilization: bytes/s over the peak memory bandwidth. Both are means over the busy time.
    busy: share of time with at least one request running; the rest draws idle power.
    Raises MissingFigure for an accelerator without a rated power, ValueError for a utilization below 0 or not finite.

    >>> from types import SimpleNamespace
    >>> b200 = SimpleNamespace(name="b200-sxm", tdp_w=1000.0)
    >>> float(power_w(b200, 0.02, 0.2).round())  # 260 + 290 x 0.369 + 1900 x 0.0885
    535.0
    """
    form = law or power_law()
    rated = tdp_w(accelerator)
    work = [np.asarray(value, np.float64) for value in (compute_utilization, bandwidth_utilization, busy)]
    if any(np.any(~(value >= 0)) or np.any(np.isinf(value)) for value in work) or np.any(work[2] > 1):
        raise ValueError("utilizations are finite ratios from 0 up, and busy is a share of time")
    compute, bandwidth, running = work
    drawn = form.engaged + form.memory * bandwidth**form.sharpness + form.compute * compute**form.sharpness
    idle = idle_w(accelerator, form)
    power: Floats = running * rated * np.minimum(drawn, form.ceiling) + (1 - running) * idle
    return power


def idle_w(accelerator: Board, law: PowerLaw | None = None) -> float:
    """Power of a board that holds its weights and waits: the chip's own figure, else the catalogued share of TDP."""
    own: Any = getattr(accelerator, "idle_w", None)
    return float(own) if own is not None else (law or power_law()).idle * tdp_w(accelerator)


def fleet_power_w(mean_board_w: ArrayLike, gpus: ArrayLike, law: PowerLaw | None = None) -> Floats:
    """Mean IT power of a fleet: its boards and the hosts around them, before cooling.

    mean_board_w: mean over the year and over all GPUs, idle ones too.
    """
    form = law or power_law()
    power: Floats = np.asarray(mean_board_w, np.float64) * np.asarray(gpus, np.float64) * (1 + form.host)
    return power


def annual_kwh(it_power_w: ArrayLike, pue: ArrayLike) -> Floats:
    """Energy of a year from the grid, cooling and conversion included.

    >>> float(annual_kwh(1000.0, 1.12).round(1))  # 1 kW x 8760 h x 1.12
    9811.2
    """
    energy: Floats = np.asarray(it_power_w, np.float64) * np.asarray(pue, np.float64) * (YEAR_S / J_PER_KWH)
    return energy


def annual_kg_co2e(kwh: ArrayLike, carbon_kg_per_j: ArrayLike) -> Floats:
    """Operational emissions of a year; what building the hardware emitted is not in it.

    >>> float(annual_kg_co2e(1000.0, 0.369 / 3.6e6))
    369.0
    """
    emitted: Floats = np.asarray(kwh, np.float64) * J_PER_KWH * np.asarray(carbon_kg_per_j, np.float64)
    return emitted
