"""Streaming verification: thinking is checked as it is written, and ends once its answer holds."""

from capplan.reasoning.combined_lengths import Scaled
from capplan.reasoning.effects import Effect
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Values
from capplan.reasoning.range import SAME, Range
from capplan.scenario.policies import EarlyStop

ON_THINKING = True


def effect(section: EarlyStop, thinking: LengthLaw, samples: Values) -> Effect:
    """Every trace is shorter by the same share, and longer by what its checks write.

    No published law was found: both figures are the scenario's, and the accuracy may be anything from there to no loss.
    """
    written = (1.0 - section.saved) * (1.0 + section.check_tokens / section.check_every_tokens)
    kept = section.accuracy_kept
    said = f"{section.saved:.0%} of the thinking not written, as given; with the checks {1 - written:.1%} are saved"
    loss = Range(kept, kept, 1.0, f"early stop keeps {kept:.1%} as given") if kept < 1 else SAME
    return Effect("early_stop", said, thinking=Scaled(thinking, written), worth=1.0 / written, sample=loss)
