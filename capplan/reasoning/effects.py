"""What policies do to a query, whatever the policy: one record that every one of them fills in, and their product."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.reasoning.demand import Demand, VerifierWork
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Values
from capplan.reasoning.range import SAME, Range
from capplan.records import dataclass
from capplan.scenario.part import slots
from capplan.scenario.policies import Policies

if TYPE_CHECKING:
    from capplan.reasoning.accuracy.base import Base
    from capplan.reasoning.accuracy.value import Accuracy


@dataclass(frozen=True)
class Effect:
    """One policy's effect; what it leaves alone is 1, 0 or SAME.

    said: what it does and rests on, in a phrase. published: the scenario leaves its figures to the catalogue.
    thinking: the law of one sample's thinking from here on; None leaves it. worth: tokens of thinking that one token
    is worth now, where it is shorter and says as much. left: share of the thinking that cut samples get to, which a
    curve is read at; cut: share of a single figure's accuracy that they keep.
    sample, answer: share of right answers kept, of each sample and of the query. kv: KV held and read. reach: queries
    that come to the engine. read_tokens: read with the prompt. delay_s: before every query is read. usd_per_query: paid
    beside the fleet.
    """

    name: str
    said: str
    published: bool = False
    thinking: LengthLaw | None = None
    worth: float = 1.0
    left: Values = 1.0
    cut: Range = SAME
    sample: Range = SAME
    answer: Range = SAME
    kv: float = 1.0
    reach: float = 1.0
    read_tokens: Values = 0.0
    delay_s: float = 0.0
    usd_per_query: float = 0.0


@dataclass(frozen=True)
class Effects:
    """Policies in the order in which they take effect, as one."""

    each: tuple[Effect, ...] = field(default=())

    def law(self, own: LengthLaw) -> LengthLaw:
        """Thinking of one sample under all of them."""
        return next((one.thinking for one in reversed(self.each) if one.thinking is not None), own)

    @property
    def worth(self) -> float:
        """Tokens of thinking without any policy that one token is worth."""
        return math.prod(one.worth for one in self.each)

    @property
    def reach(self) -> float:
        """Share of the queries that come to the engine."""
        return math.prod(one.reach for one in self.each)

    @property
    def kv(self) -> float:
        """Share of the KV cache held and read."""
        return math.prod(one.kv for one in self.each)

    @property
    def read_tokens(self) -> Values:
        """Tokens read with every prompt."""
        return sum((np.asarray(one.read_tokens) for one in self.each), start=np.asarray(0.0))

    @property
    def delay_s(self) -> float:
        """Added to every query before it is read."""
        return sum(one.delay_s for one in self.each)

    @property
    def usd_per_query(self) -> float:
        """Paid beside the fleet."""
        return sum(one.usd_per_query for one in self.each)

    def on_demand(self, asked: Demand) -> Demand:
        """The mean over all queries, with what never reaches the engine; latencies are those of what does."""
        reach, kv, read = self.reach, self.kv, np.asarray(self.read_tokens)
        if self.each:
            paid = asked.usd_per_query + self.usd_per_query
            asked = replace(asked, delay_s=asked.delay_s + self.delay_s, usd_per_query=paid)
        if reach == 1.0 and kv == 1.0 and not np.any(read):
            return asked
        return replace(
            asked,
            requests=asked.requests * reach,
            prefill_tokens=(asked.prefill_tokens + read) * reach,
            repeated_prefill_tokens=asked.repeated_prefill_tokens * reach,
            output_tokens=asked.output_tokens * reach,
            context_tokens=(asked.context_tokens + read) * kv,
            kv_token_steps=(asked.kv_token_steps + read * asked.sequential_tokens) * kv * reach,
            kv_peak_tokens=(asked.kv_peak_tokens + read) * kv,
            verifier=None if asked.verifier is None else _reached(asked.verifier, reach),
        )

    def on_base(self, base: Base) -> Base:
        """What is known about one sample, less what the policies take from it."""
        kept, cut = (_product(getattr(one, name) for one in self.each) for name in ("sample", "cut"))
        if kept is SAME and cut is SAME:
            return base
        left = np.prod([np.asarray(one.left, dtype=np.float64) for one in self.each], axis=0)
        return replace(base, kept=_product((base.kept, kept)), cut=cut, left=left)

    def on_accuracy(self, found: Accuracy | None) -> Accuracy | None:
        """The accuracy of the whole answer times what is kept of it."""
        return None if found is None else found.times(_product(one.answer for one in self.each))


def effects(policies: Policies, own: LengthLaw, samples: Values = 1.0) -> Effects:
    """The policies' effects on samples whose thinking has the law `own`, each on what the ones before it left.

    samples: of one query, all of which a quota counts. Where nothing is thought, what acts on thinking does nothing.
    """
    made: list[Effect] = []
    law, thinks = own, bool(np.any(np.asarray(own.mean_tokens) > 0))
    for slot in slots(Policies).values():
        section = getattr(policies, slot.field)
        if section is None:
            continue
        module = importlib.import_module(f"capplan.reasoning.policies.{slot.field}")
        if module.ON_THINKING and not thinks:
            continue
        effect: Callable[[Any, LengthLaw, Values], Effect] = module.effect
        made.append(effect(section, law, samples))
        law = made[-1].thinking or law
    return Effects(tuple(made))


def _reached(work: VerifierWork, reach: float) -> VerifierWork:
    return replace(
        work,
        prefill_tokens=work.prefill_tokens * reach,
        decode_tokens=work.decode_tokens * reach,
        requests=work.requests * reach,
    )


def _product(ranges: Iterable[Range]) -> Range:
    told = [one for one in ranges if one is not SAME]
    if not told:
        return SAME
    low, value, high = (np.prod([np.asarray(one.ends[end]) for one in told], axis=0) for end in range(3))
    return Range(low, value, high, "; ".join(one.basis for one in told))
