"""The replicas of one pool behind their router."""

import numpy as np

from capplan.engine.steptimes import StepTimes
from capplan.errors import UserError
from capplan.simulate.exact import ExactReplica
from capplan.simulate.ledger import ledger
from capplan.simulate.policy import Policy, Preemption, Routing
from capplan.simulate.replica import Replica
from capplan.simulate.requests import Ints, Requests
from capplan.simulate.result import Run, Totals
from capplan.simulate.samples import Samples

# Places of sequences over all replicas: each takes some 90 bytes, and a gigabyte is enough.
MOST_SEATS = 8_000_000


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
        self.lost_tokens = self.outages = self.sent = 0
        numbers = range(policy.replicas)
        self.replicas = [kind(number, times, policy, self.book, Samples(span_s / 512)) for number in numbers]

    def chosen(self, at_s: float) -> int:
        """The replica that a request goes to by the policy: one that is up, or the first to be."""
        number = self._next() if self.policy.routing is Routing.ROUND_ROBIN else self._freest()
        return number if self.replicas[number].up_s <= at_s else self.freest_up(at_s)

    def freest_up(self, at_s: float) -> int:
        """The replica with the least outstanding among those that are up; where none is, the one that is up first."""
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

    def note_outage(self, tokens: int) -> None:
        """A replica went down, and so many tokens with it."""
        self.outages += 1
        self.lost_tokens += tokens

    def gathered(self) -> Run:
        """What happened to every request."""
        book, pool = self.book, self.replicas
        steps = np.array(book.answer_step, dtype=np.int64)
        number = np.array(book.replica, dtype=np.int64)
        answer_s = np.zeros(len(self.requests))
        for replica in pool:
            mine = np.flatnonzero(number == replica.number)
            if len(mine):
                answer_s[mine] = replica.timeline.end_s(steps[mine])
        preempted = np.zeros(len(self.requests), dtype=np.int64)
        preempted[list(book.preemptions)] = list(book.preemptions.values())
        done_s = np.array(book.done_s)
        totals = Totals(
            span_s=float(done_s.max() - self.requests.arrival_s[0]) if len(self.requests) else 0.0,
            busy_s=sum(replica.busy_s for replica in pool),
            sequences_s=sum(replica.sequences_s for replica in pool),
            present_s=sum(replica.present_s for replica in pool),
            decode_steps=sum(replica.step for replica in pool),
            events=sum(len(replica.timeline.start) for replica in pool),
            preemptions=sum(replica.preempted for replica in pool),
            lost_tokens=self.lost_tokens,
            outages=self.outages,
        )
        return Run(
            requests=self.requests,
            times=self.times,
            policy=self.policy,
            admitted_s=np.array(book.admitted_s),
            first_s=np.array(book.first_s),
            answer_s=answer_s,
            done_s=done_s,
            replica=number,
            preempted=preempted,
            samples=tuple(np.array(replica.samples.rows, dtype=np.float64).reshape(-1, 4) for replica in pool),
            totals=totals,
        )

    def _freest(self) -> int:
        outstanding = self.book.outstanding
        return outstanding.index(min(outstanding))

    def _next(self) -> int:
        self.sent += 1
        return (self.sent - 1) % len(self.replicas)


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
