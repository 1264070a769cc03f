"""Speculative decoding: several tokens are drafted cheaply and verified in one step."""

from dataclasses import dataclass
from typing import Any

from capplan.catalog.engines import Overheads
from capplan.engine.rates import Rates
from capplan.engine.work import Work


@dataclass(frozen=True)
class Speculation:
    """`draft_tokens` proposed a step, each accepted with probability `acceptance` if all before it were.

    draft: the draft model's work, or None for heads that share the target's layers (MTP, EAGLE), which then cost
    `head_share` of a target step for each drafted token.
    """

    draft_tokens: int
    acceptance: float
    draft: Work | None = None
    head_share: float = 0.03

    @property
    def tokens_per_step(self) -> float:
        """Expected tokens that one verification yields: 1 + a + a^2 + ... + a^n.

        Source: Leviathan et al. 2023, arXiv 2211.17192, equation 1.

        >>> round(Speculation(4, 0.8).tokens_per_step, 3)
        3.362
        """
        a, n = self.acceptance, self.draft_tokens
        return float(n + 1) if a >= 1.0 else (1.0 - a ** (n + 1)) / (1.0 - a)

    def draft_s(self, work: Work, rates: Rates, sequences: Any) -> Any:
        """Time to draft for all sequences, one token after another."""
        from capplan.engine.step import step

        if self.draft is None:
            target_s = step(work, rates, Overheads(), sequences, 0.0).total_s
            return self.draft_tokens * self.head_share * target_s
        return self.draft_tokens * step(self.draft, rates, Overheads(), sequences, 0.0).total_s


# Acceptance of a drafted token where nothing is measured; DeepSeek-V3 report (MTP, 85-90 % for the second token),
# EAGLE-3 paper (arXiv 2503.01840: 0.7-0.8 on chat and maths), Leviathan et al. for separate draft models.
_USUAL_ACCEPTANCE = {"mtp": 0.70, "eagle3": 0.50, "eagle": 0.50, "medusa": 0.45, "ngram": 0.4, "lookahead": 0.4}


def usual(method: str, draft_tokens: int) -> Speculation:
    """Speculation with the acceptance published for a method; 0.7 for one that is not known."""
    return Speculation(draft_tokens, _USUAL_ACCEPTANCE.get(method, 0.7))
