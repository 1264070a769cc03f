"""Queries of several requests: rounds that wait for one another, on one clock for writer and verifier."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf

import numpy as np

from capplan.engine.steptimes import StepTimes
from capplan.reasoning.rounds import Round
from capplan.simulate.outcome import Outcome, alone_s
from capplan.simulate.policy import Policy, Routing
from capplan.simulate.requests import Floats, Ints, Requests
from capplan.simulate.run import PROGRESS_EVERY, Desk, Progress, Run, in_order


@dataclass(frozen=True, eq=False)
class Station:
    """Replicas of one model, and whether a query's later requests find there what its earlier ones read."""

    times: StepTimes
    policy: Policy
    caches: bool = False


def run_chain(
    queries: Requests,
    rounds: Sequence[Round],
    stations: Sequence[Station],
    *,
    seed: int = 0,
    exact: bool = False,
    progress: Progress | None = None,
) -> tuple[Outcome, tuple[Run, ...]]:
    """Serve queries round by round; what their users saw, and the run of each station's requests.

    queries: when they come, and their classes; their tokens are those of the rounds. stations: the writer's replicas,
    then those of a verifier that is another model, if there is one.
    The requests of a round go to one replica together, and where prefixes are cached all rounds of a query do.
    TTFT is that of the first round's first token; TTFO of the last round's last first-answer token, for nothing is sure
    before the last sample or verdict. Raises UserError where a station could never run a request.
    """
    return _Chain(queries, rounds, stations, seed, exact).serve(progress)


class _Chain:
    """All queries under way: how many requests of each are out, and which round follows when the last one is in."""

    def __init__(
        self, queries: Requests, rounds: Sequence[Round], stations: Sequence[Station], seed: int, exact: bool
    ) -> None:
        self.queries, self.rounds, self.stations = queries, rounds, stations
        count = len(queries)
        self.at = [len(stations) - 1 if made.judging else 0 for made in rounds]  # the station of each round
        span_s = float(queries.arrival_s[-1] - queries.arrival_s[0]) if count else 0.0
        self.start, sources = _laid_out(queries, rounds, self.at, stations)
        self.desks = [
            Desk(source, station.times, station.policy, seed=seed, exact=exact, span_s=span_s)
            for source, station in zip(sources, stations, strict=True)
        ]
        self.sent_s = [np.zeros(len(source)) for source in sources]
        self.query = [self._queries_of(station) for station in range(len(stations))]
        self.out, self.round = [0] * count, [-1] * count
        self.homes: list[dict[int, int]] = [{} for _ in stations]
        self.turns = [0] * len(stations)
        self.coming: list[tuple[float, int, int]] = []  # time in the queue, query, round
        for station, desk in enumerate(self.desks):
            desk.book.finished = self._finisher(station)

    def serve(self, progress: Progress | None) -> tuple[Outcome, tuple[Run, ...]]:
        """Events of all replicas and arrivals of all rounds in order of time; arrivals first, then by replica."""
        for query, at_s in enumerate(self.queries.arrival_s.tolist()):
            self._go_on(query, at_s)
        heapify(self.coming)
        fleet = [replica for desk in self.desks for replica in desk.replicas]
        first = [sum(len(desk.replicas) for desk in self.desks[:at]) for at in range(len(self.desks))]
        due_s = [inf] * len(fleet)
        agenda: list[tuple[float, int]] = []
        coming, begun = self.coming, 0
        while coming or agenda:
            if agenda and (not coming or agenda[0][0] < coming[0][0]):
                at_s, number = heappop(agenda)
                if due_s[number] == at_s:  # else an arrival has moved this replica's next event
                    due_s[number] = at_s = fleet[number].proceed()
                    if at_s < inf:
                        heappush(agenda, (at_s, number))
                continue
            at_s, query, at_round = heappop(coming)
            station = self.at[at_round]
            number = first[station] + self._sent(query, at_round, at_s)
            event_s = fleet[number].end_s
            if event_s != due_s[number]:
                due_s[number] = event_s
                heappush(agenda, (event_s, number))
            if not at_round:
                begun += 1
                if progress and begun % PROGRESS_EVERY == 0:
                    progress(begun)
        return self._result()

    def _go_on(self, query: int, at_s: float) -> None:
        """Send the query's next round, if there is one."""
        for at_round in range(self.round[query] + 1, len(self.rounds)):
            if query in self.start[at_round]:
                self.round[query] = at_round
                desk = self.desks[self.at[at_round]]
                heappush(self.coming, (at_s + desk.times.arrival_s, query, at_round))
                return

    def _sent(self, query: int, at_round: int, at_s: float) -> int:
        """All requests of a round arrive at one replica of its station, whose number is returned."""
        station = self.at[at_round]
        desk, start, requests = self.desks[station], self.start[at_round][query], self.rounds[at_round].requests
        number = self.homes[station].get(query)
        if number is None:
            number = self._chosen(station)
            if self.stations[station].caches or self.rounds[at_round].judging:
                self.homes[station][query] = number
        self.out[query] = requests
        self.sent_s[station][start : start + requests] = at_s - desk.times.arrival_s
        for request in range(start, start + requests):
            desk.send(request, number, at_s)
        return number

    def _chosen(self, station: int) -> int:
        desk = self.desks[station]
        if desk.policy.routing is not Routing.ROUND_ROBIN:
            return desk.freest()
        self.turns[station] += 1
        return (self.turns[station] - 1) % len(desk.replicas)

    def _finisher(self, station: int) -> Callable[[int, float], None]:
        query_of, out = self.query[station], self.out

        def finished(request: int, now_s: float) -> None:
            query = query_of[request]
            out[query] -= 1
            if not out[query]:
                self._go_on(query, now_s)

        return finished

    def _queries_of(self, station: int) -> list[int]:
        mine = [made for made, at in zip(self.rounds, self.at, strict=True) if at == station]
        return [query for made in mine for query in np.repeat(made.who, made.requests).tolist()]

    def _result(self) -> tuple[Outcome, tuple[Run, ...]]:
        runs = [desk.gathered() for desk in self.desks]
        seen = _seen(self.queries, self.rounds, self.at, self.start, runs, self.sent_s)
        ordered = [in_order(ran, sent_s) for ran, sent_s in zip(runs, self.sent_s, strict=True)]
        return seen, tuple(ordered)


def _seen(
    queries: Requests,
    rounds: Sequence[Round],
    at: Sequence[int],
    start: Sequence[dict[int, int]],
    runs: Sequence[Run],
    sent_s: Sequence[Floats],
) -> Outcome:
    """What the users of the queries saw, from the milestones of their requests."""
    count = len(queries)
    first_s, answer_s, done_s = (np.zeros(count) for _ in range(3))
    writing_s, gaps, wait_s, apart_s = (np.zeros(count) for _ in range(4))
    output_tokens = np.zeros(count, dtype=np.int64)
    for at_round, made in enumerate(rounds):
        if not len(made.who):
            continue
        ran, who, shape = runs[at[at_round]], made.who, made.prompt_tokens.shape
        those = slice(start[at_round][int(who[0])], start[at_round][int(who[0])] + made.prompt_tokens.size)
        first, answer, done, waited = (
            column[those].reshape(shape)
            for column in (ran.first_s, ran.answer_s, ran.done_s, ran.admitted_s - sent_s[at[at_round]])
        )
        if not at_round:
            first_s[who] = first.min(axis=1)
        answer_s[who], done_s[who] = answer.max(axis=1), done.max(axis=1)
        wait_s[who] += waited.max(axis=1) - ran.times.arrival_s
        apart_s[who] += alone_s(ran.times, made.prompt_tokens, made.output_tokens, made.requests).max(axis=1)
        if not made.judging:
            writing_s[who] += (done - first).sum(axis=1)
            gaps[who] += (made.output_tokens - 1).sum(axis=1)
            output_tokens[who] += made.output_tokens.sum(axis=1)
    itl_s = np.full(count, np.nan)
    np.divide(writing_s, gaps, out=itl_s, where=gaps > 0)
    return Outcome(
        arrival_s=queries.arrival_s,
        ttft_s=first_s - queries.arrival_s,
        ttfo_s=answer_s - queries.arrival_s,
        itl_s=itl_s,
        tta_s=done_s - queries.arrival_s,
        wait_s=wait_s,
        alone_s=apart_s,
        output_tokens=output_tokens,
        class_index=queries.class_index,
        classes=queries.classes,
    )


def _laid_out(
    queries: Requests, rounds: Sequence[Round], at: Sequence[int], stations: Sequence[Station]
) -> tuple[list[dict[int, int]], list[Requests]]:
    """By round, the number of each query's first request at its station; by station, its requests, round by round."""
    start, sources = [], []
    counts = [0] * len(stations)
    for made, here in zip(rounds, at, strict=True):
        begin = counts[here]
        start.append({query: begin + made.requests * index for index, query in enumerate(made.who.tolist())})
        counts[here] += made.prompt_tokens.size
    for number, station in enumerate(stations):
        mine = [(at_round, made) for at_round, made in enumerate(rounds) if at[at_round] == number]
        pages, blocks, leaves = _pages(mine, station, len(rounds))
        source = Requests(
            arrival_s=np.zeros(counts[number]),  # when they come is found out on the way
            prompt_tokens=_joined([made.prompt_tokens.ravel() for _, made in mine]),
            output_tokens=_joined([made.output_tokens.ravel() for _, made in mine]),
            thinking_tokens=_joined([made.thinking_tokens.ravel() for _, made in mine]),
            class_index=_joined([np.repeat(queries.class_index[made.who], made.requests) for _, made in mine]),
            classes=queries.classes,
            pages=pages,
            page_blocks=blocks,
            leaves=leaves,
        )
        sources.append(source)
    return start, sources


def _joined(columns: Sequence[Ints]) -> Ints:
    return np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)


def _pages(
    mine: Sequence[tuple[int, Round]], station: Station, rounds: int
) -> tuple[list[tuple[int, ...]] | None, dict[int, int], dict[int, int]]:
    """Pages of each request, the KV blocks of each page, and which page a request's output makes: pieces that a
    query's requests share, those of one round or, where prefixes are cached, all."""
    if not any(station.caches or made.forked or made.judging for _, made in mine):
        return None, {}, {}
    names = 1 + 2 * max((1 + abs(name) for _, made in mine for each, _ in made.pieces for name in each), default=0)
    block = station.times.kv_block_tokens
    pages: list[tuple[int, ...]] = []
    blocks: dict[int, int] = {}
    leaves: dict[int, int] = {}
    for at_round, made in mine:
        kept_on = station.caches or made.judging
        shared = made.pieces if kept_on or made.forked else ()
        family = made.who * rounds + (0 if kept_on else at_round)
        whole = [(tokens // block).tolist() for _, tokens in shared]
        for row, base in enumerate((family * names + names // 2).tolist()):
            kept = [(each, size[row]) for (each, _), size in zip(shared, whole, strict=True) if size[row]]
            blocks.update({base + name: size for each, size in kept for name in each})
            if kept_on:
                leaves |= {len(pages) + at: base + name for at, name in enumerate(made.leaves)}
            pages += [tuple(base + each[request] for each, _ in kept) for request in range(made.requests)]
    if not blocks:
        return None, {}, {}
    return pages, blocks, {request: page for request, page in leaves.items() if page in blocks}
