"""Several desks on one clock: events of all their replicas, and what is to happen at given times."""

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Any

from capplan.simulate.desk import Desk
from capplan.simulate.outages import Outage
from capplan.simulate.replica import Replica


class Floor:
    """Replicas and appointments in order of time; appointments first, in the order in which they were made."""

    def __init__(self) -> None:
        self.desks: list[Desk] = []
        self._first: list[int] = []
        self._fleet: list[Replica] = []
        self._due_s: list[float] = []
        self._agenda: list[tuple[float, int]] = []
        self._coming: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._made = 0

    def add(self, desk: Desk) -> int:
        """Its place, by which it is known here."""
        self._first.append(len(self._fleet))
        self._fleet += desk.replicas
        self._due_s += [inf] * len(desk.replicas)
        self.desks.append(desk)
        return len(self.desks) - 1

    def later(self, at_s: float, what: Callable[..., None], *about: Any) -> None:
        """At that time `what(at_s, *about)` is done."""
        self._made += 1
        heappush(self._coming, (at_s, self._made, what, about))

    def send(self, place: int, request: int, number: int, at_s: float) -> None:
        """A request arrives at a replica of a desk."""
        event_s = self.desks[place].send(request, number, at_s)
        number += self._first[place]
        if event_s != self._due_s[number]:
            self._due_s[number] = event_s
            heappush(self._agenda, (event_s, number))

    def fail(self, place: int, outage: Outage) -> list[int]:
        """A replica of a desk goes down; the requests that were there."""
        number = self._first[place] + outage.replica
        here, tokens = self._fleet[number].fail(outage.at_s, outage.until_s)
        self._due_s[number] = inf
        self.desks[place].note_outage(tokens)
        return here

    def serve(self, until_s: float = inf) -> None:
        """All events before that time, and all appointments up to it."""
        fleet, due_s, agenda, coming = self._fleet, self._due_s, self._agenda, self._coming
        while agenda or coming:
            if agenda and (not coming or agenda[0][0] < coming[0][0]):
                if agenda[0][0] >= until_s:
                    return
                at_s, number = heappop(agenda)
                if due_s[number] == at_s:  # else an arrival has moved this replica's next event
                    due_s[number] = at_s = fleet[number].proceed()
                    if at_s < inf:
                        heappush(agenda, (at_s, number))
                continue
            if coming[0][0] > until_s:
                return
            at_s, _, what, about = heappop(coming)
            what(at_s, *about)
