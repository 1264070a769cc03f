"""Uncertain figures and how they are drawn: three points make a law, sampled evenly over its shares."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.errors import UserError
from capplan.reasoning.normal import quantile

Floats = NDArray[np.float64]

LAWS = ("pert", "triangular", "lognormal")
_Z90 = 1.2815515655446004  # standard normal score of 90 %


@dataclass(frozen=True)
class Uncertain:
    """One uncertain figure in SI.

    path: scenario key, or what else it is called. law: one of LAWS. For pert and triangular low and high are the ends
    and mid the most likely value; for lognormal they are the 10th, 50th and 90th percentile. source: who says so.
    whole: only whole numbers occur.
    """

    path: str
    low: float
    mid: float
    high: float
    law: str = "pert"
    source: str = "scenario"
    whole: bool = False

    def at(self, share: ArrayLike) -> Floats:
        """The values below which these shares lie; shares strictly between 0 and 1.

        >>> Uncertain("x", 0, 1, 2, "triangular").at([0.125, 0.5, 0.875]).tolist()
        [0.5, 1.0, 1.5]
        """
        part = np.asarray(share, np.float64)
        if self.high == self.low:
            return np.full(part.shape, self.mid)
        value = {"pert": self._pert, "triangular": self._triangular, "lognormal": self._lognormal}[self.law](part)
        return np.rint(value) if self.whole else value

    @property
    def variance(self) -> float:
        """Of the law, before rounding; for pert and triangular only.

        >>> Uncertain("x", 0, 1, 2, "triangular").variance  # (0 + 1 + 4 - 0 - 2 - 0) / 18
        0.16666666666666666
        """
        a, m, b = self.low, self.mid, self.high
        if self.law == "triangular":
            return (a * a + m * m + b * b - a * m - m * b - a * b) / 18
        if self.law == "pert":
            mean = (a + 4 * m + b) / 6
            return (mean - a) * (b - mean) / 7
        raise ValueError("the variance of the lognormal law is not used")

    def _triangular(self, share: Floats) -> Floats:
        width = self.high - self.low
        turn = (self.mid - self.low) / width
        rising = self.low + np.sqrt(share * width * (self.mid - self.low))
        falling = self.high - np.sqrt((1 - share) * width * (self.high - self.mid))
        return np.where(share < turn, rising, falling)

    def _pert(self, share: Floats) -> Floats:
        from scipy.special import betaincinv  # only for this law: importing it takes longer than most answers

        width = self.high - self.low
        first = 1 + 4 * (self.mid - self.low) / width
        second = 1 + 4 * (self.high - self.mid) / width
        drawn: Floats = self.low + width * np.asarray(betaincinv(first, second, share), np.float64)
        return drawn

    def _lognormal(self, share: Floats) -> Floats:
        """Shifted lognormal through the three points; normal where they are evenly spaced."""
        down, up = self.mid - self.low, self.high - self.mid
        if down <= 0 or up <= 0:
            return self._triangular(share)
        z = quantile(share) / _Z90
        ratio = up / down
        if abs(ratio - 1) < 1e-6:
            return self.mid + up * z
        scale = up / (ratio - 1)
        drawn: Floats = self.mid + scale * np.expm1(np.log(ratio) * z)
        return drawn


def shares(path: str, count: int, seed: int) -> Floats:
    """Shares of one figure in `count` worlds: one in each of as many equal slices, in an order of its own.

    The order depends on the seed and the name alone, so that plans that are compared meet the same worlds, and a
    further uncertain figure leaves the draws of the others as they were.
    """
    source = np.random.default_rng([seed, zlib.crc32(path.encode())])
    slices = source.permutation(count)
    drawn: Floats = (slices + source.random(count)) / count
    return np.clip(drawn, 1e-9, 1 - 1e-9)


def correlated(drawn: Mapping[str, Floats], ranks: Mapping[tuple[str, str], float]) -> dict[str, Floats]:
    """The same shares of each figure, in another order of its worlds, so that pairs have these rank correlations.

    A Gaussian copula by the method of Iman and Conover (1982): every figure keeps its own draws, one in each slice, and
    the first of a pair its order too. Spearman's rho of a bivariate normal law is 6/pi asin(r/2), hence r = 2 sin(pi
    rho / 6) (Kruskal 1958). Pairs that are not named stay independent, unless others tie them.
    drawn: shares of shape (worlds,) by figure. ranks: by pair of figures. Raises UserError for correlations that no
    law can have together.

    >>> drawn = correlated({"a": shares("a", 9, 0), "b": shares("b", 9, 0)}, {("a", "b"): 0.99})
    >>> bool(np.corrcoef(drawn["a"], drawn["b"])[0, 1] > 0.9)
    True
    """
    names = list(dict.fromkeys(name for pair in ranks for name in pair))
    made = dict(drawn)
    if not names:
        return made
    law = np.eye(len(names))
    for pair, rank in ranks.items():
        one, other = map(names.index, pair)
        law[one, other] = law[other, one] = 2 * np.sin(np.pi * rank / 6)
    try:
        factor = np.linalg.cholesky(law)
    except np.linalg.LinAlgError:
        raise UserError("risk.correlations: no law has all of these at once; weaken one of them") from None
    scores = factor @ quantile(np.array([drawn[name] for name in names]))
    for name, score in zip(names, scores, strict=True):
        made[name] = np.sort(drawn[name])[np.argsort(np.argsort(score, kind="stable"), kind="stable")]
    return made


def checked(inputs: Sequence[Uncertain]) -> tuple[Uncertain, ...]:
    """The inputs; raises UserError naming one whose points do not rise."""
    for one in inputs:
        if not one.low <= one.mid <= one.high:
            raise UserError(f"{one.path}: low, mid and high must not fall ({one.low:g}, {one.mid:g}, {one.high:g})")
    return tuple(inputs)
