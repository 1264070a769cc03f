"""Thinking budgets: what caps, hints, classifiers, quotas and alerts do to tokens, KV and the requests they cut."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capplan.errors import UserError
from capplan.reasoning import published
from capplan.reasoning.accuracy.base import Range
from capplan.reasoning.lengths import LengthLaw, Lognormal
from capplan.reasoning.normal import Array, Values


@dataclass(frozen=True)
class BudgetEffect:
    """Against no budget: mean thinking that is left, and shares of thinking tokens and KV-time saved, requests cut.

    kv_saved: of the KV that thinking holds while it is written (by the square of the length: a cap saves more KV than
    tokens). cut: requests that the cap ends early; those pay in accuracy. Broadcast over the caps.
    """

    thinking_tokens: Array
    saved: Array
    kv_saved: Array
    cut: Array


@dataclass(frozen=True)
class QueryClass:
    """One class of difficulty: its share of the queries, its thinking and the cap meant for it."""

    share: float
    thinking: LengthLaw
    cap_tokens: float


@dataclass(frozen=True)
class Quota:
    """A user's day under a quota: thinking served of what was wanted, and the share of users who run into it."""

    served: float
    users_stopped: float


def capped(thinking: LengthLaw, cap_tokens: Values) -> BudgetEffect:
    """One cap for every request.

    >>> from capplan.reasoning.lengths import Constant
    >>> effect = capped(Constant(4000.0), 1000.0)
    >>> float(effect.saved), float(effect.kv_saved), float(effect.cut)
    (0.75, 0.9375, 1.0)
    """
    left, square = thinking.capped_mean_tokens(cap_tokens), thinking.capped_square_tokens2(cap_tokens)
    whole, whole_square = thinking.capped_mean_tokens(np.inf), thinking.capped_square_tokens2(np.inf)
    return BudgetEffect(left, 1 - left / whole, 1 - square / whole_square, thinking.share_above(cap_tokens))


def hint_reduction() -> Range:
    """Share of thinking that length control saves, as published: 39 to 56 % (claims of 75 to 88 % have no source)."""
    return published.law_range("budgets", "hint_reduction")


def classified(classes: Sequence[QueryClass], accuracy: float) -> BudgetEffect:
    """Caps by class, given out by a classifier that is right this often and else picks another class at random.

    A hard query taken for an easy one is cut at the easy cap; an easy one taken for hard keeps its own short length,
    so that only the first kind of error costs anything. classes: shares together 1.
    """
    if not classes or abs(sum(c.share for c in classes) - 1) > 1e-6:
        raise UserError("classes of difficulty need shares that make 100 %")
    wrong = (1 - accuracy) / max(len(classes) - 1, 1)
    rows = [
        (one.share * (accuracy if given is one else wrong), capped(one.thinking, given.cap_tokens), one)
        for one in classes
        for given in classes
    ]
    total = sum(weight for weight, _, _ in rows)
    mean, cut = (
        np.asarray(sum(w * getattr(effect, name) for w, effect, _ in rows) / total)
        for name in ("thinking_tokens", "cut")
    )
    whole = sum(w * one.thinking.mean_tokens for w, _, one in rows) / total
    squares = [(w, one.thinking.capped_square_tokens2(np.inf), effect.kv_saved) for w, effect, one in rows]
    kv_saved = sum(w * s * saved for w, s, saved in squares) / sum(w * s for w, s, _ in squares)
    return BudgetEffect(mean, np.asarray(1 - mean / whole), np.asarray(kv_saved), cut)


def quota(thinking: LengthLaw, requests: float, quota_tokens: float) -> Quota:
    """A quota of thinking tokens per user and day (or session), for users who send `requests` of them on average.

    The day's total is taken as lognormal with the mean and variance of a compound Poisson sum; good from a few requests
    on, too smooth below. Past the quota a user thinks no more.
    """
    mean, second = float(thinking.mean_tokens), float(thinking.capped_square_tokens2(np.inf))
    total = Lognormal.from_mean_cv(requests * mean, math.sqrt(requests * second) / (requests * mean))
    return Quota(
        float(total.capped_mean_tokens(quota_tokens)) / total.mean_tokens, float(total.share_above(quota_tokens))
    )


def alert(thinking: LengthLaw, over_p95: float = 2.0) -> tuple[float, float]:
    """(threshold in tokens, share of requests above it) of an alert at a multiple of the class's p95.

    A class whose law is lognormal with CV 1.5 alerts on about 1 request in 90; one with a heavier tail on more.
    """
    threshold = over_p95 * float(thinking.quantile_tokens(0.95))
    return threshold, float(thinking.share_above(threshold))
