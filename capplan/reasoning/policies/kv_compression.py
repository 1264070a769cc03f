"""A KV cache of which a part is evicted while it is in use."""

from capplan.reasoning import published
from capplan.reasoning.effects import Effect
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Values
from capplan.reasoning.range import SAME, Range
from capplan.scenario.policies import Compression

ON_THINKING = False


def effect(section: Compression, thinking: LengthLaw, samples: Values) -> Effect:
    """KV held and read shrink to what is kept; accuracy as published at 10 %, falling in proportion to what goes.

    The best methods lose nothing at 10 % (R-KV, arXiv 2505.24133), earlier ones 40 %; nothing is known below.
    """
    kept = section.kept
    at_tenth = published.law_range("kv-compression", "accuracy_kept_at_10")
    low, mid, high = (1 - (1 - float(end)) * (1 - kept) / 0.9 for end in at_tenth.ends)
    loss = Range(low, mid, high, f"KV kept {kept:.0%}: {at_tenth.basis}") if kept < 1 else SAME
    return Effect("kv_compression", f"{kept:.0%} of the KV cache kept", kv=kept, sample=loss)
