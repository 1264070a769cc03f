"""Laws of token lengths made of others: mixed, scaled, cut at a budget, sliced."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from capplan.reasoning.lengths import SHARES, Constant, LengthLaw, OnGrid
from capplan.reasoning.normal import Array, Values
from capplan.records import dataclass


@dataclass(frozen=True)
class Mixture:
    """Several kinds of request: part i with share weights[i] (together 1). Moments exact, percentiles by halving."""

    weights: tuple[float, ...]
    parts: tuple[LengthLaw, ...]

    @property
    def mean_tokens(self) -> Values:
        return self._sum([part.mean_tokens for part in self.parts])

    def quantile_tokens(self, share: Values) -> Array:
        # A percentile of the whole lies between those of its parts.
        each = np.broadcast_arrays(*(part.quantile_tokens(share) for part in self.parts))
        low, high = np.minimum.reduce(each), np.maximum.reduce(each)
        for _ in range(50):
            middle = (low + high) / 2
            below = 1.0 - self.share_above(middle) < share
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(high)

    def capped_mean_tokens(self, cap_tokens: Values) -> Array:
        return self._sum([part.capped_mean_tokens(cap_tokens) for part in self.parts])

    def capped_square_tokens2(self, cap_tokens: Values) -> Array:
        return self._sum([part.capped_square_tokens2(cap_tokens) for part in self.parts])

    def share_above(self, cap_tokens: Values) -> Array:
        return self._sum([part.share_above(cap_tokens) for part in self.parts])

    def _sum(self, values: Sequence[Values]) -> Array:
        return np.asarray(sum(weight * np.asarray(value) for weight, value in zip(self.weights, values, strict=True)))


def mixture(weights: Sequence[float], parts: Sequence[LengthLaw]) -> Mixture:
    """The law of requests of several kinds; weights need not add to 1.

    >>> float(mixture([3, 1], [Constant(100.0), Constant(500.0)]).mean_tokens)
    200.0
    """
    total = float(sum(weights))
    return Mixture(tuple(w / total for w in weights), tuple(parts))


@dataclass(frozen=True)
class Scaled:
    """Another law with every length multiplied by a factor above 0."""

    law: LengthLaw
    factor: float

    @property
    def mean_tokens(self) -> Values:
        return self.factor * self.law.mean_tokens

    def quantile_tokens(self, share: Values) -> Array:
        return self.factor * self.law.quantile_tokens(share)

    def capped_mean_tokens(self, cap_tokens: Values) -> Array:
        return self.factor * self.law.capped_mean_tokens(np.asarray(cap_tokens) / self.factor)

    def capped_square_tokens2(self, cap_tokens: Values) -> Array:
        return self.factor**2 * self.law.capped_square_tokens2(np.asarray(cap_tokens) / self.factor)

    def share_above(self, cap_tokens: Values) -> Array:
        return self.law.share_above(np.asarray(cap_tokens) / self.factor)


@dataclass(frozen=True)
class Capped:
    """Another law cut at `most_tokens`; what is longer stops there."""

    law: LengthLaw
    most_tokens: Values

    @property
    def mean_tokens(self) -> Values:
        return self.law.capped_mean_tokens(self.most_tokens)

    def quantile_tokens(self, share: Values) -> Array:
        return np.minimum(self.law.quantile_tokens(share), self.most_tokens)

    def capped_mean_tokens(self, cap_tokens: Values) -> Array:
        return self.law.capped_mean_tokens(np.minimum(self.most_tokens, cap_tokens))

    def capped_square_tokens2(self, cap_tokens: Values) -> Array:
        return self.law.capped_square_tokens2(np.minimum(self.most_tokens, cap_tokens))

    def share_above(self, cap_tokens: Values) -> Array:
        return np.where(np.asarray(cap_tokens) < self.most_tokens, self.law.share_above(cap_tokens), 0.0)


def capped(law: LengthLaw, most_tokens: Values) -> LengthLaw:
    """The law cut at so many tokens; itself where there is no cap.

    >>> float(capped(Constant(4000.0), 1000.0).mean_tokens)
    1000.0
    """
    return Capped(law, most_tokens) if np.any(np.isfinite(most_tokens)) else law


@dataclass(frozen=True)
class Slice(OnGrid):
    """The requests of a law between two shares, 0.0 the shortest: (0.5, 1.0) is the longer half.

    stretch: of all means and squares, so that the slices of a law have its mean together.
    """

    law: LengthLaw
    low: float
    high: float
    stretch: float = 1.0

    @cached_property
    def _grid(self) -> Array:
        return self.quantile_tokens(SHARES) * self.stretch

    def quantile_tokens(self, share: Values) -> Array:
        inside = self.low + np.asarray(share, dtype=np.float64) * (self.high - self.low)
        return self.law.quantile_tokens(np.clip(inside, 1e-6, 1 - 1e-6))


def part_of(law: LengthLaw, low: float, high: float) -> LengthLaw:
    """The slice of a law between two shares; requests of one length are all slices alike."""
    if isinstance(law, Scaled):
        return Scaled(part_of(law.law, low, high), law.factor)
    if isinstance(law, Constant):
        return law
    return Slice(law, low, high, float(law.mean_tokens / law.quantile_tokens(SHARES).mean()))
