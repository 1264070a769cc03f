"""Speculative decoding: several tokens are drafted cheaply and verified in one step."""

from typing import Any

from capplan.catalog.engines import Overheads
from capplan.engine import memory
from capplan.engine.rates import Rates
from capplan.engine.step import step
from capplan.engine.work import Work
from capplan.records import dataclass


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

    def draft_s(self, work: Work, rates: Rates, sequences: Any, context: Any) -> Any:
        """Time to draft for all sequences at their context, one token after another."""
        if self.draft is None:
            return self.draft_tokens * self.head_share * step(work, rates, Overheads(), sequences, context).total_s
        return self.draft_tokens * step(self.draft, rates, Overheads(), sequences, context).total_s

    def weight_bytes_per_gpu(self, work: Work) -> Any:
        """What drafting adds to the weights on each GPU: the draft model, or one layer for heads that cost time."""
        if self.draft is not None:
            return memory.weight_bytes_per_gpu(self.draft.architecture, self.draft.layout, self.draft.precision)
        own = memory.weight_bytes_per_gpu(work.architecture, work.layout, work.precision)
        return own / work.architecture.layers if self.head_share > 0 else 0.0

    def kv_bytes_per_gpu(self, tokens: Any) -> Any:
        """Cache of the draft model for one sequence of `tokens`; a head's single layer is left out."""
        if self.draft is None:
            return 0.0
        return memory.kv_bytes_per_gpu(self.draft.architecture, self.draft.layout, self.draft.precision, tokens)


# Acceptance of each drafted token where nobody has measured it, taken as equal for all tokens of a step though it falls
# from one to the next. mtp: 0.85 to 0.90 is published for a single drafted token (DeepSeek-V3 report, arXiv 2412.19437,
# 5.4.3); the same module run again for seven yields 3.1 to 3.2 tokens a step (arXiv 2602.23881, before its training),
# which is 0.70 each. One drafted token is thus planned with 1.70 tokens a step where 1.85 to 1.90 are published.
# eagle3: 0.60 to 0.64 by the same source (gpt-oss-120b, seven tokens), 0.58 falling to 0.50 where it reasons hard; the
# low end. medusa, ngram and lookahead depend on the text most of all: cautious guesses without a source.
_USUAL_ACCEPTANCE = {"mtp": 0.70, "eagle3": 0.50, "eagle": 0.50, "medusa": 0.45, "ngram": 0.4, "lookahead": 0.4}

# Drafts looked up in the text so far: no model runs.
_WITHOUT_A_MODEL = frozenset({"ngram", "lookahead"})


def usual(method: str, draft_tokens: int) -> Speculation:
    """Speculation with the usual acceptance of a method; 0.7 for one that is not known."""
    acceptance = _USUAL_ACCEPTANCE.get(method, 0.7)
    if method in _WITHOUT_A_MODEL:
        return Speculation(draft_tokens, acceptance, head_share=0.0)
    return Speculation(draft_tokens, acceptance)
