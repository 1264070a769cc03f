"""Laws of token lengths: means, truncation at a budget, percentiles, the longest of several samples."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from capplan.reasoning import normal
from capplan.reasoning.normal import Array, Values
from capplan.records import dataclass

# Midpoints of equal shares: the grid on which laws without a closed form are integrated.
_SHARES = (np.arange(2000) + 0.5) / 2000


class LengthLaw(Protocol):
    """A law of lengths in tokens. Every answer is in tokens except `share_above`, a ratio."""

    @property
    def mean_tokens(self) -> Values: ...

    def quantile_tokens(self, share: Values) -> Array: ...

    def capped_mean_tokens(self, cap_tokens: Values) -> Array: ...

    def capped_square_tokens2(self, cap_tokens: Values) -> Array: ...

    def share_above(self, cap_tokens: Values) -> Array: ...


@dataclass(frozen=True)
class Constant:
    """Every request has the same length; an array of lengths is a sweep, and the answers broadcast over it."""

    tokens: Values

    @property
    def mean_tokens(self) -> Values:
        return self.tokens

    def quantile_tokens(self, share: Values) -> Array:
        return np.asarray(self.tokens + np.zeros_like(share, dtype=np.float64))

    def capped_mean_tokens(self, cap_tokens: Values) -> Array:
        return np.asarray(np.minimum(self.tokens, cap_tokens), dtype=np.float64)

    def capped_square_tokens2(self, cap_tokens: Values) -> Array:
        return self.capped_mean_tokens(cap_tokens) ** 2

    def share_above(self, cap_tokens: Values) -> Array:
        return np.asarray(np.asarray(cap_tokens) < self.tokens, dtype=np.float64)


@dataclass(frozen=True)
class Lognormal:
    """ln(length) is normal; mu and sigma are those of ln(tokens).

    The best two-parameter fit to production reasoning lengths, yet it understates their tail: p99 8,352 against
    12,607 tokens measured. Give quantiles where the tail matters.
    Source: ServeGen deepseek-r1 (arXiv 2505.09999), maximum likelihood.
    """

    mu: float
    sigma: float

    @classmethod
    def from_mean_cv(cls, mean_tokens: float, cv: float) -> "Lognormal":
        """The lognormal law with this mean (tokens) and coefficient of variation.

        >>> round(Lognormal.from_mean_cv(1000.0, 1.0).mean_tokens)
        1000
        """
        sigma2 = math.log1p(cv * cv)
        return cls(math.log(mean_tokens) - sigma2 / 2, math.sqrt(sigma2))

    @property
    def mean_tokens(self) -> float:
        return math.exp(self.mu + self.sigma**2 / 2)

    def quantile_tokens(self, share: Values) -> Array:
        return np.exp(self.mu + self.sigma * normal.quantile(share))

    def capped_mean_tokens(self, cap_tokens: Values) -> Array:
        return self._capped_moment(1, cap_tokens)

    def capped_square_tokens2(self, cap_tokens: Values) -> Array:
        return self._capped_moment(2, cap_tokens)

    def share_above(self, cap_tokens: Values) -> Array:
        return 1.0 - normal.cdf(self._z(cap_tokens))

    def _z(self, cap_tokens: Values) -> Array:
        cap = np.asarray(cap_tokens, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return (np.log(cap) - self.mu) / max(self.sigma, 1e-12)

    def _capped_moment(self, order: int, cap_tokens: Values) -> Array:
        """E[min(T, cap)^order]: the part below the cap, and the cap itself for the rest."""
        z = self._z(cap_tokens)
        below = math.exp(order * self.mu + (order * self.sigma) ** 2 / 2) * normal.cdf(z - order * self.sigma)
        cap = np.asarray(cap_tokens, dtype=np.float64)
        finite = np.where(np.isfinite(cap), cap, 0.0)
        return np.asarray(below + finite**order * (1.0 - normal.cdf(z)))


class _OnGrid(ABC):
    """Laws known by their quantile function alone, integrated on a grid of equal shares."""

    @abstractmethod
    def quantile_tokens(self, share: Values) -> Array:
        """Length at these shares of all requests."""

    @cached_property
    def _grid(self) -> Array:
        return self.quantile_tokens(_SHARES)

    @property
    def mean_tokens(self) -> float:
        return float(self._grid.mean())

    def capped_mean_tokens(self, cap_tokens: Values) -> Array:
        return np.asarray(np.minimum(self._grid, np.asarray(cap_tokens)[..., None]).mean(axis=-1))

    def capped_square_tokens2(self, cap_tokens: Values) -> Array:
        return np.asarray((np.minimum(self._grid, np.asarray(cap_tokens)[..., None]) ** 2).mean(axis=-1))

    def share_above(self, cap_tokens: Values) -> Array:
        return np.asarray(1.0 - np.searchsorted(self._grid, np.asarray(cap_tokens), side="right") / self._grid.size)


@dataclass(frozen=True)
class Quantiles(_OnGrid):
    """An empirical law: ln(length) runs straight between the given points over the normal score of the share.

    Two points make a lognormal law; more points bend it. Beyond the outermost points it goes on with their last slope.
    shares: strictly between 0 and 1, rising. tokens: above 0, not falling.
    known_mean_tokens: the mean where it is known as well; all means and squares then keep to it.
    """

    shares: tuple[float, ...]
    tokens: tuple[float, ...]
    maximum_tokens: float = math.inf
    known_mean_tokens: float | None = None

    @cached_property
    def _grid(self) -> Array:
        grid = self.quantile_tokens(_SHARES)
        return grid if self.known_mean_tokens is None else grid * (self.known_mean_tokens / grid.mean())

    def quantile_tokens(self, share: Values) -> Array:
        z_known, log_known = normal.quantile(np.array(self.shares)), np.log(np.array(self.tokens))
        z = normal.quantile(share)
        if len(self.shares) == 1:
            return np.full_like(z, self.tokens[0])
        # The segment of each z; the outer segments also serve what lies beyond them.
        at = np.clip(np.searchsorted(z_known, z) - 1, 0, len(z_known) - 2)
        slope = (log_known[at + 1] - log_known[at]) / (z_known[at + 1] - z_known[at])
        return np.asarray(np.minimum(np.exp(log_known[at] + slope * (z - z_known[at])), self.maximum_tokens))


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
class Slice(_OnGrid):
    """The requests of a law between two shares, 0.0 the shortest: (0.5, 1.0) is the longer half.

    stretch: of all means and squares, so that the slices of a law have its mean together.
    """

    law: LengthLaw
    low: float
    high: float
    stretch: float = 1.0

    @cached_property
    def _grid(self) -> Array:
        return self.quantile_tokens(_SHARES) * self.stretch

    def quantile_tokens(self, share: Values) -> Array:
        inside = self.low + np.asarray(share, dtype=np.float64) * (self.high - self.low)
        return self.law.quantile_tokens(np.clip(inside, 1e-6, 1 - 1e-6))


def part_of(law: LengthLaw, low: float, high: float) -> LengthLaw:
    """The slice of a law between two shares; requests of one length are all slices alike."""
    if isinstance(law, Scaled):
        return Scaled(part_of(law.law, low, high), law.factor)
    if isinstance(law, Constant):
        return law
    return Slice(law, low, high, float(law.mean_tokens / law.quantile_tokens(_SHARES).mean()))
