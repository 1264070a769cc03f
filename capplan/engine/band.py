"""How far a prediction is likely off, and why it may be further off than usual."""

from typing import Any

import numpy as np

from capplan.catalog.accelerators import Accelerator
from capplan.catalog.architecture import Architecture
from capplan.catalog.bands import Kind, bands
from capplan.catalog.engines import Profile
from capplan.catalog.operators import operators
from capplan.records import dataclass


@dataclass(frozen=True)
class Band:
    """An 80 % interval around predictions: from value / spread to value x spread; arrays over loads.

    spread: of throughput and times between tokens. first_token: of TTFT. extrapolates: what lies beyond the measured
    range, as words; empty inside it.
    """

    spread: Any
    first_token: Any
    beyond: Any
    extrapolates: tuple[str, ...]


def band(
    arch: Architecture,
    chip: Accelerator,
    engine: Profile,
    prompt_tokens: Any,
    output_tokens: Any,
    sequences: Any,
    steady: bool = True,
) -> Band:
    """The band of predictions for these loads; the broadcast shape of the three arrays.

    Widths come from residuals of the same kind: dense or mixture of experts, chip with or without kernel data, lasting
    load or finite run; wider where the engine was not fitted on the vendor's chips or the load was never measured.
    """
    known = bands()
    kind = Kind(arch.moe is not None, operators(chip.operators).measured, steady)
    limits = {
        "prompt": (prompt_tokens, known.prompt_tokens),
        "answer": (output_tokens, known.output_tokens),
        "batch": (sequences, known.sequences),
    }
    over = {word: np.asarray(value) > limit for word, (value, limit) in limits.items()}
    beyond = np.logical_or.reduce(np.broadcast_arrays(*over.values()))
    width = np.where(beyond, known.beyond, 1.0) * (1.0 if engine.exact else known.unfitted)
    words = [f"{word} beyond {limits[word][1]:,.0f}" for word, is_over in over.items() if is_over.any()]
    if not engine.exact:
        words.append(f"{engine.name} was not fitted on {chip.vendor} chips")
    return Band(known.spread[kind] * width, known.first_token * width, beyond, tuple(words))
