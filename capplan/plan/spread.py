"""How unequal the queries of a load are: what percentiles need beside the means of a `Demand`."""

from typing import Any

import numpy as np

from capplan.fleet import mixture
from capplan.reasoning.demand import Demand
from capplan.records import dataclass

_POWERS = (2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Spread:
    """Of prompts, relative to their mean, and of the tokens of an answer; arrays of one shape.

    p50, p95, p99: prompt over mean prompt. power2 .. power6: mean of the prompt's powers over those of its mean.
    lingering: of the tokens, see `mixture.lingering`. tokens_cv: their coefficient of variation.
    """

    p50: Any
    p95: Any
    p99: Any
    power2: Any
    power3: Any
    power4: Any
    power5: Any
    power6: Any
    lingering: Any
    tokens_cv: Any

    def prompt(self, which: str, bend: Any) -> Any:
        """Prefill time of the prompt at a percentile over that of the mean; `bend` of it grows with the square."""
        relative = getattr(self, which)
        return (1 - bend) * relative + bend * np.square(relative) / self.power2

    def prefill_moments(self, bend: Any) -> tuple[Any, Any]:
        """E[p^2] / E[p]^2 and E[p^3] / E[p]^3 of prefill times p, multiplied out.

        >>> even = Spread(*np.ones(10))
        >>> [round(float(moment), 9) for moment in even.prefill_moments(0.3)]
        [1.0, 1.0]
        """
        flat, bent = 1 - bend, bend / self.power2
        square = flat**2 * self.power2 + 2 * flat * bent * self.power3 + bent**2 * self.power4
        cube = (flat**3 * self.power3 + 3 * flat**2 * bent * self.power4
                + 3 * flat * bent**2 * self.power5 + bent**3 * self.power6)  # fmt: skip
        return square, cube


def spread(prompt: Any, asked: Demand) -> Spread:
    """prompt: prompts over their mean at `mixture.SCORES`, shape (scenarios, scores); asked: shape (scenarios,)."""
    tokens = mixture.spread(asked.sequential_p50_tokens, asked.sequential_p95_tokens, asked.sequential_p99_tokens)
    square = mixture.mean(np.square(tokens)) / np.square(mixture.mean(tokens))
    percentiles = [mixture.at(prompt, which) for which in mixture.Z]
    powers = [mixture.mean(prompt**power) for power in _POWERS]
    uneven = np.sqrt(np.maximum(square - 1.0, 0.0))
    return Spread(*[*percentiles, *powers, mixture.lingering(tokens), uneven])
