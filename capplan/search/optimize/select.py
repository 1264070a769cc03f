"""The winner by exact plans, those that come after it, and what was pruned on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import merge

import numpy as np

from capplan.search.optimize.candidate import Candidate, Exact, best_of, exactly
from capplan.search.optimize.evaluated import SLACK, Evaluated

# Estimated money and energy lie within this of the plan's, which draws its own curve for every concurrency.
CLOSE = 0.004
# Candidates planned exactly in the search for the winner; beyond, those left differ by less than CLOSE or come later.
MOST_EXACT = 160
_BATCH = 16


@dataclass(frozen=True)
class Winner:
    """The best plan. proven: every candidate that could be better was planned; exact: those that were."""

    best: Exact
    proven: bool
    exact: tuple[Exact, ...]


def winner(found: Sequence[Evaluated], objective: str, most: int = MOST_EXACT) -> Winner | None:
    """Branch and bound: estimates are a little too good, so the search ends where they no longer beat a plan."""
    streams = [best_of(one, one.objective(objective), one.feasible, most) for one in found]
    ordered = list(merge(*streams, key=lambda pair: pair[0]))
    best: Exact | None = None
    tried: list[Exact] = []
    for start in range(0, min(len(ordered), most), _BATCH):
        batch = ordered[start : start + _BATCH]
        if best is not None and batch[0][0] * (1 - CLOSE) > best.value:
            break
        open_ones = [one for bound, one in batch if best is None or bound * (1 - CLOSE) <= best.value]
        for exact in exactly(open_ones, objective):
            tried.append(exact)
            if exact.feasible and (best is None or exact.order < best.order):
                best = exact
    if best is None:
        return None
    left = ordered[len(tried) :]
    return Winner(best, not any(bound * (1 - CLOSE) <= best.value for bound, _ in left), tuple(tried))


def runners_up(found: Sequence[Evaluated], best: Exact, objective: str, count: int) -> list[Exact]:
    """The best plan of every other deployment, the nearest first; those whose few best fail exactly are left out."""
    others = [one for one in found if one is not best.candidate.evaluated]
    firsts = [best_of(one, one.objective(objective), one.feasible, 3) for one in others]
    ranked = sorted((each for each in firsts if each), key=lambda each: each[0][0])[: count + 2]
    made = []
    for each in ranked:
        good = [exact for exact in exactly([candidate for _, candidate in each], objective) if exact.feasible]
        if good:
            made.append(min(good, key=lambda exact: exact.order))
    return sorted(made, key=lambda exact: exact.order)[:count]


def pruned(found: Sequence[Evaluated]) -> Mapping[str, int]:
    """How many candidates fell to which constraint, the most first; each counts for the one that it breaks worst."""
    counts: Counter[str] = Counter()
    for one in found:
        unpriced = np.isnan(one.usd)
        real = np.broadcast_to(one.refused != "no", one.usd.shape)
        counts["price"] += int((unpriced & real & (one.refused == "")).sum())
        for name in np.unique(one.refused):
            if name and name != "no":
                counts[str(name)] += int((one.refused == name).sum()) * one.usd.shape[0]
        open_ = one.possible
        if not one.ratios:
            continue
        names = list(one.ratios)
        ratios = np.stack([np.broadcast_to(one.ratios[name], one.usd.shape) for name in names])
        missed = open_ & (ratios.max(axis=0) > 1 + SLACK)
        worst = ratios.argmax(axis=0)
        for place, name in enumerate(names):
            counts[name.removesuffix("_s")] += int((missed & (worst == place)).sum())
    return {name: number for name, number in counts.most_common() if number}


def considered(found: Sequence[Evaluated]) -> int:
    """Candidates of the space."""
    return sum(int((one.refused != "no").sum()) * one.usd.shape[0] for one in found)


def why_behind(best: Exact, other: Exact) -> str:
    """What a runner-up loses on, in words."""
    mine, theirs = best.plan.row, other.plan.row
    said = []
    if best.value and other.value > best.value:
        said.append(f"{other.value / best.value - 1:+.1%}")
    if theirs["gpus"] != mine["gpus"]:
        said.append(f"{theirs['gpus']} GPUs instead of {mine['gpus']}")
    else:
        said.append("as many GPUs, at a higher price" if theirs["gpu"] != mine["gpu"] else "as many GPUs")
    if theirs["tta_p99_s"] < 0.99 * mine["tta_p99_s"]:
        said.append(f"but {1 - theirs['tta_p99_s'] / mine['tta_p99_s']:.0%} faster to the answer")
    return ", ".join(said)


def binding(best: Exact) -> str | None:
    """The limit that the winner comes nearest to, None where there is none."""
    shares = best.shares
    return max(shares, key=lambda name: shares[name], default=None)


__all__ = ["Candidate", "Winner", "binding", "considered", "pruned", "runners_up", "why_behind", "winner"]
