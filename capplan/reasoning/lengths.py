"""Laws of token lengths: means, truncation at a budget, percentiles, the longest of several samples."""

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Protocol

import numpy as np

from capplan.reasoning import normal
from capplan.reasoning.normal import Array, Values
from capplan.records import dataclass

# Midpoints of equal shares: the grid on which laws without a closed form are integrated.
SHARES = (np.arange(2000) + 0.5) / 2000


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


class OnGrid(ABC):
    """Laws known by their quantile function alone, integrated on a grid of equal shares."""

    @abstractmethod
    def quantile_tokens(self, share: Values) -> Array:
        """Length at these shares of all requests."""

    @cached_property
    def _grid(self) -> Array:
        return self.quantile_tokens(SHARES)

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
class Quantiles(OnGrid):
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
        grid = self.quantile_tokens(SHARES)
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
