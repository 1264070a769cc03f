"""How long prompts, thoughts and answers are: a law of lengths and what follows from it."""

import math
from dataclasses import field
from functools import cached_property
from typing import Any

from capplan.records import dataclass

# Midpoints of equal shares, on which a law without a closed form is integrated.
_GRID = 2000


@dataclass(frozen=True)
class Length:
    """A law of lengths in tokens.

    law: constant | lognormal | quantiles | mixture. parameters: what was given, by name: `tokens`; `mean` and `cv`, or
    `p50` and `p99`; `p1` ... `p99.9`, `mean`, `max`. workload: the shipped workload that it came from, '' otherwise.
    kinds: of a mixture, each with its share.
    """

    law: str
    parameters: tuple[tuple[str, float], ...]
    workload: str = field(default="")
    kinds: "tuple[tuple[float, Length], ...]" = field(default=())

    def parameter(self, name: str) -> float | None:
        """One of the given figures, None where it was not given."""
        return dict(self.parameters).get(name)

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of the given quantiles, rising: 0.5 for p50."""
        return tuple(share for share, _ in self._points)

    @property
    def quantile_tokens(self) -> tuple[float, ...]:
        """Lengths at `shares`."""
        return tuple(tokens for _, tokens in self._points)

    @property
    def _points(self) -> list[tuple[float, float]]:
        return sorted((share_of(name), tokens) for name, tokens in self.parameters if name[0] == "p")

    @property
    def maximum_tokens(self) -> float:
        """The longest there is; infinite unless given."""
        longest = self.parameter("max")
        return math.inf if longest is None else longest

    @property
    def mu(self) -> float:
        """Mean of ln(tokens) of a lognormal law."""
        median = self.parameter("p50")
        return math.log(median) if median is not None else math.log(self._given("mean")) - self.sigma**2 / 2

    @property
    def sigma(self) -> float:
        """Standard deviation of ln(tokens) of a lognormal law."""
        if (cv := self.parameter("cv")) is not None:
            return math.sqrt(math.log1p(cv * cv))
        return math.log(self._given("p99") / self._given("p50")) / z_score(0.99)

    def _given(self, name: str) -> float:
        return dict(self.parameters)[name]

    @cached_property
    def mean_tokens(self) -> float:
        """Mean length: as given, or that of the law."""
        if self.law == "constant":
            return self._given("tokens")
        if self.kinds:
            return sum(share * kind.mean_tokens for share, kind in self.kinds)
        if (mean := self.parameter("mean")) is not None:
            return mean
        if self.law == "lognormal":
            return math.exp(self.mu + self.sigma**2 / 2)
        return sum(min(self.at((i + 0.5) / _GRID), self.maximum_tokens) for i in range(_GRID)) / _GRID

    def at(self, share: float) -> float:
        """ln(length) runs straight between the points over the normal score, and on beyond the outermost."""
        zs, logs = self._scores
        z = z_score(share)
        at = min(max(sum(known < z for known in zs) - 1, 0), len(zs) - 2)
        slope = (logs[at + 1] - logs[at]) / (zs[at + 1] - zs[at])
        return math.exp(logs[at] + slope * (z - zs[at]))

    @cached_property
    def _scores(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return tuple(z_score(s) for s in self.shares), tuple(math.log(t) for t in self.quantile_tokens)

    def written(self) -> Any:
        """As in a scenario file: a bare number, the law with its figures, or the workload's name."""
        if self.workload:
            return self.workload
        if self.kinds:
            return {"mixture": [{"share": share, **kind._figures()} for share, kind in self.kinds]}
        return self._figures()["tokens"] if self.law == "constant" else self._figures()

    def _figures(self) -> dict[str, Any]:
        figures = {name: int(v) if v.is_integer() else v for name, v in self.parameters}
        return figures if self.law == "constant" else {self.law: figures}


def share_of(name: str) -> float:
    """What a quantile's name says: 0.999 for p99.9."""
    return float(name[1:]) / 100


def z_score(share: float) -> float:
    """The standard normal score below which a share lies."""
    from statistics import NormalDist  # rare and slow to import: most lengths are plain numbers

    return NormalDist().inv_cdf(share)
