"""What a user waits for: means and percentiles of TTFT, ITL, TTFO and TTA of a query at some load."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from capplan.engine.serving import Steady
from capplan.fleet import fluctuation, mixture, queueing
from capplan.fleet.first_token import Wait, prompt_wait
from capplan.fleet.prefill_pool import Prompts, pool_wait
from capplan.plan.load import Load
from capplan.records import dataclass

# The many sequences of a replica end apart from one another, so that its open places, and the arrivals that take them,
# come unevenly even where answers are much alike. This and the next by simulations of 6 to 104 replicas.
_LEAST_UNEVEN = 0.7
# Prompts that join another one at a replica while it is read, at most; see `first_token`.
_JOINERS = 2.0
_NAMES = tuple(f"{metric}_{which}_s" for metric in ("ttft", "itl", "ttfo", "tta") for which in ("mean", *mixture.Z))


class Figures(Mapping[str, Any]):
    """`mean p50 p95 p99` -> seconds, each computed when it is first asked for: most are not."""

    def __init__(self, compute: Callable[[str], Any]) -> None:
        self._compute = compute
        self._known: dict[str, Any] = {}

    def __getitem__(self, which: str) -> Any:
        if which not in self._known:
            if which != "mean" and which not in mixture.Z:
                raise KeyError(which)
            self._known[which] = self._compute(which)
        return self._known[which]

    def __iter__(self) -> Iterator[str]:
        return iter(("mean", *mixture.Z))

    def __len__(self) -> int:
        return 1 + len(mixture.Z)

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        """What goes to another process takes the figures along, not all that they are computed from."""
        return dict, (dict(self),)


@dataclass(frozen=True)
class Latency:
    """Figures in seconds, arrays of one shape."""

    ttft_s: Mapping[str, Any]
    itl_s: Mapping[str, Any]
    ttfo_s: Mapping[str, Any]
    tta_s: Mapping[str, Any]

    def figure(self, target: str) -> Any:
        """The figure that a target such as `ttft_p95` speaks of."""
        metric, _, which = target.rpartition("_")
        values: Mapping[str, Any] = getattr(self, f"{metric}_s")
        return values[which]


@dataclass(frozen=True)
class Reading:
    """Where prompts are read, if not where answers are written: the state of one prefill replica, their number as in
    `latency`, and how many mean prompts a step has room for."""

    state: Steady
    replicas: Any = None
    together: Any = 1.0


def latency(
    state: Steady, load: Load, replicas: Any = None, slots: Any = None, reading: Reading | None = None
) -> Latency:
    """Latencies of queries when each replica is in `state`.

    replicas: among which the arrivals are spread by the number they serve; None for so many that the number in service
    does not swing. slots: sequences that all of them may run, None where a slot is always free.
    TTFT = wait for a slot + for the running step and the prompts before (`first_token`) + own prefill, by the
    law of the prompts. An answer takes its tokens at a pace that swings with the number in service (`fluctuation`) and
    with the prompts that its own replica reads meanwhile. Sequential calls each pay TTFT, and nothing is shown before
    a verifier has judged. ITL is the mean over the
    tokens of one request, and its percentiles are over requests.
    reading: the pool that reads the prompts (disaggregated). Its wait and the way of the cache come before the wait
    for a slot and for the running step where the answer is written, and no prompt disturbs the answer's pace.
    """
    readers = (
        None if reading is None else _Reader(reading.state, load, reading.replicas, None, together=reading.together)
    )
    seen = _Seen(state, load, replicas, slots, readers)
    return Latency(Figures(seen.ttft_s), Figures(seen.itl_s), Figures(seen.ttfo_s), Figures(seen.tta_s))


@dataclass(frozen=True)
class Waits(Mapping[str, float]):
    """One plan's latencies by name (`ttft_p95_s`), read when asked for. index: its place in `latency`.

    Plans that go to another process together take their latencies along once.
    """

    latency: Latency
    index: int

    def __getitem__(self, name: str) -> float:
        if name not in _NAMES:
            raise KeyError(name)
        values = np.asarray(self.latency.figure(name.removesuffix("_s")), np.float64)
        return float(values if values.ndim == 0 else values[self.index])

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)

    __eq__ = Mapping.__eq__


@dataclass(frozen=True)
class _Seen:
    """A state and its load, and what follows for one query."""

    state: Steady
    load: Load
    replicas: Any
    slots: Any
    readers: "_Seen | None" = None

    @property
    def _reader(self) -> "_Seen":
        """Where the prompt is read."""
        return self.readers or self

    def ttft_s(self, which: str) -> Any:
        own_s, wait = self._reader._prompt_s, self._wait
        fixed_s = self.readers._fixed_s + self._fixed_s if self.readers else self._fixed_s
        if which == "mean":
            return self._ahead_s + fixed_s + own_s + wait.mean_s
        spread, bend = self.load.spread, self._reader.state.bend
        middle_s = own_s * spread.prompt("p50", bend)
        waited_s = [mixture.tail(n, wait.chance, wait.mean_s, wait.square_s2) for n in ("p50", which)]
        further_s = own_s * spread.prompt(which, bend) - middle_s
        further_s = mixture.together(further_s, waited_s[1] - waited_s[0])
        return self._ahead_s + fixed_s + middle_s + waited_s[0] + further_s

    def itl_s(self, which: str) -> Any:
        if which == "mean":
            return self.state.itl_s
        gaps = np.maximum(np.asarray(self.load.asked.sequential_p50_tokens, np.float64) - 1.0, 1.0)
        cv = self._deviation_s(gaps) / (gaps * self.state.itl_s)
        log_sd = np.sqrt(np.log1p(np.square(cv)))
        return self.state.itl_s * np.exp(mixture.Z[which] * log_sd - np.square(log_sd) / 2)

    def tta_s(self, which: str) -> Any:
        return self._after_s(which, 1.0)

    def ttfo_s(self, which: str) -> Any:
        # The answer comes last, and is longer where the thinking is.
        asked = self.load.asked
        thinking = asked.sequential_thinking_tokens / np.maximum(asked.sequential_tokens, 1e-9)
        return np.maximum(self._after_s(which, thinking), self.ttft_s(which))

    def _after_s(self, which: str, share: Any) -> Any:
        """From sending the query to when a share of the tokens that it waits for are there."""
        asked, itl_s = self.load.asked, self.state.itl_s
        calls = np.asarray(asked.calls, np.float64)
        # The first answer token comes a gap after the last thought, the last answer token ends the last gap.
        last = np.where(np.asarray(share) < 1.0, 0.0, 1.0)
        gaps = np.maximum(asked.sequential_tokens * share - last, 0.0)
        ahead_s = self._ahead_s  # once, before the first of the calls
        mean_s = ahead_s + calls * (self.ttft_s("mean") - ahead_s) + gaps * itl_s + self.load.judged_s
        if which == "mean":
            return mean_s
        those = np.maximum(getattr(asked, f"sequential_{which}_tokens") * share - last, 0.0)
        deviation_s = np.sqrt(np.square(self._deviation_s(those)) + calls * self._first_variance_s2)
        return mean_s + mixture.together((those - gaps) * itl_s, mixture.Z[which] * deviation_s)

    @cached_property
    def _prompt_s(self) -> Any:
        """Prefill of the mean prompt; samples of one query fork after it."""
        return self.state.prefill_s * self.load.requests.forks

    @property
    def _ahead_s(self) -> Any:
        return self.load.asked.delay_s

    @cached_property
    def _fixed_s(self) -> Any:
        """The way to the engine, the step that the prompt rides in, and the rest of the one before."""
        running = -np.expm1(-np.asarray(self.state.decoding))  # a replica that stands idle starts at once
        return self.state.arrival_s + self.state.decode_s + running * self._prompts.steady_s

    @cached_property
    def _moments(self) -> tuple[Any, Any]:
        return self.load.spread.prefill_moments(self.state.bend)

    @cached_property
    def _first_variance_s2(self) -> Any:
        wait, (square, _) = self._wait, self._reader._moments
        own_s2 = np.square(self._reader._prompt_s) * np.maximum(square - 1.0, 0.0)
        return own_s2 + np.maximum(wait.square_s2 - np.square(wait.mean_s), 0.0)

    @cached_property
    def _prompts_per_s(self) -> Any:
        """At one replica."""
        return self.state.requests_per_s / self.load.requests.forks

    @cached_property
    def _prompts(self) -> Wait:
        square, cube = self._moments
        others = 1.0 if self.replicas is None else 1.0 - 1.0 / self.replicas
        return prompt_wait(
            self._prompts_per_s, self.state.decode_s, self._prompt_s, square, cube, self._gaps_cv2, others / _JOINERS
        )

    @property
    def _gaps_cv2(self) -> Any:
        """Of the arrivals at one replica. Bursts are dealt out over all; what is sent to the one that serves the fewest
        follows its departures, which are uneven, the more so the more its answers differ in length."""
        uneven = np.maximum(1.0 - self.load.spread.lingering, _LEAST_UNEVEN)
        if self.replicas is None:
            return uneven
        return np.square(np.asarray(self.load.burstiness)) / self.replicas + (1.0 - 1.0 / self.replicas) * uneven

    @cached_property
    def _wait(self) -> Wait:
        """Behind prompts, and for a slot."""
        prompts = self._reader._prompts
        if self.slots is None:
            return prompts
        chance, mean_s = self._slot_wait
        square_s2 = 2 * np.square(mean_s) / np.maximum(chance, 1e-12)
        return Wait(
            prompts.steady_s,
            1 - (1 - prompts.chance) * (1 - chance),
            prompts.mean_s + mean_s,
            prompts.square_s2 + square_s2 + 2 * prompts.mean_s * mean_s,
        )

    @cached_property
    def _slot_wait(self) -> tuple[Any, Any]:
        """(chance, mean seconds) of waiting for a batch slot; a fleet at its limit counts as 99.9 % full."""
        rate_per_s = self.state.requests_per_s * self.replicas
        servers = np.maximum(np.floor(self.slots), 1.0)
        busy_s = np.minimum(self.state.service_s, 0.999 * servers / np.maximum(rate_per_s, 1e-12))
        peaked = fluctuation.number_cv2(self._traffic) * np.asarray(self._traffic.present)
        return queueing.peaked_wait(
            servers, rate_per_s, busy_s, self.load.burstiness, self.load.spread.tokens_cv, peaked
        )  # fmt: skip

    @cached_property
    def _traffic(self) -> fluctuation.Traffic:
        square, _ = self._moments
        return fluctuation.Traffic(
            arrival_cv=self.load.burstiness,
            prompt_cv=np.sqrt(np.maximum(square - 1.0, 0.0)),
            lingering=self.load.spread.lingering,
            busy=self._prompts_per_s * self._prompt_s,
            slope=self.state.slope,
            present=self.state.decoding * (np.inf if self.replicas is None else self.replicas),
        )

    def _deviation_s(self, gaps: Any) -> Any:
        """Standard deviation of the time that so many tokens take."""
        state, (square, _) = self.state, self._moments
        life_s = np.asarray(state.decoding) / state.requests_per_s
        spent_s = gaps * state.itl_s
        common = 0.0
        if self.replicas is not None:
            memory_s = life_s / (1 - np.minimum(state.slope, fluctuation.MOST_SLOPE))
            fading = fluctuation.averaged(spent_s / memory_s) / fluctuation.averaged(life_s / memory_s)
            common = fluctuation.pace_cv2(self._traffic) * fading * np.square(spent_s)
        # Prompts that the own replica reads meanwhile, a compound Poisson sum; what all read is part of the pace.
        apart = 1.0 if self.replicas is None else 1.0 - 1.0 / self.replicas
        return np.sqrt(common + apart * self._prompts_per_s * np.square(self._prompt_s) * square * spent_s)


@dataclass(frozen=True)
class _Reader(_Seen):
    """A pool that only reads prompts."""

    together: Any = 1.0

    @cached_property
    def _fixed_s(self) -> Any:
        """The way to the engine, and what a prompt that is read alone takes beyond its part of a full step."""
        return self.state.arrival_s + np.maximum(self.state.own_prefill_s - self._prompt_s, 0.0)

    @cached_property
    def _prompts(self) -> Wait:
        square, cube = self._moments
        asked = Prompts(
            each_s=self._prompt_s,
            step_s=self.state.decode_s,
            square=square,
            cube=cube,
            arrival_cv=self.load.burstiness,
            together=self.together,
        )
        return pool_wait(1.0 if self.replicas is None else self.replicas, self._prompts_per_s, asked)
