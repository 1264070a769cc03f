"""What one chip sustains: the operators measured on it and the peaks that their efficiencies are shares of."""

from collections.abc import Mapping
from dataclasses import replace

from capplan.catalog.accelerators import Accelerator, accelerator
from capplan.catalog.figures import MissingFigure
from capplan.catalog.operators import Collective, Operators, operators
from capplan.records import dataclass


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


def rates(chip: Accelerator, collectives: str) -> Rates:
    """Rates of an accelerator; raises `UnknownName` where its operators file does not exist, `MissingFigure` without a
    peak in bf16, in which attention is computed whatever the precision of the weights.

    Efficiencies of a measured chip are shares of the peaks they were fitted with, which may differ from the
    datasheet's (B200: 7.7 against 8.0 TB/s); for a chip described by analogy they are shares of its own peaks.
    Collectives run at the measured chip's share of the chip's own links.
    """
    if "bf16" not in chip.peak_flop_per_s:
        raise MissingFigure(chip.name, "peak.bf16", "attention")
    measured = operators(chip.operators)
    bandwidth = chip.memory_bandwidth_bytes_per_s
    if measured.measured and measured.name == chip.name:
        bandwidth = measured.memory_bandwidth_bytes_per_s
    return Rates(
        operators=_with_links(measured, _link_ratio(chip, measured.reference)),
        peak_flop_per_s=dict(chip.peak_flop_per_s),
        memory_bandwidth_bytes_per_s=bandwidth,
        collectives=collectives,
        node_gpus=chip.scale_up_gpus,
        inter_node_bytes_per_s=INTER_NODE_BYTES_PER_S,
    )


def _link_ratio(chip: Accelerator, reference: str) -> float:
    """The chip's links over those that its collectives were measured with; 1 where either is not known."""
    own, other = (one.link_bandwidth_bytes_per_s or one.pcie_bandwidth_bytes_per_s
                  for one in (chip, accelerator(reference)))  # fmt: skip
    return own / other if own and other else 1.0


def _with_links(chip: Operators, ratio: float) -> Operators:
    """The operators on links `ratio` times as fast: what grows with the message shrinks, the fixed cost stays."""

    def scaled(link: Collective) -> Collective:
        return replace(link, ramp_s=link.ramp_s / ratio, bandwidth_bytes_per_s=link.bandwidth_bytes_per_s * ratio)

    return replace(
        chip,
        collectives={
            family: {gpus: scaled(link) for gpus, link in sizes.items()} for family, sizes in chip.collectives.items()
        },
    )
