"""A quota of thinking tokens per user and day: past it, a user's queries are answered without thinking."""

import math

import numpy as np

from capplan.reasoning.combined_lengths import mixture
from capplan.reasoning.effects import Effect
from capplan.reasoning.lengths import Constant, LengthLaw, Lognormal
from capplan.reasoning.normal import Values
from capplan.reasoning.range import Range
from capplan.scenario.policies import Quota

ON_THINKING = True


def effect(section: Quota, thinking: LengthLaw, samples: Values, name: str = "user_quota") -> Effect:
    """Thinking is served up to the quota; queries past it count as wrong at worst and in the middle, as right at best.

    Nothing published says how often answers without thinking are right for a model that thinks.
    """
    served, stopped = spent(thinking, float(np.mean(samples)), section.queries, section.tokens)
    who = "users" if name == "user_quota" else "sessions"
    basis = f"{1 - served:.1%} of the queries past the quota, none of them counted as right"
    return Effect(
        name,
        f"{stopped:.1%} of the {who} run into {section.tokens:,.0f} tokens; {served:.1%} of the thinking is served",
        thinking=mixture((served, 1 - served), (thinking, Constant(0.0))),
        answer=Range(served, served, 1.0, basis),
    )


def spent(thinking: LengthLaw, samples: float, queries: float, quota_tokens: float) -> tuple[float, float]:
    """(share of the thinking served, share of users who run into the quota).

    The period's total is taken as lognormal with the mean and variance of a compound Poisson sum of queries; good from
    a few queries on, too smooth below. samples: of a query, all alike in length (they share the problem).
    """
    mean = samples * float(np.mean(thinking.mean_tokens))
    second = samples**2 * float(np.mean(thinking.capped_square_tokens2(np.inf)))
    total = Lognormal.from_mean_cv(queries * mean, math.sqrt(queries * second) / (queries * mean))
    return float(total.capped_mean_tokens(quota_tokens)) / total.mean_tokens, float(total.share_above(quota_tokens))
