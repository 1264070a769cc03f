"""A scenario: everything that a plan starts from, composed of the sections of the file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from capplan.scenario.cost import Cost
from capplan.scenario.forecast import Forecast
from capplan.scenario.kinds import Kind, Name, Reference, Text, ValueFault, scalar_text
from capplan.scenario.optimize import Optimize
from capplan.scenario.part import Contradiction, Part, key, required
from capplan.scenario.quality import Quality
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.resolve import Range, resolved
from capplan.scenario.risk import Risk
from capplan.scenario.routing import Routing
from capplan.scenario.serving import Serving
from capplan.scenario.targets import Targets
from capplan.scenario.workload import Workload

VERSION = 1


class VersionKind(Kind):
    """The version of the file format."""

    def read(self, value: object) -> int:
        text = scalar_text(value)
        if text != str(VERSION):
            raise ValueFault(f"'{text}' is not a version that this capplan reads", f"write version: {VERSION}")
        return VERSION

    def write(self, value: int) -> int:
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"const": VERSION}


class Scenario(Part):
    """One planning question.

    Values are SI; a field's key in the file is its name without the unit. Where a key was given as a list (a sweep) or
    as {low, mid, high} (a range), the field holds the first value or `mid`, and `sweeps` or `ranges` the rest.
    path: the file that it was read from, at which relative paths start. ranges: dotted key -> (low, mid, high) in SI.
    sweeps: dotted key -> all its values in SI, in the order of the file.
    Two scenarios are equal when their content is, wherever they were read from.
    """

    version: Annotated[Literal[1], VersionKind()] = required("Version of the file format.")
    name: Annotated[str, Name(example="support-assistant")] = key("scenario", "Name in reports.")
    description: Annotated[str | None, Text()] = key(None, "What this scenario is about.")
    model: Annotated[Any, Reference("models", files=True, example="llama-3.3-70b")] = key(
        "llama-3.3-70b",
        "Catalogue name, alias, Hugging Face id, path to a config.json, or the shape in place.",
    )
    gpu: Annotated[Any, Reference("accelerators", example="h100-sxm")] = key(
        "h100-sxm", "Catalogue name or alias of the accelerator, or its figures in place."
    )
    serving: Serving = key(Serving(), "How the model is served.")
    workload: Workload = required("The traffic.")
    reasoning: Reasoning = key(Reasoning(), "How the model thinks before it answers.")
    strategies: tuple[Reasoning, ...] = key((), "Several ways of thinking, to be compared.")
    routing: Routing | None = key(None, "Queries split over pools. Left out: one pool.")
    targets: Targets = key(Targets(), "What the plan has to keep.")
    quality: Quality = key(Quality(), "Where accuracy comes from.")
    cost: Cost = key(Cost(), "Money, energy and carbon.")
    forecast: Forecast = key(Forecast(), "Years ahead: growth and falling prices.")
    risk: Risk = key(Risk(), "Uncertain figures that move together.")
    optimize: Optimize | None = key(None, "What `optimize` may choose from. Left out: all that it knows.")

    path: Path | None
    ranges: Mapping[str, Range]
    sweeps: Mapping[str, tuple[Any, ...]]
    _uncompared = frozenset({"given_fields", "path"})

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(path=None, ranges={}, sweeps={})
        super().__init__(**given)

    def contradictions(self) -> Iterator[Contradiction]:
        if self.serving.autoscaling is not None and self.workload.day is None:
            yield Contradiction("serving.autoscaling", "there is no day to follow",
                                "add workload: {day: r1-production}, or the rates of its hours")  # fmt: skip

    def resolved(self) -> dict[str, Any]:
        """As plain data with units, defaults filled in, ready for JSON or YAML; loads back to an equal scenario."""
        return resolved(self, self.sweeps, self.ranges)

    def file(self, name: str) -> Path:
        """A path written in the scenario, from where the scenario file lies (or the working directory)."""
        return (self.path.parent if self.path else Path()) / Path(name).expanduser()

    @property
    def compared(self) -> tuple[Reasoning, ...]:
        """The ways of thinking to compare: those listed under `strategies`, else the one under `reasoning`."""
        return self.strategies or self.reasoning.strategies or (self.reasoning,)
