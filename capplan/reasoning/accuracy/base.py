"""What is known about one sample of the model: the ground on which every strategy's accuracy stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from capplan.reasoning.accuracy.value import EXTRAPOLATED, Accuracy
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Array, Values
from capplan.reasoning.range import SAME, Range

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.curve import Curve


_SHARES = (np.arange(200) + 0.5) / 200


@dataclass(frozen=True)
class Base:
    """Accuracy of one sample, by curve or by figure, and the laws' parameters for this model.

    curve: accuracy against output tokens; single: one figure, at the length that the model takes by itself.
    direct: accuracy of an answer without thinking, where known. concentration, vote_share: of the voting law;
    concentration_fitted: to this very model. votes: published plurality accuracies by number of samples.
    reference_tokens: thinking of one sample at which `single` holds, where samples of other lengths are compared.
    kept: what policies leave of one sample's accuracy. left: share of its thinking that it gets to under them, which a
    curve is read at; cut: what they leave of a single figure for that.
    reason: why nothing is known, where neither curve nor single is.
    """

    concentration: Range
    vote_share: float
    outcome: Range
    process: Range
    search: Range
    correction_limit: Range
    correction_rate: Range
    curve: Curve | None = None
    single: Accuracy | None = None
    direct: Accuracy | None = None
    concentration_fitted: bool = False
    votes: Mapping[int, Accuracy] = field(default_factory=dict)
    reference_tokens: float | None = None
    kept: Range = SAME
    left: Values = 1.0
    cut: Range = SAME
    reason: str = ""

    def at(self, output_tokens: Values, thinking: LengthLaw, cap_tokens: Values) -> Accuracy | None:
        """One sample's accuracy when it writes so many tokens, thinking cut at the cap.

        With a curve, read off it. A single figure is kept in the proportion in which a sample got its thinking, for
        requests that the cap cuts and for samples shorter than the reference: where gains diminish the truth lies above
        that, so nothing is counted on that nobody measured. The interval goes up to no loss.
        """
        if self.curve is not None:
            lost = (1.0 - np.asarray(self.left)) * thinking.capped_mean_tokens(cap_tokens)
            return self.curve.at(output_tokens - lost).times(self.kept)
        if self.single is None:
            return None
        return self._in_proportion(self.single, thinking, cap_tokens).times(self.cut).times(self.kept)

    def without_thinking(self) -> Accuracy | None:
        """Accuracy of an answer that nothing is thought for, where it is known as a figure."""
        return None if self.direct is None else self.direct.times(self.kept)

    def _in_proportion(self, single: Accuracy, thinking: LengthLaw, cap_tokens: Values) -> Accuracy:
        kept, least = self._kept(thinking, np.asarray(cap_tokens, dtype=np.float64))
        if np.all(kept == 1.0):
            return single
        return Accuracy(
            single.value * kept, single.low * least, single.high, EXTRAPOLATED, single.metric,
            f"{single.basis}; counted in proportion to the thinking that is left of it",
        )  # fmt: skip

    def _kept(self, thinking: LengthLaw, cap: Array) -> tuple[Array, Array]:
        """Share of the accuracy counted, and at least kept (nothing for requests that are cut)."""
        lengths = thinking.quantile_tokens(_SHARES[:, None] if np.ndim(thinking.mean_tokens) else _SHARES)
        kept, cut = _cut(lengths, cap) if np.any(lengths.max(axis=0) > cap) else (np.ones(()), np.zeros(()))
        if self.reference_tokens is None:
            return kept, 1 - cut
        short = np.minimum(1.0, np.asarray(thinking.mean_tokens) / max(self.reference_tokens, 1e-9))
        return kept * short, (1 - cut) * short


def _cut(lengths: Array, cap: Array) -> tuple[Array, Array]:
    """(mean share of its thinking that a request keeps, share of requests cut) under a cap."""
    longest = np.maximum(lengths, 1e-9)
    if cap.ndim and lengths.ndim == 1:
        longest = longest.reshape(-1, *([1] * cap.ndim))
    kept = np.minimum(1.0, cap / longest).mean(axis=0)
    return np.asarray(kept), np.asarray((longest > cap).mean(axis=0))
