"""Synthetic requests: arrivals of a given burstiness, lengths drawn from laws, early stopping."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from capplan.errors import UserError
from capplan.reasoning.lengths import Quantiles
from capplan.simulate.requests import Floats, Ints, Requests
from capplan.simulate.traffic.arrivals import DAY_S, Gaps, arrival_times


class Lengths(Protocol):
    """Any law of lengths that knows its quantiles; those of `reasoning.lengths` do."""

    def quantile_tokens(self, share: Floats) -> Floats: ...


@dataclass(frozen=True)
class TrafficClass:
    """One kind of request. share: of all requests; shares are taken relative to their sum.

    thinking_tokens: tokens before the answer, None where the model answers at once. most_output_tokens: a cap on
    thinking and answer together, which thinking gives way to.
    """

    name: str
    share: float
    prompt_tokens: Lengths
    answer_tokens: Lengths
    thinking_tokens: Lengths | None = None
    most_output_tokens: int = 32_768


@dataclass(frozen=True)
class Traffic:
    """A synthetic load. profile: relative rates over `period_s`, by the hour of a day where there are 24."""

    rate_per_s: float
    classes: tuple[TrafficClass, ...]
    burstiness: float = 1.0
    law: Gaps = Gaps.GAMMA
    profile: tuple[float, ...] = ()
    period_s: float = DAY_S


def generate(traffic: Traffic, count: int, seed: int) -> Requests:
    """`count` requests; the same seed gives the same bytes, and arrivals do not change when a length law does."""
    if count < 1 or not traffic.classes:
        raise UserError("traffic: at least one request and one class are needed")
    arrivals_rng, class_rng, length_rng = (np.random.default_rng([seed, stream]) for stream in range(3))
    arrival_s = arrival_times(
        count,
        traffic.rate_per_s,
        arrivals_rng,
        burstiness=traffic.burstiness,
        law=traffic.law,
        profile=traffic.profile,
        period_s=traffic.period_s,
    )
    index = _classes(traffic.classes, count, class_rng)
    shares = length_rng.random((3, count))
    prompt, thinking, output = (np.zeros(count, dtype=np.int64) for _ in range(3))
    for at, kind in enumerate(traffic.classes):
        mine = np.flatnonzero(index == at)
        prompt[mine] = draw(kind.prompt_tokens, shares[0, mine])
        answer = np.minimum(draw(kind.answer_tokens, shares[1, mine]), kind.most_output_tokens)
        if kind.thinking_tokens is not None:
            thought = draw(kind.thinking_tokens, shares[2, mine], least=0)
            thinking[mine] = np.minimum(thought, kind.most_output_tokens - answer)
        output[mine] = thinking[mine] + answer
    return Requests(arrival_s, prompt, output, thinking, index, tuple(kind.name for kind in traffic.classes))


def draw(law: Lengths, shares: Floats, least: int = 1) -> Ints:
    """Lengths of the law at uniform random shares, rounded, at least so many tokens."""
    inside = np.clip(shares, 1e-12, 1 - 1e-12)
    tokens = law.quantile_tokens(inside)
    if isinstance(law, Quantiles) and law.known_mean_tokens is not None:
        # The plan keeps to the mean that was given beside the quantiles, and so must its simulation.
        even = (np.arange(20_000) + 0.5) / 20_000
        tokens = tokens * (law.known_mean_tokens / law.quantile_tokens(even).mean())
    return np.maximum(least, np.rint(tokens)).astype(np.int64)


def stopped_early(
    source: Requests, share: float, kept: float, check_tokens: int, seed: int, check_prompt_tokens: int = 0
) -> Requests:
    """Streaming verification: a share of the requests that think is cut once the answer stands.

    Thinking is checked every `check_tokens`. A chosen request, drawn by `seed`, knows its answer after `kept` of its
    thinking and stops at the next check; the others think to their end. Each check reads `check_prompt_tokens`
    of verifier prompt on the same replica, counted as prompt tokens of the request: approximate, since all of them
    are read at the start.
    """
    if not (0 <= share <= 1 and 0 <= kept <= 1 and check_tokens >= 1 and check_prompt_tokens >= 0):
        raise UserError("early stopping: share and kept lie in 0 .. 1, and a check comes every 1 or more tokens")
    chosen = np.random.default_rng([seed, 3]).random(len(source)) < share
    settled = np.ceil(kept * source.thinking_tokens / check_tokens).astype(np.int64) * check_tokens
    thinking = np.where(chosen, np.minimum(source.thinking_tokens, settled), source.thinking_tokens)
    checks = thinking // check_tokens
    return replace(
        source,
        prompt_tokens=source.prompt_tokens + checks * check_prompt_tokens,
        output_tokens=source.output_tokens - source.thinking_tokens + thinking,
        thinking_tokens=thinking,
    )


def _classes(classes: Sequence[TrafficClass], count: int, rng: np.random.Generator) -> Ints:
    shares = np.array([kind.share for kind in classes])
    if not np.isfinite(shares).all() or (shares < 0).any() or shares.sum() <= 0:
        raise UserError("traffic classes: shares must be 0 or above and not all 0")
    picked = np.searchsorted(np.cumsum(shares) / shares.sum(), rng.random(count), side="right")
    return np.minimum(picked, len(classes) - 1).astype(np.int64)
