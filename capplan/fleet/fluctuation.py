"""How far the number in service swings around its mean, and what that does to the time in service.

Requests of a replica share its steps: more of them make every step longer, so each stays longer and yet more are there.
Linearised around the mean (a fluid with noise): arrivals bring a request and its prefill, which stops all others; the
pace of decode falls with the number in service. Slow swings decide, for which everything below is exact:

    dn/n (1 - slope) = noise of (1 + a) arrivals + a x prompt lengths,   a = busy / (1 - busy) of prefill

A router to the least loaded replica keeps the numbers level, so that the fleet swings as one.
Sources: Eckberg 1983, "Generalized peakedness of teletraffic processes"; Whitt 1984, "Heavy-traffic approximations for
service systems with blocking" (z = 1 + (c^2 - 1) x integral of P(S > t)^2 / E[S]); slope: Mandelbaum, Massey & Reiman
1998, "Strong approximations for Markovian service networks" (noise over twice the pull back to the mean).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.records import dataclass

Floats = NDArray[np.float64]

# The pull back to the mean vanishes as the slope nears 1; beyond this the linear picture has nothing to say.
MOST_SLOPE = 0.95
_MOST_BUSY = 0.9


@dataclass(frozen=True)
class Traffic:
    """What makes the numbers swing; scalars or arrays.

    arrival_cv: of the gaps between arrivals at the fleet. prompt_cv: of the prefill time of a request. lingering: of
    the service times, see `mixture.lingering`. busy: share of a replica's time that prefill takes. slope: d log
    decode step / d log number. present: requests in service over all replicas.
    """

    arrival_cv: ArrayLike
    prompt_cv: ArrayLike
    lingering: ArrayLike
    busy: ArrayLike
    slope: ArrayLike
    present: ArrayLike


def peakedness(arrival_cv: ArrayLike, lingering: ArrayLike) -> Floats:
    """Variance over mean of the number in service where there is always room and nobody slows another down.

    >>> float(peakedness(2.0, 0.5))  # exponential service: (c^2 + 1) / 2
    2.5
    >>> float(peakedness(2.0, 1.0))  # constant service: as the arrivals
    4.0
    """
    z: Floats = 1.0 + (np.square(np.asarray(arrival_cv, np.float64)) - 1.0) * np.asarray(lingering, np.float64)
    return z


def number_cv2(traffic: Traffic) -> Floats:
    """Variance of the number in service over its squared mean.

    >>> calm = Traffic(2.0, 0.0, 0.5, 0.0, 0.0, 100.0)
    >>> float(number_cv2(calm).round(9))  # z / mean = 2.5 / 100
    0.025
    """
    a, slope, present = _parts(traffic)
    linger, gaps2 = (
        np.minimum(np.asarray(traffic.lingering, np.float64), 1.0),
        np.square(np.asarray(traffic.arrival_cv, np.float64)),
    )
    shared = linger * (np.square(1 + a) * gaps2 + np.square(a * np.asarray(traffic.prompt_cv)))
    result: Floats = (1 - linger + shared) / (present * (1 - slope))
    return result


def pace_cv2(traffic: Traffic) -> Floats:
    """Variance of the time per token, seen by whole answers, over its squared mean: what all replicas share.

    >>> float(pace_cv2(Traffic(2.0, 0.0, 0.5, 0.0, 0.0, 100.0)))  # nobody slows another down
    0.0
    """
    a, slope, present = _parts(traffic)
    linger, gaps2 = (
        np.minimum(np.asarray(traffic.lingering, np.float64), 1.0),
        np.square(np.asarray(traffic.arrival_cv, np.float64)),
    )
    shared = linger * (np.square(a + slope) * gaps2 + np.square(a * np.asarray(traffic.prompt_cv)))
    result: Floats = ((1 - linger) * np.square(slope) + shared) / (present * (1 - slope))
    return result


def averaged(time_over_memory: ArrayLike) -> Floats:
    """Variance left of a fluctuation with exponentially fading memory when it is averaged over a time.

    >>> averaged([1e-9, 1.0]).round(4).tolist()
    [1.0, 0.7358]
    """
    x = np.maximum(np.asarray(time_over_memory, np.float64), 1e-4)
    left: Floats = 2 * (x + np.expm1(-x)) / np.square(x)
    return left


def _parts(traffic: Traffic) -> tuple[Floats, Floats, Floats]:
    busy = np.clip(np.asarray(traffic.busy, np.float64), 0.0, _MOST_BUSY)
    slope = np.clip(np.asarray(traffic.slope, np.float64), 0.0, MOST_SLOPE)
    return busy / (1 - busy), slope, np.maximum(np.asarray(traffic.present, np.float64), 1e-9)
