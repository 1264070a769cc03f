"""`risk`: what is known about uncertain figures beyond their ranges."""

from collections.abc import Iterator
from typing import Annotated

from capplan.scenario.kinds import Name
from capplan.scenario.part import Contradiction, Part, key, required
from capplan.scenario.quantity import Quantity
from capplan.scenario.several import Several


class Correlation(Part):
    """Two uncertain figures that tend to be high together (or one high where the other is low)."""

    between: Annotated[tuple[str, ...], Several(Name(example="[workload.qps, workload.prompt_tokens]"))] = required(
        "Two keys that are ranges, or `model error`, or a catalogued price such as cost.purchase_price."
    )
    rank: Annotated[float, Quantity("ratio", least=-0.99, most=0.99, example="60 %")] = required(
        "Spearman's rank correlation: 0 is independence."
    )

    def contradictions(self) -> Iterator[Contradiction]:
        if len(self.between) != 2:
            yield Contradiction("between", f"{len(self.between)} figures cannot be a pair", "name two")


class Risk(Part):
    """How `risk` draws its worlds."""

    correlations: tuple[Correlation, ...] = key((), "Figures that move together. Left out: all are independent.")

    def contradictions(self) -> Iterator[Contradiction]:
        pairs = [frozenset(one.between) for one in self.correlations]
        for at, pair in enumerate(pairs):
            if pair in pairs[:at]:
                message = f"{' and '.join(sorted(pair))} are correlated already"
                yield Contradiction(f"correlations.{at}.between", message, "keep one of them")
