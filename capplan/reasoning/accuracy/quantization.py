"""What quantised weights cost in right answers, by task and size of the model; bytes and speed are the engine's."""

from capplan.catalog import figures
from capplan.reasoning import published
from capplan.reasoning.range import SAME, Range
from capplan.units import parse

# Bits of a weight; formats of as many bits are taken as equally exact.
_BITS = {"bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "fp4": 4, "mxfp4": 4, "nvfp4": 4, "int4": 4}


def kept(weights: str, measured: str, parameters: float, benchmark: str | None = None) -> Range:
    """Share of right answers kept by a model that serves in `weights` and was measured in another format.

    parameters: total; models under 3e9 lose more. benchmark: its own figures come first, where there are any. Nothing
    is lost towards a format of as many bits or more: models published in fp8 lose nothing in fp8.
    """
    if _BITS.get(weights, 16) >= _BITS.get(measured, 16):
        return SAME
    tree = figures.entry("quality", "quantization").plain
    small = parameters < parse(str(tree["small_below_parameters"]), "count")
    wanted = (f"{weights}_small",) if small else (f"{weights}_{benchmark}", weights)
    return published.law_range("quantization", next(key for key in (*wanted, weights) if key in tree))
