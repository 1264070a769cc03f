"""`quality`: how often an answer is right, from the catalogue, a figure, or the user's own measurements."""

from collections.abc import Iterator
from typing import Annotated

from capplan.scenario.kinds import Choice, Name, Whole
from capplan.scenario.part import Contradiction, Part, key
from capplan.scenario.quantity import Quantity

_SOURCES = ("benchmark", "single_sample_accuracy", "curve")


class Quality(Part):
    """Where accuracy comes from; one of the three."""

    benchmark: Annotated[str | None, Name("quality", example="math-500")] = key(
        None, "A benchmark with published points in the catalogue."
    )
    single_sample_accuracy: Annotated[float | None, Quantity("ratio", least=0, most=1, example="74 %")] = key(
        None, "Share of answers right when one is drawn."
    )
    curve: Annotated[str | None, Name(files=True, example="my.csv")] = key(
        None, "CSV of your own points: tokens, accuracy, n. The path starts at the scenario file."
    )

    direct_accuracy: Annotated[float | None, Quantity("ratio", least=0, most=1, example="35 %")] = key(
        None, "Share of answers right that nothing is thought for; goes with benchmark or single_sample_accuracy."
    )
    problems: Annotated[int | None, Whole(most=10**7)] = key(
        None, "Problems that the accuracies given here were measured on, for their interval. Left out: no interval."
    )
    weights: Annotated[str | None, Choice(("bf16", "fp8", "fp4", "int8", "int4"))] = key(
        None, "Number format that the accuracy was measured in. Left out: for a benchmark the one that the model was "
        "published in, for your own figures the one of the plan."
    )  # fmt: skip

    def contradictions(self) -> Iterator[Contradiction]:
        named = [name for name in _SOURCES if getattr(self, name) is not None]
        for extra in named[1:]:
            yield Contradiction(extra, f"{named[0]} already says where accuracy comes from", "keep one of them")
        if self.curve is not None and self.direct_accuracy is not None:
            yield Contradiction("direct_accuracy", "the curve already says it at the answer's length", "remove it")
