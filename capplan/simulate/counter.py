"""The requests of one station on their way: through one pool, or read by one and handed over to another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import heapreplace

import numpy as np

from capplan.simulate.desk import Desk
from capplan.simulate.floor import Floor
from capplan.simulate.outages import Outage
from capplan.simulate.requests import Floats, Ints, Requests
from capplan.simulate.result import Run, in_order
from capplan.simulate.station import Station


@dataclass(frozen=True)
class Served:
    """What happened to the requests of a station, columns of shape (N,) by request; the runs of its pools, each in the
    order in which requests came there. wait_s: in queues, until admission to a batch, of both pools together."""

    first_s: Floats
    answer_s: Floats
    done_s: Floats
    wait_s: Floats
    runs: tuple[Run, ...]


class Counter:
    """Where the requests of one station go.

    source: its requests, whose times of arrival are found out on the way. sent_tokens: of each prompt, what is sent
    from the pool that reads to the one that writes. groups: requests of one group go to the same replica, where there
    are any. A replica that goes down loses its work: what it was reading is read by another one, what it was writing
    begins anew with its prompt. Caches that are on their way arrive.
    """

    def __init__(
        self,
        floor: Floor,
        station: Station,
        source: Requests,
        sent_tokens: Ints,
        groups: Sequence[int] | None,
        *,
        seed: int,
        exact: bool,
        span_s: float,
    ) -> None:
        self.floor, self.station, self.groups = floor, station, groups
        apart = station.readers
        writing = Desk(
            source, station.times, station.policy, seed=seed, exact=exact, span_s=span_s, handed_over=apart is not None
        )
        self.desks = [writing]
        if apart is not None:
            prompts = replace(source, output_tokens=np.ones_like(source.output_tokens), thinking_tokens=0 * sent_tokens)
            reading = Desk(prompts, apart.times, apart.policy, seed=seed, exact=exact, span_s=span_s)
            reading.book.finished = self._read
            self.desks.insert(0, reading)
            self.lanes = [[0.0] * apart.link.lanes for _ in reading.replicas]
            self.way_s: list[float] = apart.link.time_s(sent_tokens).tolist()
        self.places = [floor.add(desk) for desk in self.desks]
        self.homes: list[dict[int, int]] = [{} for _ in self.desks]
        # When requests first came to each desk; and counting from when they would have been there without a break.
        self.came_s = [np.zeros(len(source)) for _ in self.desks]
        self.here_s = [np.zeros(len(source)) for _ in self.desks]
        self.stayed_s: dict[int, float] = {}

    @property
    def arrival_s(self) -> float:
        """From sending a request to its place in the queue."""
        return self.desks[0].times.arrival_s

    def finished(self, told: Callable[[int, float], None]) -> None:
        """`told` hears of every request that is done, and when."""
        self.desks[-1].book.finished = told

    def arrive(self, requests: range, at_s: float) -> None:
        """Requests of one group stand in the first queue."""
        number = self._number(0, requests.start, at_s)
        for request in requests:
            self._come(0, request, number, at_s)

    def expect(self, outages: Sequence[Sequence[Outage]]) -> None:
        """Outages of the replicas of each pool, the one that reads first."""
        for desk, those in enumerate(outages):
            for outage in those:
                self.floor.later(outage.at_s, self._fail, desk, outage)

    def gathered(self) -> Served:
        """What happened to every request."""
        runs = [desk.gathered() for desk in self.desks]
        waits_s = [ran.admitted_s - came_s for ran, came_s in zip(runs, self.came_s, strict=True)]
        last = runs[-1]
        ordered = tuple(
            in_order(ran, here_s - desk.times.arrival_s)
            for ran, here_s, desk in zip(runs, self.here_s, self.desks, strict=True)
        )
        return Served(last.first_s, last.answer_s, last.done_s, np.sum(waits_s, axis=0), ordered)

    def _come(self, desk: int, request: int, number: int, at_s: float, stayed_s: float = 0.0) -> None:
        if not stayed_s:
            self.came_s[desk][request] = at_s
        self.here_s[desk][request] = at_s - stayed_s
        self.floor.send(self.places[desk], request, number, at_s)

    def _number(self, desk: int, request: int, at_s: float) -> int:
        """The replica that a request's group goes to."""
        if self.groups is None:
            return self.desks[desk].chosen(at_s)
        homes, group = self.homes[desk], self.groups[request]
        if group not in homes:
            homes[group] = self.desks[desk].chosen(at_s)
        return homes[group]

    def _read(self, request: int, now_s: float) -> None:
        """A prompt's cache goes out over the first lane that is free."""
        lanes = self.lanes[self.desks[0].book.replica[request]]
        there_s = max(now_s, lanes[0]) + self.way_s[request]
        heapreplace(lanes, there_s)
        self.floor.later(there_s, self._hand_over, request)

    def _hand_over(self, at_s: float, request: int) -> None:
        self._come(1, request, self._number(1, request, at_s), at_s, self.stayed_s.pop(request, 0.0))

    def _fail(self, at_s: float, desk: int, outage: Outage) -> None:
        for request in self.floor.fail(self.places[desk], outage):
            if desk == 0:
                self.floor.send(self.places[0], request, self.desks[0].freest_up(at_s), at_s)
                continue
            self.stayed_s[request] = at_s - self.here_s[1][request]
            read_s = self.desks[0].book.done_s[request] - self.here_s[0][request]
            self._come(0, request, self.desks[0].freest_up(at_s), at_s, read_s)
