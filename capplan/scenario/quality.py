"""`quality`: how often an answer is right, from the catalogue, a figure, or the user's own measurements."""

from collections.abc import Iterator
from typing import Annotated

from capplan.scenario.kinds import Name
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

    def contradictions(self) -> Iterator[Contradiction]:
        named = [name for name in _SOURCES if getattr(self, name) is not None]
        for extra in named[1:]:
            yield Contradiction(extra, f"{named[0]} already says where accuracy comes from", "keep one of them")
