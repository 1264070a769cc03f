"""What each group of weights is stored as, and what the chip computes it in."""

from collections.abc import Collection

from capplan.catalog.architecture import Architecture
from capplan.catalog.operators import Operators
from capplan.records import dataclass

# Bytes a weight with its scales: nvfp4 has an fp8 scale for 16 values, mxfp4 an 8-bit one for 32,
# fp8_block an fp32 one for 128 x 128, group-quantised int4 a 16-bit one and a 4-bit zero for 128.
BYTES_PER_WEIGHT = {
    "bf16": 2.0,
    "fp8": 1.0,
    "fp8_block": 1.0 + 4.0 / (128 * 128),
    "nvfp4": 0.5 + 1.0 / 16,
    "mxfp4": 0.5 + 1.0 / 32,
    "int8": 1.0,
    "int4": 0.5 + 2.5 / 128,
}
BYTES_PER_KV_VALUE = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5 + 1.0 / 16}
# The peak that bounds each format, and the kernels that run it: its own, or the nearest where that was not measured.
_RUN = {
    "bf16": ("bf16", ("bf16",)),
    "fp8": ("fp8", ("fp8",)),
    "fp8_block": ("fp8", ("fp8_block", "fp8")),
    "nvfp4": ("fp4", ("nvfp4",)),
    "mxfp4": ("fp4", ("mxfp4", "nvfp4")),
    "int8": ("int8", ("int8", "fp8")),
    "int4": ("bf16", ()),
}


@dataclass(frozen=True)
class Storage:
    """One group of weights: bytes a weight, the measured kernel that runs it, the peak that bounds it."""

    dtype: str
    bytes_per_weight: float
    kernel: str
    peak: str


@dataclass(frozen=True)
class Precision:
    """Storage by group; the output head and embedding stay in 16 bit in every engine."""

    attention: Storage
    mlp: Storage
    experts: Storage
    head: Storage
    kv: str

    @property
    def kv_bytes_per_value(self) -> float:
        return BYTES_PER_KV_VALUE[self.kv]


def precision(architecture: Architecture, weights: str, kv: str, chip: Operators, peaks: frozenset[str]) -> Precision:
    """Precision of every group for weights named `bf16 fp8 fp8_block fp4 nvfp4 mxfp4 int8 int4`.

    fp8 of a checkpoint published in fp8 is block-scaled. 4-bit checkpoints of MLA models keep their attention in the
    published precision, and mxfp4 ones (gpt-oss) quantise the experts only. Arithmetic that the chip lacks is done in
    bf16 on weights unpacked on the way (weight-only kernels): fewer bytes, no more flop/s.
    """
    native = architecture.native_weights
    if weights == "fp4":
        weights = "mxfp4" if native == "mxfp4" else "nvfp4"
    if weights == "fp8" and native == "fp8":
        weights = "fp8_block"
    dense = weights
    if weights == "mxfp4":
        dense = "bf16"
    attention = dense
    if weights == "nvfp4" and any(group.mla for group in architecture.attention):
        attention = "fp8_block" if native == "fp8" else "bf16"
    return Precision(
        attention=_storage(attention, chip.gemm.keys(), peaks),
        mlp=_storage(dense, chip.gemm.keys(), peaks),
        experts=_storage(weights, chip.moe.keys(), peaks),
        head=_storage("bf16", chip.gemm.keys(), peaks),
        kv=kv,
    )


def _storage(dtype: str, kernels: Collection[str], peaks: frozenset[str]) -> Storage:
    peak, own = _RUN[dtype]
    if peak not in peaks:
        return Storage(dtype, BYTES_PER_WEIGHT[dtype], "bf16", "bf16")
    return Storage(dtype, BYTES_PER_WEIGHT[dtype], next((name for name in own if name in kernels), "bf16"), peak)
