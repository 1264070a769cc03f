"""One generation per sample, the block that most strategies are built of."""

import numpy as np

from capplan.reasoning.demand import Demand
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.longest import longest_factor, longest_quantile
from capplan.reasoning.normal import Array, Values
from capplan.reasoning.options import Query

_SHARES = (0.50, 0.95, 0.99)


def generations(
    strategy: str,
    query: Query,
    thinking: LengthLaw,
    budget_tokens: Values = np.inf,
    samples: Values = 1.0,
    sample_cv: float = 0.0,
) -> Demand:
    """`samples` generations side by side, each thinking and then answering; the query ends with the longest.

    thinking: law over queries of one sample's thinking before the cap. budget_tokens: the cap on it.
    sample_cv: spread of lengths among samples of one prompt; only the longest of several feels it.
    Assumes that thinking and answer lengths of a query are independent for the means, and that their
    percentiles coincide for the percentiles (an upper bound in the tail).
    """
    factor = longest_factor(samples, sample_cv)
    thinking_tokens = thinking.capped_mean_tokens(budget_tokens)
    prompt_tokens, answer_tokens = query.prompt.mean_tokens, query.answer.mean_tokens
    own_tokens = thinking_tokens + answer_tokens
    # E[T^2] sets how long KV is held and how much of it each token reads: long traces weigh by their square.
    square = (
        thinking.capped_square_tokens2(budget_tokens)
        + 2 * thinking_tokens * answer_tokens
        + query.answer.capped_square_tokens2(np.inf)
    )
    longest_thinking = capped_longest_tokens(thinking, budget_tokens, factor)
    sequential = longest_thinking + factor * answer_tokens
    shares = np.reshape(_SHARES, (-1, *[1] * np.ndim(sequential)))
    longest = longest_quantile(samples, sample_cv, shares)
    longest_answer = _longest_tokens(query.answer, shares, longest)
    tail = np.minimum(_longest_tokens(thinking, shares, longest), budget_tokens) + longest_answer
    return Demand(
        strategy=strategy,
        prompt_tokens=prompt_tokens,
        thinking_tokens=thinking_tokens,
        answer_tokens=answer_tokens,
        samples=samples,
        calls=1.0,
        requests=samples,
        prefill_tokens=prompt_tokens,
        repeated_prefill_tokens=0.0,
        output_tokens=samples * own_tokens,
        sequential_tokens=sequential,
        sequential_thinking_tokens=longest_thinking,
        context_tokens=prompt_tokens + square / (2 * np.maximum(own_tokens, 1e-9)),
        kv_token_steps=prompt_tokens * sequential + samples * square / 2,
        kv_peak_tokens=prompt_tokens + samples * own_tokens,
        longest_factor=factor,
        sequential_p50_tokens=tail[0],
        sequential_p95_tokens=tail[1],
        sequential_p99_tokens=tail[2],
    )


def _longest_tokens(law: LengthLaw, shares: Array, longest: Array) -> Array:
    """Percentiles over queries of the longest sample: how long a query's samples are, and how much longer its longest.

    The two are independent: their distances from the median, on a logarithmic scale, add up in squares.
    shares: the median first. longest: at each, the longest sample of one prompt over its mean.
    """
    tokens = np.maximum(law.quantile_tokens(shares), 1e-9)
    own, more = np.log(tokens / tokens[0]), np.log(longest / longest[0])
    return np.asarray(tokens[0] * longest[0] * np.exp(np.sign(own + more) * np.hypot(own, more)))


def capped_longest_tokens(law: LengthLaw, cap_tokens: Values, factor: Values) -> Values:
    """Mean of the longest sample when each is cut at the cap: min(factor x T, cap), averaged over T."""
    return factor * law.capped_mean_tokens(np.asarray(cap_tokens) / factor)


def one_sample(query: Query, thinking: LengthLaw, budget_tokens: Values = np.inf) -> Demand:
    """The demand of a single generation."""
    return generations("sample", query, thinking, budget_tokens)
