"""`routing`: queries split over pools, each with its own model, layout and way of thinking."""

from collections.abc import Iterator
from typing import Annotated, Any

from capplan.scenario.kinds import Name, Reference
from capplan.scenario.part import Contradiction, Part, key, required
from capplan.scenario.quantity import Quantity
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.serving import Serving


class Classifier(Part):
    """What decides which tier a query goes to."""

    latency_s: Annotated[float, Quantity("s", least=0, most=1e5, example="8 ms")] = key(
        0.0, "Added to the latency of every query."
    )
    accuracy: Annotated[float | None, Quantity("ratio", least=0, most=1, example="92 %")] = key(
        None, "Share of queries sent to the right tier."
    )


class Tier(Part):
    """One pool. What it leaves out is as in the rest of the file; what it gives overrides that, key by key."""

    name: Annotated[str, Name(example="fast")] = required("Name of the pool, in reports.")
    share: Annotated[float, Quantity("ratio", above=0, most=1, example="70 %")] = required(
        "Share of the queries that come here; all shares make 100 %."
    )
    model: Annotated[Any, Reference("models")] = key(None, "Model of this pool.")
    gpu: Annotated[Any, Reference("accelerators")] = key(None, "Accelerator of this pool.")
    serving: Serving | None = key(None, "Keys of `serving` that differ in this pool.")
    reasoning: Reasoning | None = key(
        None, "Keys of `reasoning` that differ in this pool; another strategy starts afresh."
    )


class Routing(Part):
    """Tiers and who sorts queries into them."""

    classifier: Classifier | None = key(None, "What sorts the queries. Left out: they come sorted.")
    tiers: tuple[Tier, ...] = required("The pools, two or more as a rule.")

    def contradictions(self) -> Iterator[Contradiction]:
        if not self.tiers:
            yield Contradiction("tiers", "no tier is given", "routing needs at least one tier with a name and a share")
            return
        total = sum(tier.share for tier in self.tiers)
        if abs(total - 1) > 1e-6:
            yield Contradiction("tiers", f"the shares add up to {total * 100:.6g} %", "they must make 100 %")
        names = [tier.name for tier in self.tiers]
        for at, name in enumerate(names):
            if name in names[:at]:
                message = f"'{name}' is already the name of tier {names.index(name)}"
                yield Contradiction(f"tiers.{at}.name", message, "name each tier differently")
