"""The candidates of one deployment, evaluated: what each costs, and by how much it keeps or misses its targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from capplan.engine.layout import Layout
from capplan.scenario.optimize import PER_CORRECT_ANSWER
from capplan.search.optimize.space import Choice

# Estimates are interpolated; a target may be missed by this much before a candidate is given up.
SLACK = 0.012


@dataclass(frozen=True)
class Evaluated:
    """The candidates of one deployment: pricings x layouts x concurrencies, arrays of shape (P, L, C) or (L, C).

    sequences: asked for in each cell. usd: a year's cost, NaN where there is no price; kg: emissions, both (P, L, C).
    tta_p99_s: (L, C).
    ratios: by constraint, the figure over its limit (the limit over it for accuracy), (P, L, C) or (L, C).
    refused: by cell, the constraint that the engine itself sets and the cell breaks, "" where none.
    unpriced: by pricing, why there is no price, "" where there is one.
    """

    choice: Choice
    ways: tuple[str, ...]
    layout: Layout
    sequences: Any
    replicas: Any
    gpus: Any
    usd: Any
    kg: Any
    tta_p99_s: Any
    accuracy: float | None
    ratios: dict[str, Any]
    refused: Any
    unpriced: tuple[str, ...]

    @property
    def count(self) -> int:
        """Candidates, those that cannot be included."""
        return int(np.size(self.usd))

    @property
    def possible(self) -> Any:
        """Candidates that the engine runs and that have a price, whatever they miss; shape (P, L, C)."""
        return ~np.isnan(self.usd) & (self.refused == "")

    @property
    def feasible(self) -> Any:
        """Candidates that keep every target within the slack; shape (P, L, C)."""
        kept = self.possible
        for ratio in self.ratios.values():
            kept = kept & (ratio <= 1.0 + SLACK)
        return kept

    def objective(self, wanted: str) -> Any:
        """What is made small, for every candidate."""
        if wanted == "carbon":
            return np.broadcast_to(self.kg, self.usd.shape)
        if wanted == PER_CORRECT_ANSWER:
            return self.usd / self.accuracy if self.accuracy else np.full(self.usd.shape, np.nan)
        return self.usd
