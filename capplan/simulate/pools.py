"""Several pools: queries split over them, or a cascade that escalates what a cheap tier gets wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capplan.engine.steptimes import StepTimes
from capplan.errors import UserError
from capplan.reasoning.rounds import Round, moved
from capplan.simulate.chain import run_chain
from capplan.simulate.outages import Outage
from capplan.simulate.outcome import Outcome, outcome
from capplan.simulate.policy import Policy
from capplan.simulate.requests import Floats, Ints, Requests, select
from capplan.simulate.result import Run
from capplan.simulate.run import Progress, run
from capplan.simulate.station import Readers, Station

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pool:
    """Replicas of one model. requests: every query as it would be if it came here, in the same order for all pools.

    The same query may be longer in one pool than in another: a small model thinks less, or more.
    rounds: what each query is made of, where it is more than one request. judge: replicas of the model that judges
    in those rounds, None where it is the same. caches, readers: see `station.Station`.
    outages: of the replicas, where each query is one request; those of the readers apart.
    """

    name: str
    times: StepTimes
    policy: Policy
    requests: Requests
    rounds: tuple[Round, ...] = ()
    judge: Station | None = None
    caches: bool = False
    outages: tuple[Outage, ...] = ()
    readers: Readers | None = None
    readers_outages: tuple[Outage, ...] = ()

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of the runs of its replicas: each pool of them, then those of its judge."""
        own = (self.name,) if self.readers is None else (f"{self.name}/prefill", f"{self.name}/decode")
        return own if self.judge is None else (*own, f"{self.name}/verifier")


@dataclass(frozen=True, eq=False)
class PoolsRun:
    """What the users of several pools saw; shape (N,) is all queries in order of arrival.

    runs: by name, one a pool where any query came, with its requests; those of a judge, and of prefill and decode that
    are apart, are named after their pool. tier: the pool that answered.
    """

    runs: Mapping[str, Run]
    outcome: Outcome
    tier: Ints


def split(
    pools: Sequence[Pool],
    choice: Ints,
    *,
    decision_s: float = 0.0,
    seed: int = 0,
    exact: bool = False,
    progress: Progress | None = None,
) -> PoolsRun:
    """Each query goes to one pool, after `decision_s` of a classifier. choice: the pool of each query, shape (N,).

    Raises UserError where pools and choices do not fit together, or a pool could never run a request.
    """
    arrival_s = _arrivals(pools)
    if choice.shape != arrival_s.shape or not np.isin(choice, np.arange(len(pools))).all():
        raise UserError(f"routing: one choice of 0 .. {len(pools) - 1} is needed for every query")
    answers = _Answers(pools)
    for at, pool in enumerate(pools):
        answers.add(at, _leg(pool, choice == at, arrival_s + decision_s, seed, exact, progress))
    return answers.result()


def cascade(
    pools: Sequence[Pool],
    passes: Sequence[Mask],
    *,
    verify_s: float = 0.0,
    seed: int = 0,
    exact: bool = False,
    progress: Progress | None = None,
) -> PoolsRun:
    """Every query goes to the first pool; what fails there starts anew in the next one, and has paid for both.

    passes: for every pool but the last, the queries whose answer there is accepted, shape (N,). verify_s: from
    a rejected answer to its arrival at the next pool. TTFT is that of the first pool's token; TTFO and ITL are the
    last pool's, since nobody is shown a rejected answer.
    Raises UserError where pools and passes do not fit together, or a pool could never run a request.
    """
    arrival_s = _arrivals(pools)
    if len(passes) != len(pools) - 1 or any(passed.shape != arrival_s.shape for passed in passes):
        raise UserError("cascade: every pool but the last needs to know which queries it settles")
    answers = _Answers(pools)
    enters, enters_s = np.ones(len(arrival_s), dtype=np.bool_), arrival_s
    for at, pool in enumerate(pools):
        answers.add(at, _leg(pool, enters, enters_s, seed, exact, progress))
        if at < len(passes):
            enters, enters_s = enters & ~passes[at], answers.done_s + verify_s
    return answers.result()


def _arrivals(pools: Sequence[Pool]) -> Floats:
    if not pools:
        raise UserError("pools: at least one is needed")
    arrival_s = pools[0].requests.arrival_s
    if any(not np.array_equal(pool.requests.arrival_s, arrival_s) for pool in pools):
        raise UserError("pools: all must know the same queries, in the same order")
    return arrival_s


def _leg(
    pool: Pool, enters: Mask, enters_s: Floats, seed: int, exact: bool, progress: Progress | None
) -> tuple[Ints, Outcome, tuple[Run, ...]] | None:
    """Those who enter the pool, in order of arrival there, what they saw, and the runs of its stations."""
    who = np.flatnonzero(enters)
    who = who[np.argsort(enters_s[who], kind="stable")]
    if not len(who):
        return None
    here = select(pool.requests, who, enters_s)
    if not pool.rounds and pool.readers is None:
        ran = run(here, pool.times, pool.policy, seed=seed, exact=exact, progress=progress, outages=pool.outages)
        return who, outcome(ran), (ran,)
    stations = [Station(pool.times, pool.policy, pool.caches, pool.readers), *([pool.judge] if pool.judge else [])]
    mine = [moved(made, who, len(enters)) for made in pool.rounds]
    down = () if mine else (pool.readers_outages, pool.outages)
    return who, *run_chain(here, mine, stations, outages=down, seed=seed, exact=exact, progress=progress)


class _Answers:
    """Latencies of all queries; each further pool that a query comes to overwrites or adds to them."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self.pools = pools
        self.runs: dict[str, Run] = {}
        self.arrival_s = pools[0].requests.arrival_s
        count = len(self.arrival_s)
        self.first_s = np.full(count, np.nan)
        self.answer_s, self.done_s, self.itl_s = np.zeros(count), np.zeros(count), np.full(count, np.nan)
        self.wait_s, self.alone_s = np.zeros(count), np.zeros(count)
        self.output_tokens, self.tier = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)

    def add(self, tier: int, leg: tuple[Ints, Outcome, tuple[Run, ...]] | None) -> None:
        """Take in what the queries that came to one pool saw there."""
        if leg is None:
            return
        who, seen, runs = leg
        self.runs |= dict(zip(self.pools[tier].runs, runs, strict=True))
        first_s = seen.arrival_s + seen.ttft_s
        self.first_s[who] = np.where(np.isnan(self.first_s[who]), first_s, self.first_s[who])
        self.answer_s[who], self.done_s[who] = seen.arrival_s + seen.ttfo_s, seen.arrival_s + seen.tta_s
        self.itl_s[who] = seen.itl_s
        self.wait_s[who] += seen.wait_s
        self.alone_s[who] += seen.alone_s
        self.output_tokens[who] += seen.output_tokens
        self.tier[who] = tier

    def result(self) -> PoolsRun:
        """The outcome so far."""
        arrival_s, source = self.arrival_s, self.pools[0].requests
        seen = Outcome(
            arrival_s=arrival_s,
            ttft_s=self.first_s - arrival_s,
            ttfo_s=self.answer_s - arrival_s,
            itl_s=self.itl_s,
            tta_s=self.done_s - arrival_s,
            wait_s=self.wait_s,
            alone_s=self.alone_s,
            output_tokens=self.output_tokens,
            class_index=source.class_index,
            classes=source.classes,
        )
        return PoolsRun(self.runs, seen, self.tier)
