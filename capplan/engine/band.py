"""How far a prediction is likely off, and why it may be further off than usual."""

import itertools
from collections.abc import Mapping
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

    spread: of throughput and times between tokens. first_token: of TTFT. over: what may lie beyond the measured range,
    in words, and for which loads it does.
    """

    spread: Any
    first_token: Any
    over: Mapping[str, Any]

    @property
    def extrapolates(self) -> tuple[str, ...]:
        """What lies beyond the measured range for any of the loads."""
        return tuple(words for words, beyond in self.over.items() if np.any(beyond))

    def extrapolates_each(self) -> list[tuple[str, ...]]:
        """The same for each load, of shape (loads,)."""
        beyond = (np.broadcast_to(one, np.shape(self.spread)).tolist() for one in self.over.values())
        return [tuple(itertools.compress(self.over, row)) for row in zip(*beyond, strict=True)]


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
    loads = {
        "prompt": (prompt_tokens, known.prompt_tokens),
        "answer": (output_tokens, known.output_tokens),
        "batch": (sequences, known.sequences),
    }
    over = {f"{word} beyond {most:,.0f}": np.asarray(value) > most for word, (value, most) in loads.items()}
    width = np.where(np.logical_or.reduce(np.broadcast_arrays(*over.values())), known.beyond, 1.0)
    if not engine.exact:
        width = width * known.unfitted
        over[f"{engine.name} was not fitted on {chip.vendor} chips"] = np.asarray(True)
    return Band(known.spread[kind] * width, known.first_token * width, over)
