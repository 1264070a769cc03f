"""A cache of traces: a hit reads the thinking of an earlier query with its prompt, at prefill rate."""

import numpy as np

from capplan.reasoning.combined_lengths import mixture
from capplan.reasoning.effects import Effect
from capplan.reasoning.lengths import Constant, LengthLaw
from capplan.reasoning.normal import Values
from capplan.reasoning.range import SAME, Range
from capplan.scenario.policies import TraceCache

ON_THINKING = True


def effect(section: TraceCache, thinking: LengthLaw, samples: Values) -> Effect:
    """Hits think nothing anew and read a mean trace in its place; a misleading trace is a wrong answer."""
    hits, stale = section.hit_rate, section.hit_rate * section.stale
    trace = f"a trace of {float(np.mean(thinking.mean_tokens)):,.0f} tokens"
    return Effect(
        "trace_cache",
        f"{hits:.1%} of the queries read {trace} in place of thinking",
        thinking=mixture((1 - hits, hits), (thinking, Constant(0.0))) if hits else None,
        read_tokens=hits * thinking.mean_tokens,
        answer=Range(1 - stale, 1 - stale, 1.0, f"{section.stale:.1%} of the traces mislead") if stale else SAME,
    )
