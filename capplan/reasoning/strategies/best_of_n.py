"""Best of N: N samples side by side, a verifier scores each, the best is the answer."""

from dataclasses import replace

import numpy as np

from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.selection import best_of
from capplan.reasoning.accuracy.value import Accuracy, spread
from capplan.reasoning.demand import Demand
from capplan.reasoning.generation import generations
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.options import Options, Query
from capplan.reasoning.rounds import Drawn, Round, judgements, samples
from capplan.reasoning.verification import ITSELF, whole_answers
from capplan.reasoning.verifying import judged, parameters, verifier_range


def demand(options: Options, query: Query) -> Demand:
    """N generations, then one verification of each; nothing is shown before the verdict."""
    drawn = generations(
        "best_of_n", query, options.thinking_law(), options.thinking_budget_tokens, options.samples, options.sample_cv
    )
    work = whole_answers(options.verifier or ITSELF, drawn)
    return replace(drawn, sequential_thinking_tokens=drawn.sequential_tokens - drawn.answer_tokens, verifier=work)


def thinking(options: Options) -> LengthLaw:
    """That of one sample."""
    return options.thinking_law()


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """The samples, then a judgement of each."""
    written = samples(options, drawn, int(np.asarray(options.samples)))
    return (written, judgements(options.verifier, written))


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """Between one sample and coverage, as far as the verifier can tell right from wrong."""
    single = base.at(
        asked.thinking_tokens + asked.answer_tokens, options.thinking_law(), options.thinking_budget_tokens
    )
    if single is None:
        return None
    trust, (concentration, _) = verifier_range(options.verifier, base), parameters(options, base)
    found = spread(
        lambda p, c, v: best_of(p, options.samples, c, v),
        (single.low, single.value, single.high),
        concentration.ends,
        trust.ends,
    )
    return judged(found, single, "best-of-N", trust, concentration)
