"""One pool of replicas serves requests: the loop over arrivals, and what comes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from math import inf

import numpy as np
from numpy.typing import NDArray

from capplan.engine.steptimes import StepTimes
from capplan.errors import UserError
from capplan.simulate.exact import ExactReplica
from capplan.simulate.ledger import Ledger, ledger
from capplan.simulate.outages import Outage
from capplan.simulate.policy import Policy, Preemption, Routing
from capplan.simulate.replica import Replica
from capplan.simulate.requests import Floats, Ints, Requests, select
from capplan.simulate.samples import Samples

Progress = Callable[[int], None]
PROGRESS_EVERY = 10_000
# Places of sequences over all replicas: each takes some 90 bytes, and a gigabyte is enough.
MOST_SEATS = 8_000_000


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


class Desk:
    """The replicas of one pool behind their router, and the ledger that they write into.

    handed_over: the prompts were read elsewhere, and their KV comes with the requests.
    """

    def __init__(
        self,
        requests: Requests,
        times: StepTimes,
        policy: Policy,
        *,
        seed: int,
        exact: bool,
        span_s: float,
        handed_over: bool = False,
    ) -> None:
        _check(requests, times, policy)
        self.requests, self.times, self.policy = requests, times, policy
        self.book = ledger(requests, policy, times.kv_block_tokens, _weights(requests, policy, seed), handed_over)
        kind = ExactReplica if exact else Replica
        self.lost_tokens = self.outages = 0
        numbers = range(policy.replicas)
        self.replicas = [kind(number, times, policy, self.book, Samples(span_s / 512)) for number in numbers]

    def freest(self) -> int:
        """The replica with the least outstanding."""
        outstanding = self.book.outstanding
        return outstanding.index(min(outstanding))

    def freest_up(self, at_s: float) -> int:
        """As `freest` among those that are up; where none is, the one that is up first."""
        outstanding, replicas = self.book.outstanding, self.replicas
        return min(
            range(len(replicas)), key=lambda number: (max(replicas[number].up_s - at_s, 0.0), outstanding[number])
        )

    def send(self, request: int, number: int, at_s: float) -> float:
        """A request stands in the queue of a replica; the time of that replica's next event."""
        book = self.book
        book.outstanding[number] += 1 if book.weights is None else book.weights[request]
        book.replica[request] = number
        return self.replicas[number].arrive(request, at_s)

    def gathered(self) -> Run:
        """What happened to every request."""
        found = _gather(self.requests, self.times, self.policy, self.book, self.replicas)
        return replace(found, totals=replace(found.totals, lost_tokens=self.lost_tokens, outages=self.outages))

    def note_outage(self, tokens: int) -> None:
        """A replica went down, and so many tokens with it."""
        self.outages += 1
        self.lost_tokens += tokens


def in_order(ran: Run, arrival_s: Floats) -> Run:
    """The run with the times at which its requests came, which it did not know before, and sorted by them."""
    order = np.argsort(arrival_s, kind="stable")
    source = select(ran.requests, order, arrival_s)
    span_s = float(ran.done_s.max() - source.arrival_s[0]) if len(source) else 0.0
    names = ("admitted_s", "first_s", "answer_s", "done_s", "replica", "preempted")
    columns = {name: getattr(ran, name)[order] for name in names}
    return replace(ran, requests=source, totals=replace(ran.totals, span_s=span_s), **columns)


def _serve_alone(replica: Replica, requests: Requests, progress: Progress | None) -> None:
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
    """Events of all replicas in order of time, ties by replica number."""
    pool = desk.replicas
    due_s = [inf] * len(pool)
    agenda: list[tuple[float, int]] = []
    in_turn = desk.policy.routing is Routing.ROUND_ROBIN

    def advance(until_s: float) -> None:
        while agenda and agenda[0][0] < until_s:
            at_s, number = heappop(agenda)
            if due_s[number] == at_s:  # else an arrival has moved this replica's next event
                due_s[number] = at_s = pool[number].proceed()
                if at_s < inf:
                    heappush(agenda, (at_s, number))

    def send(request: int, number: int, at_s: float) -> None:
        event_s = desk.send(request, number, at_s)
        if event_s != due_s[number]:
            due_s[number] = event_s
            heappush(agenda, (event_s, number))

    def go_down(outage: Outage) -> None:
        advance(outage.at_s)
        here, tokens = pool[outage.replica].fail(outage.at_s, outage.until_s)
        due_s[outage.replica] = inf
        desk.note_outage(tokens)
        for request in here:
            send(request, desk.freest_up(outage.at_s), outage.at_s)

    coming = list(reversed(outages))
    for request, at_s in enumerate(_queued_s(desk.requests, desk.times)):
        while coming and coming[-1].at_s <= at_s:
            go_down(coming.pop())
        advance(at_s)
        number = request % len(pool) if in_turn else desk.freest()
        if pool[number].up_s > at_s:
            number = desk.freest_up(at_s)
        send(request, number, at_s)
        if progress and request % PROGRESS_EVERY == 0:
            progress(request)
    for outage in reversed(coming):
        go_down(outage)
    advance(inf)


def _gather(requests: Requests, times: StepTimes, policy: Policy, book: Ledger, pool: list[Replica]) -> Run:
    steps = np.array(book.answer_step, dtype=np.int64)
    number = np.array(book.replica, dtype=np.int64)
    answer_s = np.zeros(len(requests))
    for replica in pool:
        mine = np.flatnonzero(number == replica.number)
        if len(mine):
            answer_s[mine] = replica.timeline.end_s(steps[mine])
    preempted = np.zeros(len(requests), dtype=np.int64)
    preempted[list(book.preemptions)] = list(book.preemptions.values())
    done_s = np.array(book.done_s)
    totals = Totals(
        span_s=float(done_s.max() - requests.arrival_s[0]) if len(requests) else 0.0,
        busy_s=sum(replica.busy_s for replica in pool),
        sequences_s=sum(replica.sequences_s for replica in pool),
        present_s=sum(replica.present_s for replica in pool),
        decode_steps=sum(replica.step for replica in pool),
        events=sum(len(replica.timeline.start) for replica in pool),
        preemptions=sum(replica.preempted for replica in pool),
    )
    return Run(
        requests=requests,
        times=times,
        policy=policy,
        admitted_s=np.array(book.admitted_s),
        first_s=np.array(book.first_s),
        answer_s=answer_s,
        done_s=done_s,
        replica=number,
        preempted=preempted,
        samples=tuple(np.array(replica.samples.rows, dtype=np.float64).reshape(-1, 4) for replica in pool),
        totals=totals,
    )


def _weights(requests: Requests, policy: Policy, seed: int) -> Ints | None:
    if policy.routing is not Routing.PREDICTED_LENGTH:
        return None
    noise = np.random.default_rng([seed, 0x70726564]).standard_normal(len(requests))  # a stream of its own
    predicted = requests.output_tokens * np.exp(policy.prediction_sigma * noise)
    return np.maximum(1, np.rint(predicted)).astype(np.int64)


def can_be_held(times: StepTimes, policy: Policy) -> None:
    """Raises UserError for a fleet whose replicas, each with its places, would not fit into memory."""
    if policy.replicas * times.max_sequences > MOST_SEATS:
        raise UserError(
            f"{policy.replicas:,} replicas of up to {times.max_sequences:,} sequences are more than can be simulated "
            f"at once: take {MOST_SEATS // times.max_sequences:,} at most and as many times less traffic "
            "(--replicas and --rate-factor)"
        )


def _check(requests: Requests, times: StepTimes, policy: Policy) -> None:
    can_be_held(times, policy)
    if policy.priorities and len(policy.priorities) != len(requests.classes):
        raise UserError(
            f"priorities: {len(policy.priorities)} ranks for {len(requests.classes)} classes "
            f"({', '.join(requests.classes)}); give one rank a class"
        )
    if requests.pages is not None and not requests.page_blocks and policy.prefix_page_tokens % times.kv_block_tokens:
        raise UserError(
            f"prefix pages of {policy.prefix_page_tokens} tokens are not whole KV blocks of {times.kv_block_tokens}; "
            "choose kv_block_tokens so that they are"
        )
    if policy.preemption is Preemption.SWAP and times.swap_s_per_token is None:
        raise UserError("swapping: how fast KV moves to the host is not known of this accelerator; choose recompute")
    room = times.kv_blocks * times.kv_block_tokens
    longest = requests.prompt_tokens + requests.output_tokens
    if len(longest) and (most := int(longest.max())) > room:
        first = int(np.argmax(longest > room))
        raise UserError(
            f"request {first + 1:,} of {len(requests):,} needs {int(longest[first]):,} tokens of KV cache and a "
            f"replica holds {room:,}: it could never run. Use more memory or a smaller kv_cache dtype "
            f"(the longest needs {most:,} tokens), cap thinking with reasoning.thinking_budget, or leave such requests "
            "of a trace out with --drop-long"
        )
