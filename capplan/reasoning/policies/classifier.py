"""A difficulty classifier that gives each query the thinking budget of the class that it takes it for."""

from itertools import pairwise

import numpy as np

from capplan.reasoning.combined_lengths import capped, mixture, part_of
from capplan.reasoning.effects import Effect
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Array, Values
from capplan.reasoning.range import SAME, Range
from capplan.scenario.policies import DifficultyClassifier

ON_THINKING = True

_SHARES = (np.arange(200) + 0.5) / 200


def effect(section: DifficultyClassifier, thinking: LengthLaw, samples: Values) -> Effect:
    """Each class is the slice of the law of thinking that its share covers, the shortest thinking first.

    A hard query taken for an easy one is cut at the easy cap and loses accuracy by the share of its thinking that it
    is denied (`Base.at`); an easy one taken for hard keeps its own short length, so only the first error costs right
    answers and only the second saves nothing.
    """
    weights = confusion(section)
    ends = np.cumsum([0.0, *(one.share for one in section.classes)])
    slices = [part_of(thinking, float(low), float(high)) for low, high in pairwise(ends)]
    caps = [np.inf if one.cap_tokens is None else one.cap_tokens for one in section.classes]
    chosen = [(float(weights[own, given]), slices[own], caps[given]) for own, given in np.ndindex(weights.shape)]
    chosen = [one for one in chosen if one[0] > 0]
    law = mixture([weight for weight, _, _ in chosen], [capped(part, cap) for _, part, cap in chosen])
    kept = sum(weight * _kept(part, cap) for weight, part, cap in chosen)
    cut = sum(weight * part.share_above(cap) for weight, part, cap in chosen)
    right = float(np.trace(weights))
    said = (
        f"caps by class of difficulty, {right:.1%} of the queries in their own class, {_percent(cut)} of them cut short"
    )
    return Effect(
        "classifier",
        said,
        thinking=law,
        left=law.mean_tokens / np.maximum(thinking.mean_tokens, 1e-9),
        cut=Range(1 - cut, kept, 1.0, "cut by class, in proportion to the thinking left") if np.any(cut > 0) else SAME,
        delay_s=section.latency_s,
        usd_per_query=section.cost_usd / 1000,
    )


def confusion(section: DifficultyClassifier) -> Array:
    """Share of all queries that are of a class (rows) and taken for one (columns); all together 1."""
    classes = section.classes
    known = np.array([section.accuracy if one.recognised is None else one.recognised for one in classes])
    others = len(classes) - 1
    if not others:
        return np.ones((1, 1))
    table = np.tile(((1 - known) / others)[:, None], (1, len(classes)))
    np.fill_diagonal(table, known)
    return np.asarray(table * np.array([one.share for one in classes])[:, None])


def _kept(part: LengthLaw, cap: float) -> Values:
    """Mean share of its thinking that a query of the slice gets."""
    if not np.isfinite(cap):
        return 1.0
    lengths = part.quantile_tokens(_SHARES[:, None] if np.ndim(part.mean_tokens) else _SHARES)
    return np.asarray(np.minimum(1.0, cap / np.maximum(lengths, 1e-9)).mean(axis=0))


def _percent(share: Values) -> str:
    return f"{float(np.mean(share)):.1%}"
