"""Replicas that go down: GPUs that fail, spot GPUs that are taken back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outage:
    """A replica loses all its work at a moment and serves again from another on."""

    at_s: float
    replica: int
    until_s: float


def outages(
    replicas: int, every_s: float, repair_s: float, start_s: float, end_s: float, seed: int | Sequence[int]
) -> tuple[Outage, ...]:
    """Outages of each replica between two moments, in order of time.

    every_s: mean time for which a replica is up, by the exponential law; inf for never. repair_s: for which it is down.
    """
    if not np.isfinite(every_s):
        return ()
    rng = np.random.default_rng(seed)
    found = []
    for replica in range(replicas):
        at_s = start_s
        while (at_s := at_s + float(rng.exponential(every_s))) < end_s:
            found.append(Outage(at_s, replica, at_s + repair_s))
            at_s += repair_s
    return tuple(sorted(found, key=lambda outage: (outage.at_s, outage.replica)))
