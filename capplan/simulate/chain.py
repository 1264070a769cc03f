"""Queries of several requests: rounds that wait for one another, on one clock for writer and verifier."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from capplan.reasoning.rounds import Round
from capplan.simulate.counter import Counter, Served
from capplan.simulate.floor import Floor
from capplan.simulate.outages import Outage
from capplan.simulate.outcome import Outcome
from capplan.simulate.requests import Ints, Requests
from capplan.simulate.result import Run
from capplan.simulate.run import PROGRESS_EVERY, Progress
from capplan.simulate.station import Station


def run_chain(
    queries: Requests,
    rounds: Sequence[Round],
    stations: Sequence[Station],
    *,
    outages: Sequence[Sequence[Outage]] = (),
    seed: int = 0,
    exact: bool = False,
    progress: Progress | None = None,
) -> tuple[Outcome, tuple[Run, ...]]:
    """Serve queries round by round; what their users saw, and the runs of the pools of each station.

    queries: when they come, and their classes; their tokens are those of the rounds. rounds: none where each query is
    one request as it stands. stations: the writer's replicas, then those of a verifier that is another model, if there
    is one. outages: of each of the writer's pools, the one that reads prompts first where it is apart.
    The requests of a round go to one replica together, and where prefixes are cached all rounds of a query do.
    TTFT is that of the first round's first token; TTFO of the last round's last first-answer token, for nothing is sure
    before the last sample or verdict. Raises UserError where a station could never run a request.
    """
    return _Chain(queries, rounds, stations, outages, seed, exact).serve(progress)


class _Chain:
    """All queries under way: how many requests of each are out, and which round follows when the last one is in."""

    def __init__(
        self,
        queries: Requests,
        rounds: Sequence[Round],
        stations: Sequence[Station],
        outages: Sequence[Sequence[Outage]],
        seed: int,
        exact: bool,
    ) -> None:
        self.queries, self.rounds = queries, rounds or (_as_it_stands(queries),)
        count = len(queries)
        self.at = [len(stations) - 1 if made.judging else 0 for made in self.rounds]  # the station of each round
        span_s = float(queries.arrival_s[-1] - queries.arrival_s[0]) if count else 0.0
        laid = [_laid_out(queries, self.rounds, self.at, number, station) for number, station in enumerate(stations)]
        if not rounds:
            laid = [replace(laid[0], source=queries, groups=None)]
        self.start = {at_round: start for each in laid for at_round, start in each.start.items()}
        self.query = [each.query for each in laid]
        self.floor = Floor()
        self.counters = [
            Counter(
                self.floor, station, each.source, each.sent_tokens, each.groups, seed=seed, exact=exact, span_s=span_s
            )
            for station, each in zip(stations, laid, strict=True)
        ]
        self.out, self.round = [0] * count, [-1] * count
        self.progress: Progress | None = None
        self.begun = 0
        self.counters[0].expect(outages)
        for station, counter in enumerate(self.counters):
            counter.finished(self._finisher(station))

    def serve(self, progress: Progress | None) -> tuple[Outcome, tuple[Run, ...]]:
        """Every query from its arrival to its last round."""
        self.progress = progress
        for query, at_s in enumerate(self.queries.arrival_s.tolist()):
            self._go_on(query, at_s)
        self.floor.serve()
        served = [counter.gathered() for counter in self.counters]
        stations = [counter.station for counter in self.counters]
        seen = _seen(self.queries, self.rounds, self.at, self.start, served, stations)
        return seen, tuple(ran for each in served for ran in each.runs)

    def _go_on(self, query: int, at_s: float) -> None:
        """Send the query's next round, if there is one."""
        for at_round in range(self.round[query] + 1, len(self.rounds)):
            if query in self.start[at_round]:
                self.round[query] = at_round
                arrival_s = self.counters[self.at[at_round]].arrival_s
                self.floor.later(at_s + arrival_s, self._sent, query, at_round)
                return

    def _sent(self, at_s: float, query: int, at_round: int) -> None:
        """All requests of a round arrive."""
        start, requests = self.start[at_round][query], self.rounds[at_round].requests
        self.out[query] = requests
        self.counters[self.at[at_round]].arrive(range(start, start + requests), at_s)
        if not at_round:
            self.begun += 1
            if self.progress and self.begun % PROGRESS_EVERY == 0:
                self.progress(self.begun)

    def _finisher(self, station: int) -> Callable[[int, float], None]:
        query_of, out = self.query[station], self.out

        def finished(request: int, now_s: float) -> None:
            query = query_of[request]
            out[query] -= 1
            if not out[query]:
                self._go_on(query, now_s)

        return finished


def _seen(
    queries: Requests,
    rounds: Sequence[Round],
    at: Sequence[int],
    start: Mapping[int, Mapping[int, int]],
    served: Sequence[Served],
    stations: Sequence[Station],
) -> Outcome:
    """What the users of the queries saw, from the milestones of their requests."""
    count = len(queries)
    first_s, answer_s, done_s = (np.zeros(count) for _ in range(3))
    writing_s, gaps, wait_s, apart_s = (np.zeros(count) for _ in range(4))
    output_tokens = np.zeros(count, dtype=np.int64)
    for at_round, made in enumerate(rounds):
        if not len(made.who):
            continue
        ran, who, shape = served[at[at_round]], made.who, made.prompt_tokens.shape
        those = slice(start[at_round][int(who[0])], start[at_round][int(who[0])] + made.prompt_tokens.size)
        first, answer, done, waited = (
            column[those].reshape(shape) for column in (ran.first_s, ran.answer_s, ran.done_s, ran.wait_s)
        )
        if not at_round:
            first_s[who] = first.min(axis=1)
        answer_s[who], done_s[who] = answer.max(axis=1), done.max(axis=1)
        wait_s[who] += waited.max(axis=1)
        station = stations[at[at_round]]
        apart_s[who] += station.alone_s(made.prompt_tokens, made.output_tokens, made.requests).max(axis=1)
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


@dataclass(frozen=True, eq=False)
class _Laid:
    """The requests of one station, round by round. start: by round, the number of each query's first request.
    query: of each request. For sent_tokens and groups see `counter.Counter`."""

    source: Requests
    start: Mapping[int, Mapping[int, int]]
    query: list[int]
    sent_tokens: Ints
    groups: list[int] | None


def _as_it_stands(queries: Requests) -> Round:
    """One request a query."""
    return Round(
        who=np.arange(len(queries)),
        prompt_tokens=queries.prompt_tokens[:, None],
        output_tokens=queries.output_tokens[:, None],
        thinking_tokens=queries.thinking_tokens[:, None],
    )


def _laid_out(queries: Requests, rounds: Sequence[Round], at: Sequence[int], number: int, station: Station) -> _Laid:
    mine = [(at_round, made) for at_round, made in enumerate(rounds) if at[at_round] == number]
    start, count = {}, 0
    for at_round, made in mine:
        begin = count
        start[at_round] = {query: begin + made.requests * index for index, query in enumerate(made.who.tolist())}
        count += made.prompt_tokens.size
    pages, blocks, leaves = _pages(mine, station, len(rounds))
    source = Requests(
        arrival_s=np.zeros(count),  # when they come is found out on the way
        prompt_tokens=_joined([made.prompt_tokens.ravel() for _, made in mine]),
        output_tokens=_joined([made.output_tokens.ravel() for _, made in mine]),
        thinking_tokens=_joined([made.thinking_tokens.ravel() for _, made in mine]),
        class_index=_joined([np.repeat(queries.class_index[made.who], made.requests) for _, made in mine]),
        classes=queries.classes,
        pages=pages,
        page_blocks=blocks,
        leaves=leaves,
    )
    groups = [np.repeat(_family(made, at_round, station, len(rounds)), made.requests) for at_round, made in mine]
    return _Laid(
        source=source,
        start=start,
        query=_joined([np.repeat(made.who, made.requests) for _, made in mine]).tolist(),
        sent_tokens=_joined([_sent_tokens(made).ravel() for _, made in mine]),
        groups=_joined(groups).tolist(),
    )


def _family(made: Round, at_round: int, station: Station, rounds: int) -> Ints:
    """By query, a number that its requests of the round share: with those of all rounds where prefixes are kept."""
    family: Ints = made.who * (rounds + 1) + (rounds if station.caches or made.judging else at_round)
    return family


def _sent_tokens(made: Round) -> Ints:
    """Of each prompt, what no request of the round before it has in its own: a fork's cache is sent once."""
    sent = made.prompt_tokens.copy()
    for names, tokens in made.pieces if made.forked else ():
        again = [name in names[:request] for request, name in enumerate(names)]
        sent -= np.outer(tokens, again)
    return sent


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
        family = _family(made, at_round, station, rounds)
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
