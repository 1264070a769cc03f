"""What one chip sustains: the operators measured on it and the peaks that their efficiencies are shares of."""

from collections.abc import Mapping
from dataclasses import dataclass

from capplan.catalog.accelerators import Accelerator
from capplan.catalog.operators import Operators, operators


@dataclass(frozen=True)
class Rates:
    """Peaks of the chip, efficiencies of its operators, and the links of its node.

    collectives: the engine's family of all-reduce kernels.
    """

    operators: Operators
    peak_flop_per_s: Mapping[str, float]
    memory_bandwidth_bytes_per_s: float
    collectives: str
    node_gpus: int
    inter_node_bytes_per_s: float


# One 400 Gbit/s network card a GPU, the usual build of an HGX node (NVIDIA DGX H100 datasheet), less protocol overhead.
INTER_NODE_BYTES_PER_S = 45e9


def rates(accelerator: Accelerator, collectives: str) -> Rates:
    """Rates of a catalogued accelerator; raises `UnknownName` where its operators file does not exist.

    Efficiencies of a measured chip are shares of the peaks they were fitted with, which may differ from the
    datasheet's (B200: 7.7 against 8.0 TB/s); for a chip described by analogy they are shares of its own peaks.
    """
    chip = operators(accelerator.operators)
    peaks = dict(accelerator.peak_flop_per_s)
    bandwidth = accelerator.memory_bandwidth_bytes_per_s
    if chip.measured and chip.name == accelerator.name:
        bandwidth = chip.memory_bandwidth_bytes_per_s
    return Rates(
        operators=chip,
        peak_flop_per_s=peaks,
        memory_bandwidth_bytes_per_s=bandwidth,
        collectives=collectives,
        node_gpus=accelerator.scale_up_gpus,
        inter_node_bytes_per_s=INTER_NODE_BYTES_PER_S,
    )
