"""One pool of replicas serves requests: the loop over arrivals."""

from collections.abc import Callable, Sequence
from math import inf

from capplan.engine.steptimes import StepTimes
from capplan.simulate.desk import Desk
from capplan.simulate.floor import Floor
from capplan.simulate.outages import Outage
from capplan.simulate.policy import Policy
from capplan.simulate.replica import Replica
from capplan.simulate.requests import Requests
from capplan.simulate.result import Run

Progress = Callable[[int], None]
PROGRESS_EVERY = 10_000


def run(
    requests: Requests,
    times: StepTimes,
    policy: Policy | None = None,
    *,
    seed: int = 0,
    exact: bool = False,
    progress: Progress | None = None,
    outages: Sequence[Outage] = (),
) -> Run:
    """Serve the requests by one pool and say when each token milestone was reached.

    outages: in order of time; a replica that goes down loses its work, and its requests begin anew on the others.
    seed: for the router's predictions; nothing else here is random. exact: step one token at a time.
    progress: called with the number of requests that have arrived, every 10,000.
    Raises UserError where a request could never fit the KV cache, or a setting is out of range.
    """
    span_s = float(requests.arrival_s[-1] - requests.arrival_s[0]) if len(requests) else 0.0
    desk = Desk(requests, times, policy or Policy(), seed=seed, exact=exact, span_s=span_s)
    if len(desk.replicas) == 1 and not outages:
        _serve_alone(desk.replicas[0], requests, progress)
    else:
        _serve(desk, progress, outages)
    return desk.gathered()


def _serve_alone(replica: Replica, requests: Requests, progress: Progress | None) -> None:
    """As `_serve`, a seventh faster: one replica without outages needs no agenda."""
    arrive, proceed = replica.arrive, replica.proceed
    due_s = inf
    for request, at_s in enumerate(_queued_s(requests, replica.times)):
        while due_s < at_s:
            due_s = proceed()
        due_s = arrive(request, at_s)
        if progress and request % PROGRESS_EVERY == 0:
            progress(request)
    while due_s < inf:
        due_s = proceed()


def _queued_s(requests: Requests, times: StepTimes) -> list[float]:
    """When each request stands in its queue."""
    queued_s: list[float] = (requests.arrival_s + times.arrival_s).tolist()
    return queued_s


def _serve(desk: Desk, progress: Progress | None, outages: Sequence[Outage]) -> None:
    floor = Floor()
    place = floor.add(desk)

    def go_down(at_s: float, outage: Outage) -> None:
        for request in floor.fail(place, outage):
            floor.send(place, request, desk.freest_up(at_s), at_s)

    for outage in outages:
        floor.later(outage.at_s, go_down, outage)
    for request, at_s in enumerate(_queued_s(desk.requests, desk.times)):
        floor.serve(at_s)
        floor.send(place, request, desk.chosen(at_s), at_s)
        if progress and request % PROGRESS_EVERY == 0:
            progress(request)
    floor.serve()
