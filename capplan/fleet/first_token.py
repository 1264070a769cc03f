"""Waiting before a prompt's first chunk: behind the running step and the prompts that came before.

Prompts that arrive during a step are computed in the next one, together: a gated queue whose cycle C is a decode step
and the prompts that came during the last cycle. With decode step d, prompts of p seconds at rate r, busy = r E[p]:
    E[C] = d / (1 - busy),   E[C^2] / E[C] = d / (1 - busy) + r E[p^2] / (1 - busy^2)
An arrival waits for the rest of its cycle, then rides with what came in that cycle before and after it.
Source: the moments of gated vacation queues, Takagi 1991, "Queueing Analysis" vol. 1, ch. 2; for d = 0 the M/G/1 queue.

Behind a router to the replica that serves the fewest, a prompt meets others as long as places of that replica are
open; answers hardly end while it is read, so at most about J join it, however long it is. Their waits, r p^2 / 2 in
all for a short prompt and J p for a long one, are taken as r p^2 / 2 / (1 + r p / (2 J)) at the prompt that the mean
wait is about, E[p^2] / E[p].
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.records import dataclass

Floats = NDArray[np.float64]

_MOST_BUSY = 0.98


@dataclass(frozen=True)
class Wait:
    """Of the arrivals at one replica. steady_s: what all of them wait. chance: of a wait behind prompts beyond that;
    mean_s, square_s2: of it over all arrivals, its mean and mean square."""

    steady_s: Floats
    chance: Floats
    mean_s: Floats
    square_s2: Floats


def prompt_wait(
    rate_per_s: ArrayLike,
    decode_s: ArrayLike,
    prompt_s: ArrayLike,
    square: ArrayLike = 1.0,
    cube: ArrayLike = 1.0,
    gaps_cv2: ArrayLike = 1.0,
    per_joiner: ArrayLike = 0.0,
) -> Wait:
    """Wait before the own prompt is worked on.

    decode_s: a step without prefill. prompt_s: of a mean prompt. square, cube: E[p^2] / E[p]^2 and E[p^3] / E[p]^3.
    gaps_cv2: squared coefficient of variation of the gaps between arrivals at the replica. Beside Poisson's 1 the work
    in a cycle varies by (square - 1 + gaps_cv2) where it varied by square, and evenly spaced prompts meet less often.
    per_joiner: 1 / J, 0 where there is no other replica to go to.

    >>> wait = prompt_wait(0.5, 0.0, 1.0)
    >>> float(wait.chance), round(float(wait.mean_s), 3)  # of M/D/1 the wait is 0.5; gating adds what comes after
    (0.5, 0.667)
    """
    rate, prompt = np.asarray(rate_per_s, np.float64), np.asarray(prompt_s, np.float64)
    busy = np.clip(rate * prompt, 0.0, _MOST_BUSY)
    uneven = np.asarray(gaps_cv2, np.float64)
    variation = np.maximum(np.asarray(square, np.float64) - 1 + uneven, 0.0)
    met = np.minimum(variation / square, 1.0)
    # The rest of a cycle is half of it seen by an arrival; what came before and will come after it fills the next.
    seen = 0.5 + busy
    cycle_s = np.asarray(decode_s, np.float64) * (1 + met * busy / (1 - busy))
    kept_away = 1 + np.asarray(per_joiner, np.float64) * busy * np.asarray(square) / 2
    mean_s = seen * busy * prompt * variation / (1 - np.square(busy)) / kept_away
    chance = busy * met
    square_s2 = (
        2 * np.square(mean_s) + chance * np.square(prompt) * np.asarray(cube) / (3 * (1 - busy)) / kept_away / kept_away
    )
    return Wait((0.5 + busy * met) * cycle_s, chance, mean_s, square_s2)
