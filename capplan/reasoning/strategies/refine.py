"""Refine: answer, then rounds of criticism and revision, by a critic or by the model itself."""

from dataclasses import replace

import numpy as np

from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.selection import criticised, self_corrected
from capplan.reasoning.accuracy.value import EXTRAPOLATED, Accuracy, spread
from capplan.reasoning.demand import Demand, VerifierWork
from capplan.reasoning.generation import one_sample
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.options import Options, Query, Verifier
from capplan.reasoning.rounds import PROMPT, Drawn, Piece, Round, budgeted, one
from capplan.reasoning.verification import ITSELF
from capplan.reasoning.verifying import parameters


def demand(options: Options, query: Query) -> Demand:
    """1 + rounds drafts, one after another; each round a critic reads the draft and writes its criticism.

    A revision reads prompt, last draft and criticism. Thinking is dropped between rounds, as chat templates do, so only
    the prompt is still in the cache. A critique is as long as the answer unless the critic's `tokens` say otherwise.
    """
    draft = one_sample(query, options.thinking_law(), options.thinking_budget_tokens)
    critic = options.critic or ITSELF
    rounds = np.asarray(options.rounds, dtype=np.float64)
    drafts = rounds + 1
    critique = np.where(np.asarray(critic.decode_tokens) > 0, critic.decode_tokens, draft.answer_tokens)
    added = draft.answer_tokens + critique
    return replace(
        draft,
        strategy="refine",
        calls=drafts,
        requests=drafts,
        prefill_tokens=draft.prompt_tokens + rounds * added,
        repeated_prefill_tokens=rounds * draft.prompt_tokens,
        output_tokens=drafts * draft.output_tokens,
        sequential_tokens=drafts * draft.sequential_tokens,
        sequential_thinking_tokens=rounds * draft.sequential_tokens + draft.sequential_thinking_tokens,
        context_tokens=draft.context_tokens + rounds / drafts * added,
        kv_token_steps=drafts * draft.kv_token_steps + rounds * added * draft.output_tokens,
        kv_peak_tokens=draft.kv_peak_tokens + np.where(rounds > 0, added, 0.0),
        sequential_p50_tokens=drafts * draft.sequential_p50_tokens,
        sequential_p95_tokens=drafts * draft.sequential_p95_tokens,
        sequential_p99_tokens=drafts * draft.sequential_p99_tokens,
        verifier=_critic_work(critic, draft, rounds * np.ones_like(critique), critique),
    )


def thinking(options: Options) -> LengthLaw:
    """That of one draft."""
    return options.thinking_law()


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """A draft; then, round by round, what the critic writes on it and a revision that reads both."""
    thought = budgeted(options, drawn.thinking_tokens)
    prompt: tuple[Piece, ...] = (((PROMPT,), drawn.prompt_tokens),)
    given = float(np.asarray((options.critic or ITSELF).decode_tokens))
    critique = np.full_like(thought, round(given)) if given > 0 else drawn.answer_tokens
    critic = replace(drawn, prompt_tokens=drawn.prompt_tokens + drawn.answer_tokens, answer_tokens=critique)
    revised = replace(drawn, prompt_tokens=critic.prompt_tokens + critique)
    criticism = replace(one(critic, np.zeros_like(thought)), judging=True)
    return (one(drawn, thought, prompt), *int(options.rounds) * (criticism, one(revised, thought, prompt)))


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """A critic of known accuracy mends what it flags; without one the published drift of self-correction applies."""
    single = base.at(
        asked.thinking_tokens + asked.answer_tokens, options.thinking_law(), options.thinking_budget_tokens
    )
    if single is None:
        return None
    rounds, ends = options.rounds, (single.low, single.value, single.high)
    if options.critic is not None and options.critic.accuracy is not None:
        trust, (concentration, _) = options.critic.accuracy, parameters(options, base)
        low, value, high = spread(lambda p, c: criticised(p, rounds, c, trust), ends, concentration.ends)
        basis = f"critic accuracy as given; {concentration.basis}"
    else:
        low, value, high = spread(
            lambda p, a, r: self_corrected(p, rounds, a, r), ends, base.correction_limit.ends, base.correction_rate.ends
        )
        basis = f"no critic of known accuracy: {base.correction_limit.basis}, {base.correction_rate.basis}"
    return Accuracy(value, low, high, EXTRAPOLATED, "refined", f"from {single.basis}; {basis}")


def _critic_work(critic: Verifier, draft: Demand, rounds: np.ndarray, critique: np.ndarray) -> VerifierWork:
    read = draft.prompt_tokens + draft.answer_tokens
    return VerifierWork(
        model=critic.model,
        own_pool=critic.own_pool,
        prefill_tokens=rounds * read,
        decode_tokens=rounds * critique,
        requests=rounds,
        passes=rounds,
        sequential_prefill_tokens=rounds * read,
        sequential_decode_tokens=rounds * critique,
    )
