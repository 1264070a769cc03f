"""What happened to every request of one pool."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from capplan.engine.steptimes import StepTimes
from capplan.simulate.policy import Policy
from capplan.simulate.requests import Floats, Ints, Requests, select


@dataclass(frozen=True)
class Totals:
    """Sums over the replicas and the whole run, from the first arrival to the last answer."""

    span_s: float
    busy_s: float
    sequences_s: float
    present_s: float
    decode_steps: int
    events: int
    preemptions: int
    lost_tokens: int = 0
    outages: int = 0


@dataclass(frozen=True)
class Run:
    """What happened to every request of one pool; columns of shape (N,) in order of arrival.

    admitted_s, first_s, answer_s, done_s: times of admission, first token, first answer token and last token.
    samples: a replica's (time, waiting, running, KV blocks in use) rows, at most 1,024 each.
    """

    requests: Requests
    times: StepTimes
    policy: Policy
    admitted_s: Floats
    first_s: Floats
    answer_s: Floats
    done_s: Floats
    replica: Ints
    preempted: Ints
    samples: tuple[NDArray[np.float64], ...]
    totals: Totals


def in_order(ran: Run, arrival_s: Floats) -> Run:
    """The run with the times at which its requests came, which it did not know before, and sorted by them."""
    order = np.argsort(arrival_s, kind="stable")
    source = select(ran.requests, order, arrival_s)
    span_s = float(ran.done_s.max() - source.arrival_s[0]) if len(source) else 0.0
    names = ("admitted_s", "first_s", "answer_s", "done_s", "replica", "preempted")
    columns = {name: getattr(ran, name)[order] for name in names}
    return replace(ran, requests=source, totals=replace(ran.totals, span_s=span_s), **columns)
