"""One pool of replicas serves requests: the loop over arrivals, and what comes out."""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf

import numpy as np
from numpy.typing import NDArray

from capplan.engine.steptimes import StepTimes
from capplan.errors import UserError
from capplan.simulate.exact import ExactReplica
from capplan.simulate.ledger import Ledger, ledger
from capplan.simulate.policy import Policy, Preemption, Routing
from capplan.simulate.replica import Replica
from capplan.simulate.requests import Floats, Ints, Requests
from capplan.simulate.samples import Samples

Progress = Callable[[int], None]
PROGRESS_EVERY = 10_000


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
) -> Run:
    """Serve the requests by one pool and say when each token milestone was reached.

    seed: for the router's predictions; nothing else here is random. exact: step one token at a time.
    progress: called with the number of requests that have arrived, every 10,000.
    Raises UserError where a request could never fit the KV cache, or a setting is out of range.
    """
    policy = policy or Policy()
    _check(requests, times, policy)
    weights = _weights(requests, policy, seed)
    book = ledger(requests, policy, times.kv_block_tokens, weights)
    span_s = float(requests.arrival_s[-1] - requests.arrival_s[0]) if len(requests) else 0.0
    kind = ExactReplica if exact else Replica
    pool = [kind(number, times, policy, book, Samples(span_s / 512)) for number in range(policy.replicas)]
    if policy.replicas == 1:
        _serve_alone(pool[0], requests, progress)
    else:
        _serve(pool, requests, book, policy, progress)
    return _gather(requests, times, policy, book, pool)


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


def _serve(pool: list[Replica], requests: Requests, book: Ledger, policy: Policy, progress: Progress | None) -> None:
    """Events of all replicas in order of time, ties by replica number."""
    due_s = [inf] * len(pool)
    agenda: list[tuple[float, int]] = []
    outstanding, weights = book.outstanding, book.weights
    in_turn = policy.routing is Routing.ROUND_ROBIN

    def advance(until_s: float) -> None:
        while agenda and agenda[0][0] < until_s:
            at_s, number = heappop(agenda)
            if due_s[number] == at_s:  # else an arrival has moved this replica's next event
                due_s[number] = at_s = pool[number].proceed()
                if at_s < inf:
                    heappush(agenda, (at_s, number))

    for request, at_s in enumerate(_queued_s(requests, pool[0].times)):
        advance(at_s)
        number = request % len(pool) if in_turn else outstanding.index(min(outstanding))
        outstanding[number] += 1 if weights is None else weights[request]
        book.replica[request] = number
        event_s = pool[number].arrive(request, at_s)
        if event_s != due_s[number]:
            due_s[number] = event_s
            heappush(agenda, (event_s, number))
        if progress and request % PROGRESS_EVERY == 0:
            progress(request)
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


def _check(requests: Requests, times: StepTimes, policy: Policy) -> None:
    if policy.priorities and len(policy.priorities) != len(requests.classes):
        raise UserError(
            f"priorities: {len(policy.priorities)} ranks for {len(requests.classes)} classes "
            f"({', '.join(requests.classes)}); give one rank a class"
        )
    if requests.pages is not None and policy.prefix_page_tokens % times.kv_block_tokens:
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
            f"(the longest needs {most:,} tokens), or drop such requests with --max-tokens {room}"
        )
