"""`routing`: queries split over pools, each with its own model, layout and way of thinking."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from capplan.records import dataclass
from capplan.scenario.kinds import Choice, Kind, Name, Reference, ValueFault
from capplan.scenario.length import Length
from capplan.scenario.part import Contradiction, Part, key, required
from capplan.scenario.policies import AnswerCache
from capplan.scenario.quality import Quality
from capplan.scenario.quantity import Quantity
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.serving import Serving

BY = ("difficulty", "prompt_tokens", "thinking_tokens", "answer_tokens")
_SHARE = Quantity("ratio", least=0, most=1)


@dataclass(frozen=True)
class Sent:
    """Where queries go: shares by the name of the tier, together 1."""

    shares: tuple[tuple[str, float], ...]

    def share(self, tier: str) -> float:
        return dict(self.shares).get(tier, 0.0)


class SentKind(Kind):
    """Reads shares by name."""

    def read(self, value: object) -> Sent:
        if isinstance(value, Sent):
            return value
        if not isinstance(value, Mapping):
            raise ValueFault("shares by the name of the tier are needed", "such as {fast: 95 %, deep: 5 %}")
        shares = tuple((str(name), _SHARE.read(share)) for name, share in value.items())
        total = sum(share for _, share in shares)
        if abs(total - 1) > 1e-6:
            raise ValueFault(f"the shares add up to {total * 100:.6g} %", "they must make 100 %")
        return Sent(shares)

    def write(self, value: Sent) -> Any:
        return dict(value.shares)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": _SHARE.json_schema()}


class Classifier(Part):
    """What decides which tier a query goes to."""

    latency_s: Annotated[float, Quantity("s", least=0, most=1e5, example="8 ms")] = key(
        0.0, "Added to the latency of every query."
    )
    cost_usd: Annotated[float, Quantity("usd", least=0, most=1e6, example="0.02 USD")] = key(
        0.0, "What it costs for 1,000 queries."
    )
    accuracy: Annotated[float | None, Quantity("ratio", least=0, most=1, example="92 %")] = key(
        None, "Share of the queries of each tier that it sends there; the others spread evenly over the other tiers. "
        "Left out: all."
    )  # fmt: skip


class Escalation(Part):
    """The check after each tier of a cascade, which lets answers through or sends the query on to the next tier."""

    keeps_right: Annotated[float, Quantity("ratio", above=0, most=1, example="98 %")] = key(
        1.0, "Share of the right answers that it lets through."
    )
    keeps_wrong: Annotated[float, Quantity("ratio", least=0, most=1, example="10 %")] = key(
        0.0, "Share of the wrong answers that it lets through."
    )
    latency_s: Annotated[float, Quantity("s", least=0, most=1e5, example="50 ms")] = key(0.0, "Of one check.")
    cost_usd: Annotated[float, Quantity("usd", least=0, most=1e6, example="0.05 USD")] = key(
        0.0, "What 1,000 checks cost."
    )


class Tier(Part):
    """One pool. What it leaves out is as in the rest of the file; what it gives overrides that, key by key."""

    name: Annotated[str, Name(example="fast")] = required("Name of the pool, in reports.")
    share: Annotated[float | None, Quantity("ratio", above=0, most=1, example="70 %")] = key(
        None, "Share of the queries that belong here, the easiest in the first tier; all shares make 100 %."
    )
    up_to: Annotated[float | None, Quantity("tokens", above=0, most=1e9, example="4k")] = key(
        None, "Longest length that belongs here, where `by` names a length. The last tier takes all that are longer."
    )
    sent_to: Annotated[Sent | None, SentKind()] = key(
        None, "Where the classifier sends the queries that belong here, shares by the name of the tier: a row of its "
        "confusion matrix. Left out: its accuracy."
    )  # fmt: skip
    model: Annotated[Any, Reference("models")] = key(None, "Model of this pool.")
    gpu: Annotated[Any, Reference("accelerators")] = key(None, "Accelerator of this pool.")
    serving: Serving | None = key(None, "Keys of `serving` that differ in this pool.")
    reasoning: Reasoning | None = key(
        None, "Keys of `reasoning` that differ in this pool; another strategy starts afresh."
    )
    quality: Quality | None = key(None, "Where this pool's accuracy comes from.")


class Routing(Part):
    """Tiers and who sorts queries into them."""

    by: Annotated[Literal["difficulty", "prompt_tokens", "thinking_tokens", "answer_tokens"], Choice(BY)] = key(
        "difficulty", "What the tiers differ in: the difficulty of their queries, or a length, cut at `up_to`."
    )
    classifier: Classifier | None = key(None, "What sorts the queries. Left out: they come sorted.")
    cache: AnswerCache | None = key(None, "Answers of earlier queries, looked up before anything else.")
    escalation: Escalation | None = key(
        None, "The check of a cascade. Left out: it knows what is wrong, and each tier settles its share."
    )
    tiers: tuple[Tier, ...] = required("The pools, two or more as a rule.")

    def contradictions(self) -> Iterator[Contradiction]:
        if not self.tiers:
            yield Contradiction("tiers", "no tier is given", "routing needs at least one tier with a name and a share")
            return
        yield from self._shares() if self.by == "difficulty" else self._lengths()
        names = [tier.name for tier in self.tiers]
        for at, tier in enumerate(self.tiers):
            if tier.name in names[:at]:
                message = f"'{tier.name}' is already the name of tier {names.index(tier.name)}"
                yield Contradiction(f"tiers.{at}.name", message, "name each tier differently")
            unknown = [name for name, _ in tier.sent_to.shares if name not in names] if tier.sent_to else []
            if unknown:
                yield Contradiction(
                    f"tiers.{at}.sent_to", f"there is no tier '{unknown[0]}'", f"tiers: {', '.join(names)}"
                )

    def _shares(self) -> Iterator[Contradiction]:
        for at, tier in enumerate(self.tiers):
            if tier.share is None:
                yield Contradiction(f"tiers.{at}", "has no share", "add share: 30 %")
            if tier.up_to is not None:
                hint = f"choose by: {', '.join(BY[1:])}"
                yield Contradiction(f"tiers.{at}.up_to", "tiers by difficulty have no longest length", hint)
        total = sum(tier.share or 0.0 for tier in self.tiers)
        if abs(total - 1) > 1e-6:
            yield Contradiction("tiers", f"the shares add up to {total * 100:.6g} %", "they must make 100 %")

    def _lengths(self) -> Iterator[Contradiction]:
        last = len(self.tiers) - 1
        for at, tier in enumerate(self.tiers):
            if tier.share is not None:
                yield Contradiction(f"tiers.{at}.share", f"follows from the law of {self.by}", "remove it")
            if (tier.up_to is None) != (at == last):
                hint = "the last tier takes what is longer" if at == last else "add up_to: 4k"
                yield Contradiction(
                    f"tiers.{at}", "has a longest length" if at == last else "has no longest length", hint
                )
        ends = [tier.up_to for tier in self.tiers[:-1] if tier.up_to is not None]
        if ends != sorted(set(ends)):
            yield Contradiction("tiers", "the longest lengths must rise from tier to tier", "put the shortest first")

    def sent(self, at: int) -> tuple[float, ...]:
        """Where the queries that belong to a tier are sent, a share for each tier."""
        row, count = self.tiers[at].sent_to, len(self.tiers)
        if row is not None:
            return tuple(row.share(tier.name) for tier in self.tiers)
        given = self.classifier.accuracy if self.classifier else None
        right = 1.0 if given is None or count == 1 else given
        return tuple(right if to == at else (1 - right) / (count - 1) for to in range(count))


def length_of(by: str, prompt: Length, thinking: Length | None, answer: Length) -> Length | None:
    """The law that tiers by length cut; None where the scenario has none of it."""
    return {"prompt_tokens": prompt, "thinking_tokens": thinking, "answer_tokens": answer}.get(by)
