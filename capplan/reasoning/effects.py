"""Measures that change tokens, KV, load and accuracy, all on one footing: each is a handful of multipliers."""

from dataclasses import dataclass, replace

import numpy as np

from capplan.catalog import figures
from capplan.errors import UserError
from capplan.reasoning import published
from capplan.reasoning.accuracy.base import Range
from capplan.reasoning.accuracy.value import EXTRAPOLATED, Accuracy
from capplan.reasoning.demand import Demand
from capplan.reasoning.lengths import Scaled
from capplan.reasoning.options import Options
from capplan.units import parse

_SAME = Range(1.0, 1.0, 1.0, "no change")


@dataclass(frozen=True)
class Effect:
    """What a measure multiplies; 1 is no change.

    thinking: thinking tokens. kv: KV held and read. load: queries that reach the engine. accuracy: share of right
    answers kept, with its range. delay_s: added to every query.
    """

    name: str
    thinking: float = 1.0
    kv: float = 1.0
    load: float = 1.0
    accuracy: Range = _SAME
    delay_s: float = 0.0

    def on_options(self, options: Options) -> Options:
        """The options with shorter thinking."""
        return (
            options
            if self.thinking == 1.0
            else replace(options, thinking=Scaled(options.thinking_law(), self.thinking))
        )

    def on_demand(self, asked: Demand) -> Demand:
        """The demand with less KV held and read."""
        if self.kv == 1.0:
            return asked
        return replace(
            asked,
            context_tokens=asked.context_tokens * self.kv,
            kv_token_steps=asked.kv_token_steps * self.kv,
            kv_peak_tokens=asked.kv_peak_tokens * self.kv,
        )

    def on_accuracy(self, found: Accuracy) -> Accuracy:
        """The accuracy times what is kept of it, never above 1."""
        if self.accuracy is _SAME:
            return found
        low, value, high = (
            np.minimum(np.asarray(end) * kept, 1.0)
            for end, kept in zip((found.low, found.value, found.high), self.accuracy.ends, strict=True)
        )
        return Accuracy(value, low, high, EXTRAPOLATED, found.metric, f"{found.basis}; {self.accuracy.basis}")


def hint() -> Effect:
    """A prompt hint or length-controlled model: shorter thinking at no published loss."""
    return Effect("hint", thinking=1.0 - float(published.law_range("budgets", "hint_reduction").value))


def early_stop(saved: float, accuracy_kept: float = 1.0) -> Effect:
    """Streaming verification: thinking stops once its answer is found good.

    saved: share of thinking tokens not written. No published law was found, so both figures are the scenario's; the
    accuracy range goes from what is stated to no loss.
    """
    kept = Range(accuracy_kept, accuracy_kept, 1.0, f"early stop keeps {accuracy_kept:.0%} as stated")
    return Effect("early stop", thinking=1.0 - _ratio("saved", saved), accuracy=kept)


def answer_cache(hit_rate: float, stale: float = 0.0) -> Effect:
    """A cache of answers or traces: hits never reach the engine; a stale hit is a wrong answer.

    Saving k-fold needs a hit rate of 1 - 1/k: 3x needs 67 %, 5x needs 80 %.
    """
    hits = _ratio("hit_rate", hit_rate)
    kept = 1.0 - hits * _ratio("stale", stale)
    return Effect("answer cache", load=1.0 - hits, accuracy=Range(kept, kept, kept, f"{stale:.1%} of the hits stale"))


def kv_compression(kept: float) -> Effect:
    """Keeps this share of the KV cache. Accuracy as published at 10 %, assumed to fall in proportion to what goes.

    Best methods lose nothing at 10 % (R-KV), earlier ones 40 %; below 10 % nothing is known.
    Raises UserError below 10 %.
    """
    if not 0.1 <= kept <= 1.0:
        raise UserError(f"KV compression to {kept:.0%}: published results go from 10 % to 100 %")
    at_tenth = published.law_range("kv-compression", "accuracy_kept_at_10")
    low, mid, high = (1 - (1 - float(end)) * (1 - kept) / 0.9 for end in at_tenth.ends)
    return Effect("KV compression", kv=kept, accuracy=Range(low, mid, high, f"KV kept {kept:.0%}: {at_tenth.basis}"))


def quantization(weights: str, parameters: float) -> Effect:
    """Accuracy kept at a precision of the weights (bf16, fp8, int8, int4, fp4); its bytes and speed are the engine's.

    parameters: total; models under 3e9 lose more. Raises UserError for a precision without figures.
    """
    tree = figures.entry("quality", "quantization").plain
    small = parameters < parse(str(tree["small_below_parameters"]), "count")
    key = f"{weights}_small" if small and f"{weights}_small" in tree else weights
    if key not in tree:
        raise UserError(f"no published accuracy at '{weights}' weights (known: bf16, fp8, int8, int4, fp4)")
    return Effect(f"{weights} weights", accuracy=published.law_range("quantization", key))


def hit_rate_needed(saving: float) -> float:
    """Hit rate at which a cache cuts cost by this factor.

    >>> round(hit_rate_needed(3), 2), round(hit_rate_needed(5), 2)
    (0.67, 0.8)
    """
    return 1.0 - 1.0 / saving


def _ratio(name: str, value: float) -> float:
    if not 0.0 <= value < 1.0:
        raise UserError(f"{name}: {value:g} must be from 0 to below 1")
    return value
