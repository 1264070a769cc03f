"""The engine requests that drawn queries are made of, round by round: what a simulation serves where a plan has means.

A round is what runs side by side; the next one begins when its last request is done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from capplan.errors import UserError
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.options import Options, Verifier
from capplan.reasoning.strategy import strategy_module
from capplan.records import dataclass

Ints = NDArray[np.int64]

# A piece of prompt that requests of one query have in common: its name for each request of the round, its tokens by
# query, shape (queries,).
Piece = tuple[tuple[int, ...], Ints]
PROMPT = 0


@dataclass(frozen=True)
class Drawn:
    """Lengths of the queries as their laws gave them, shape (queries,); rng draws what differs between samples.

    thinking_tokens: before any budget.
    """

    prompt_tokens: Ints
    thinking_tokens: Ints
    answer_tokens: Ints
    rng: np.random.Generator

    def __len__(self) -> int:
        return len(self.prompt_tokens)

    def factors(self, requests: int, cv: float) -> NDArray[np.float64]:
        """Lengths of so many samples of a prompt over their mean, lognormal with this CV; shape (queries, requests)."""
        if requests == 1 or cv <= 0:
            return np.ones((len(self), requests))
        sigma = math.sqrt(math.log1p(cv * cv))
        return np.exp(sigma * self.rng.standard_normal((len(self), requests)) - sigma * sigma / 2)


@dataclass(frozen=True)
class Round:
    """Requests that run side by side; token counts have shape (queries that come here, requests).

    who: positions of the queries that come here, ascending. thinking_tokens: of the output, those before its first
    token that is no thought. pieces: what the prompts begin with, one after another. forked: the requests are samples
    of one prompt, whose pieces they share whatever the engine caches. leaves: names of the pieces that the first
    requests write for later rounds. judging: they are a verifier's, which keeps what it has read of a query.
    """

    who: Ints
    prompt_tokens: Ints
    output_tokens: Ints
    thinking_tokens: Ints
    pieces: tuple[Piece, ...] = ()
    forked: bool = False
    leaves: tuple[int, ...] = ()
    judging: bool = False

    @property
    def requests(self) -> int:
        """Requests of one query."""
        return int(self.prompt_tokens.shape[1])


def thinking_law(options: Options) -> LengthLaw:
    """The law of the thinking that `rounds` begins from, before any budget."""
    law: Callable[[Options], LengthLaw] = _module_with(options.strategy, "thinking").thinking
    return law(options)


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """The rounds of the queries under `options.strategy`; scalars in the options.

    Raises UserError for a strategy that does not say what its rounds are.
    """
    made: Callable[[Options, Drawn], Sequence[Round]] = _module_with(options.strategy, "rounds").rounds
    return tuple(made(options, drawn))


def one(drawn: Drawn, thinking: Ints, pieces: tuple[Piece, ...] = ()) -> Round:
    """One request a query: it thinks and answers."""
    return Round(
        who=np.arange(len(drawn)),
        prompt_tokens=_column(drawn.prompt_tokens),
        output_tokens=_column(thinking + drawn.answer_tokens),
        thinking_tokens=_column(thinking),
        pieces=pieces,
    )


def samples(options: Options, drawn: Drawn, requests: int) -> Round:
    """Samples of one prompt side by side, each with its own thinking, under the budget, and its own answer."""
    factors = drawn.factors(requests, options.sample_cv)
    thinking = budgeted(options, drawn.thinking_tokens[:, None] * factors)
    answer = whole(drawn.answer_tokens[:, None] * factors)
    return Round(
        who=np.arange(len(drawn)),
        prompt_tokens=np.repeat(_column(drawn.prompt_tokens), requests, axis=1),
        output_tokens=thinking + answer,
        thinking_tokens=thinking,
        pieces=((requests * (PROMPT,), drawn.prompt_tokens),),
        forked=True,
    )


def thoughts(drawn: Drawn, written: Ints, pieces: tuple[Piece, ...], leaves: tuple[int, ...]) -> Round:
    """Thoughts without an answer side by side. written: tokens, at least one is; shape (queries, requests)."""
    output = np.maximum(written, 1)
    # The engine's last token of a request counts as what is not thought any more.
    prompt = np.repeat(_column(drawn.prompt_tokens), output.shape[1], axis=1)
    return Round(np.arange(len(drawn)), prompt, output, output - 1, pieces, leaves=leaves)


def only(made: Round, chosen: NDArray[np.bool_]) -> Round:
    """The round for the chosen queries, by a mask over those that come to it."""
    return _taken(made, np.flatnonzero(chosen), made.who[chosen])


def moved(made: Round, order: Ints, queries: int) -> Round:
    """The round with the queries numbered anew. order: old positions, of `queries`, in their new order."""
    place = np.full(queries, -1)
    place[order] = np.arange(len(order))
    new = place[made.who]
    rows = np.argsort(new, kind="stable")[int((new < 0).sum()) :]
    return _taken(made, rows, new[rows])


def _taken(made: Round, chosen: Ints, who: Ints) -> Round:
    return replace(
        made,
        who=who,
        prompt_tokens=made.prompt_tokens[chosen],
        output_tokens=made.output_tokens[chosen],
        thinking_tokens=made.thinking_tokens[chosen],
        pieces=tuple((names, tokens[chosen]) for names, tokens in made.pieces),
    )


def judgements(verifier: Verifier | None, written: Round) -> Round:
    """A verifier reads every request of a round, and what lies before it once for all rounds; a scoring head gives its
    one token."""
    tokens = 1 if verifier is None else max(1, round(float(verifier.decode_tokens)))
    # A judge puts other words before the prompt: what it reads is not what the writer has cached.
    pieces = tuple((tuple(-1 - name for name in names), tokens) for names, tokens in written.pieces)
    return Round(
        who=written.who,
        prompt_tokens=written.prompt_tokens + written.output_tokens,
        output_tokens=np.full_like(written.output_tokens, tokens),
        thinking_tokens=np.zeros_like(written.output_tokens),
        pieces=pieces,
        leaves=tuple(-1 - name for name in written.leaves),
        judging=True,
    )


def budgeted(options: Options, thinking_tokens: NDArray[np.float64] | Ints) -> Ints:
    """Whole thinking tokens, cut at the budget."""
    return np.rint(np.minimum(thinking_tokens, options.thinking_budget_tokens)).astype(np.int64)


def whole(tokens: NDArray[np.float64]) -> Ints:
    """Whole tokens, at least one."""
    return np.maximum(1, np.rint(tokens)).astype(np.int64)


def _column(values: Ints) -> Ints:
    return values[:, None]


def _module_with(strategy: str, name: str) -> ModuleType:
    module = strategy_module(strategy)
    if not hasattr(module, name):
        raise UserError(f"strategy {strategy} does not say what its requests are (no `{name}` in {module.__name__})")
    return module
