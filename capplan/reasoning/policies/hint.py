"""A prompt hint, or a trained control of length: shorter thinking that says as much."""

from capplan.reasoning.combined_lengths import Scaled
from capplan.reasoning.effects import Effect
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Values
from capplan.scenario.policies import Hint

ON_THINKING = True


def effect(section: Hint, thinking: LengthLaw, samples: Values) -> Effect:
    """Every trace is shorter by the same share, and no answer is lost: length control is published without loss.

    Claims of 75 to 88 % have no source (`configs/quality/budgets.yaml`); a prompt alone is obeyed less evenly.
    """
    left = 1.0 - section.reduction
    published = not section.given("reduction")
    source = "the middle of what length control is published with, 39 to 56 %" if published else "as given"
    said = (
        f"thinking {section.reduction:.0%} shorter ({source}), at no loss of accuracy as published for length control"
    )
    return Effect("hint", said, published=published, thinking=Scaled(thinking, left), worth=1.0 / left)
