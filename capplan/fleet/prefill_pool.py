"""Waiting for one of several replicas that only read prompts, behind a router to the one with the fewest of them.

Who finds every replica busy joins one of them: it waits for the rest of the step that runs there and for its part of
those that wait already, and it rides with those that come to the same replica before that step ends. With B the share
of the time in which a replica is busy, R the rest of a step, p a prompt, and P replicas, those who wait do so for
    E[R] (1 + mates) + E[p] (ca^2 + cp^2) / 2 x r / ((1 - r) P),   r = rate p,
in the mean: routed to the fewest, the replicas hold together what a common queue would, r / (1 - r) while all are busy.
All are with the chance B^(sqrt(2 c + 2) - 1), c = P over the peakedness of the arrivals. Mates are those that come at
the pool's rate for one replica, as far as the others stay busy meanwhile; bursts add to them.
Exact for one replica that reads one prompt at a time (M/G/1, mean and mean square). Beside simulations of 1 to 40
replicas, 40 to 85 % busy, a prompt takes with its wait up to a quarter longer or shorter than planned, mostly shorter
(tests/fleet/test_prefill_pool.py).
Sources: Takagi 1991, "Queueing Analysis" vol. 1; H. Sakasegawa 1977, "An approximation formula L_q = a rho^b /
(1 - rho)", for the chance; A. A. Fredericks 1980, "Congestion in blocking systems", for c.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.fleet.first_token import Wait
from capplan.fleet.fluctuation import peakedness
from capplan.records import dataclass

Floats = NDArray[np.float64]

_MOST_BUSY = 0.98
_ROUNDS = 4
# By simulation of 1 to 40 replicas: with others to go to, few of those who come later join a replica that is busy.
_ELSEWHERE = 3.0


@dataclass(frozen=True)
class Prompts:
    """What comes to the pool; scalars or arrays.

    each_s: what a mean prompt adds to a step. step_s: what a step takes beside its prompts. square, cube: E[p^2] /
    E[p]^2 and E[p^3] / E[p]^3. arrival_cv: of the gaps between arrivals at the pool. together: mean prompts that a step
    has room for.
    """

    each_s: ArrayLike
    step_s: ArrayLike = 0.0
    square: ArrayLike = 1.0
    cube: ArrayLike = 1.0
    arrival_cv: ArrayLike = 1.0
    together: ArrayLike = 1.0


def pool_wait(replicas: ArrayLike, rate_per_s: ArrayLike, prompts: Prompts) -> Wait:
    """Wait before the step in which the own prompt is read, at so many prompts a second for each replica.

    replicas: from 1 up. Arrays broadcast.

    >>> wait = pool_wait(1, 0.5, Prompts(1.0))
    >>> float(wait.chance), round(float(wait.mean_s), 9)  # M/D/1
    (0.5, 0.5)
    """
    rate, each_s = np.asarray(rate_per_s, np.float64), np.asarray(prompts.each_s, np.float64)
    beside_s, count = np.asarray(prompts.step_s, np.float64), np.asarray(replicas, np.float64)
    square, cube = np.asarray(prompts.square, np.float64), np.asarray(prompts.cube, np.float64)
    room = np.clip(np.asarray(prompts.together, np.float64) - 1.0, 0.0, 1.0)
    # The lesser of two prompts over the mean is 1 / square for constant and for exponential ones.
    bursts = np.square(np.asarray(prompts.arrival_cv, np.float64)) - 1.0
    power = np.sqrt(2 * count / peakedness(prompts.arrival_cv, 1 / square) + 2) - 1.0
    number = np.ones(np.broadcast_shapes(rate.shape, each_s.shape, beside_s.shape, count.shape))
    for _ in range(_ROUNDS):
        busy = np.clip(rate * (each_s + beside_s / number), 0.0, _MOST_BUSY)
        chance = busy**power
        ride = room * chance ** (_ELSEWHERE * (1 - 1 / count))
        # Prompts in a step: those that came during the one before, one at least.
        came = np.maximum(rate * (beside_s + number * each_s), 1e-12)
        number = 1 + ride * (np.minimum(came / -np.expm1(-came), prompts.together) - 1)
    uneven = number * np.square(each_s) * (square - 1.0)
    step_s = beside_s + number * each_s
    mates = 1 + ride * rate * each_s * np.maximum(1 + bursts / count, 0.0)
    rest_s = (np.square(step_s) + uneven) / (2 * step_s) * mates
    third = number * each_s**3 * (cube - 3 * square + 2)
    rest_s2 = (step_s**3 + 3 * step_s * uneven + third) / (3 * step_s) * np.square(mates)
    load = np.clip(rate * each_s, 0.0, _MOST_BUSY)  # what steps take beside prompts is shared by all that ride
    queue = load / ((1 - load) * count)
    behind_s = each_s * (bursts + square) / 2 * queue
    square_s2 = rest_s2 * (1 + queue) + 2 * rest_s * behind_s + 2 * np.square(behind_s)
    return Wait(np.zeros_like(chance), chance, chance * (rest_s + behind_s), chance * square_s2)
