"""Majority vote (self-consistency): N samples side by side, the most frequent answer wins; adaptive grows N."""

from dataclasses import replace

import numpy as np

from capplan.reasoning.accuracy import adaptive
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import EXTRAPOLATED, FITTED, Accuracy, spread, weaker
from capplan.reasoning.accuracy.voting import voted
from capplan.reasoning.demand import Demand
from capplan.reasoning.generation import generations, one_sample
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.longest import longest_factor
from capplan.reasoning.normal import Values
from capplan.reasoning.options import Options, Query
from capplan.reasoning.published import default_laws
from capplan.reasoning.rounds import Drawn, Round, only, samples
from capplan.reasoning.verifying import parameters


def demand(options: Options, query: Query) -> Demand:
    """N generations that share the prompt; the query ends with the longest of them.

    adaptive: rounds of 2, 4, 8 ... samples until the vote is decided. Without any accuracy to tell how soon that is,
    no saving is claimed: the demand is that of all N, drawn in rounds.
    """
    thinking, budget = options.thinking_law(), options.thinking_budget_tokens
    whole = generations("majority_vote", query, thinking, budget, options.samples, options.sample_cv)
    return _in_rounds(options, whole, one_sample(query, thinking, budget)) if options.adaptive else whole


def thinking(options: Options) -> LengthLaw:
    """That of one sample."""
    return options.thinking_law()


def rounds(options: Options, drawn: Drawn) -> tuple[Round, ...]:
    """All samples at once; adaptive: 2, 4, 8 ... in all, each query as far as its vote takes to be decided."""
    if not options.adaptive:
        return (samples(options, drawn, int(np.asarray(options.samples))),)
    growth = _growth(options)
    undecided = drawn.rng.random(len(drawn))
    made, before = [], 0
    for total, reached in zip(growth.stages, growth.reached, strict=True):
        made.append(only(samples(options, drawn, total - before), undecided < reached))
        before = total
    return tuple(made)


def accuracy(options: Options, asked: Demand, base: Base) -> Accuracy | None:
    """Plurality vote under Beta-distributed difficulty; a published vote of this very model and N comes first."""
    single = base.at(
        asked.thinking_tokens + asked.answer_tokens, options.thinking_law(), options.thinking_budget_tokens
    )
    if single is None:
        return None
    concentration, share = parameters(options, base)
    known = base.votes.get(int(options.samples)) if np.ndim(options.samples) == 0 else None
    if known is not None and single is base.single and concentration is base.concentration and not options.adaptive:
        return known
    samples = options.samples
    ends = (single.low, single.value, single.high)
    low, value, high = spread(lambda p, c: voted(p, samples, c, share), ends, concentration.ends)
    fitted = base.concentration_fitted and bool(np.all(np.asarray(samples) <= max(base.votes, default=64)))
    status = weaker(single.status, FITTED if fitted and concentration is base.concentration else EXTRAPOLATED)
    return Accuracy(
        value,
        low,
        high,
        status,
        f"cons@{_shown(samples)}",
        f"vote over {single.basis}; {concentration.basis}, winning share {np.asarray(share):g}",
    )


def _in_rounds(options: Options, whole: Demand, sample: Demand) -> Demand:
    """The demand of adaptive voting from that of all N at once and of one sample."""
    growth = _growth(options)
    sizes = np.diff(np.array((0, *growth.stages), dtype=np.float64))
    reached = np.array(growth.reached)
    factors = longest_factor(sizes, options.sample_cv)
    # A round that only one query in twenty needs is in the p95, and one that one in a hundred needs in the p99.
    longest = {share: float(factors @ (reached > 1 - share)) for share in (0.50, 0.95, 0.99)}
    sequential = float(factors @ reached)
    drawn = growth.samples
    own_steps = sample.kv_token_steps - sample.prompt_tokens * sample.sequential_tokens
    return replace(
        whole,
        samples=drawn,
        calls=growth.rounds,
        requests=drawn,
        repeated_prefill_tokens=(growth.rounds - 1) * whole.prompt_tokens,
        output_tokens=drawn * sample.output_tokens,
        sequential_tokens=sequential * sample.sequential_tokens,
        sequential_thinking_tokens=sequential * sample.sequential_tokens - sample.answer_tokens,
        kv_token_steps=sample.prompt_tokens * sequential * sample.sequential_tokens + drawn * own_steps,
        kv_peak_tokens=whole.prompt_tokens + float(sizes.max()) * sample.output_tokens,
        longest_factor=sequential,
        sequential_p50_tokens=longest[0.50] * sample.sequential_p50_tokens,
        sequential_p95_tokens=longest[0.95] * sample.sequential_p95_tokens,
        sequential_p99_tokens=longest[0.99] * sample.sequential_p99_tokens,
    )


def _growth(options: Options) -> adaptive.Growth:
    most = int(np.asarray(options.samples))
    if options.single_accuracy is None:
        stages = adaptive.stages(most)
        return adaptive.Growth(float("nan"), float(most), float(len(stages)), stages, (1.0,) * len(stages))
    concentration, share = parameters(options, default_laws())
    return adaptive.grown(options.single_accuracy, most, float(concentration.value), float(share))


def _shown(samples: Values) -> str:
    return f"{samples:g}" if np.ndim(samples) == 0 else "N"
