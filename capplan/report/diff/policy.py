"""The policy file: which changes of a plan may pass, which are worth a warning, and what is exempt until when."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from capplan import units
from capplan.reading import read_text
from capplan.scenario.document import LARGEST_BYTES, parse
from capplan.scenario.faults import Fault, ScenarioFaults
from capplan.scenario.kinds import nearest
from capplan.scenario.tree import Node
from capplan.spellings import DIMENSIONS

from ..metrics import BY_NAME
from .compare import Noise

# How an amount of a metric is written in a policy, by the unit that the metric is held in.
DIMENSION = {
    "s": "s", "usd": "usd", "usd_each": "usd", "j": "j", "ratio": "ratio", "count": "count", "tokens": "tokens",
    "per_s": "per_s", "kg": "kg", "kwh": "count", "times": "count", "tflop": "flop", "each": "count",
    "litres": "count", "amount": "count",
}  # fmt: skip
SECONDS_A_DAY = 86400.0


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _dimension(name: str) -> Any:
    """A quantity with a unit, read as everywhere else."""
    example = DIMENSIONS[name].example
    return Annotated[
        float, BeforeValidator(lambda value: units.parse(value, name)),
        WithJsonSchema({"type": ["string", "number"], "examples": [example]}),
    ]  # fmt: skip


Ratio: Any = _dimension("ratio")
Usd: Any = _dimension("usd")


def _days(value: object) -> float:
    if not isinstance(value, (str, int, float)):
        raise units.UnitError(f"{value!r} is not a time; write e.g. '90 days'")
    return units.parse(value, "s") / SECONDS_A_DAY


Days = Annotated[float, BeforeValidator(_days), WithJsonSchema({"type": "string", "examples": ["90 days"]})]
_AMOUNT = WithJsonSchema({
    "anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": ["string", "number"]}}],
    "examples": ["5 %", "250000 USD", ["5 %", "250000 USD"]],
})  # fmt: skip


def _listed(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, (list, tuple)) else [value]
    return tuple(str(item) for item in items)


Amounts = Annotated[tuple[str, ...], BeforeValidator(_listed), _AMOUNT]
Level = Annotated[str | None, BeforeValidator(str), _AMOUNT]


class Limits(_Part):
    """What one metric may do: `5 %` is of what it was, an amount has the metric's unit; of several, any that is passed.

    For shares such as accuracy a percentage is of what it was, and `2 points` are points.
    """

    increase: Amounts = Field(default=(), description="Most that it may grow.")
    decrease: Amounts = Field(default=(), description="Most that it may fall.")
    above: Level = Field(default=None, description="Highest that it may be.")
    below: Level = Field(default=None, description="Lowest that it may be.")


Thresholds = dict[str, Limits]


class NoiseFloor(_Part):
    """Changes that nobody should look at."""

    usd: Usd = Field(default=0.0, description="Changes of a year's money below this are noise.")
    relative: Ratio = Field(default=0.0, description="Changes of any figure below this part of it are noise.")


class ForScenario(_Part):
    """Limits of one scenario, which go before the general ones of the same metric."""

    fail: Thresholds = Field(default_factory=dict)
    warn: Thresholds = Field(default_factory=dict)


class Exemption(_Part):
    """A scenario that may break the limits until a day, and why. Past that day it fails until it is taken out."""

    scenario: str
    until: datetime.date
    reason: str = Field(min_length=1)
    metric: str | None = Field(default=None, description="The one metric that is exempt; all, if left out.")


class PriceAge(_Part):
    """How old the oldest price of the catalogue may be."""

    warn: Days | None = None
    fail: Days | None = None


Response = Literal["fail", "warn", "allow"]


class Policy(_Part):
    """What `capplan diff --policy` holds changes against."""

    version: Annotated[Literal[1], BeforeValidator(lambda value: int(value) if str(value) == "1" else value)] = 1
    noise: NoiseFloor = NoiseFloor()
    fail: Thresholds = Field(default_factory=dict, description="By metric: what must not happen.")
    warn: Thresholds = Field(default_factory=dict, description="By metric: what deserves a look.")
    infeasible: Response = Field(default="fail", description="A plan that could be and no longer can.")
    removed: Response = Field(default="allow", description="A plan that is no longer there.")
    scenarios: dict[str, ForScenario] = Field(default_factory=dict, description="By scenario name.")
    exempt: tuple[Exemption, ...] = ()
    price_age: PriceAge = PriceAge()

    @property
    def noise_floor(self) -> Noise:
        return Noise(self.noise.usd, self.noise.relative)

    def limits(self, scenario: str, level: Literal["fail", "warn"]) -> Mapping[str, Limits]:
        """The limits of a scenario: its own before the general ones."""
        own = self.scenarios.get(scenario)
        return {**getattr(self, level), **(getattr(own, level) if own else {})}


def load(path: str) -> Policy:
    """Reads a policy file; raises ScenarioFaults with everything that is wrong with it, each at its place."""
    return loads(read_text(path, LARGEST_BYTES), path)


def loads(text: str, name: str = "<policy>") -> Policy:
    """Reads a policy from text."""
    root, faults = parse(text, name)
    if not isinstance(root.value, dict):
        raise ScenarioFaults([root.fault("", "keys are needed at the top of a policy", "such as fail:")])
    # A file that holds more than the policy, such as the project's configuration, has it under `policy:`.
    inner = root.value.get("policy")
    root = inner if inner is not None and isinstance(inner.value, dict) else root
    try:
        made = Policy.model_validate(root.plain())
    except ValidationError as wrong:
        raise ScenarioFaults([*faults, *(_fault(root, one) for one in wrong.errors()), *_unknown(root)]) from None
    more = [*faults, *_unknown(root)]
    if more:
        raise ScenarioFaults(more)
    return made


def _fault(root: Node, error: Any) -> Fault:
    path = tuple(str(part) for part in error["loc"])
    node, said = root.at(path), str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        near = nearest(path[-1], _siblings(path[:-1]))
        return node.fault(".".join(path), "unknown key", near, at_key=True)
    if error["type"] == "missing":
        return node.fault(".".join(path), "a required key is missing")
    return node.fault(".".join(path), said[:1].lower() + said[1:])


def _siblings(path: tuple[str, ...]) -> list[str]:
    kind: Any = {
        "noise": NoiseFloor, "price_age": PriceAge, "exempt": Exemption, "scenarios": ForScenario,
        "fail": Limits, "warn": Limits,
    }.get(next((part for part in reversed(path) if not part.isdecimal()), ""), Policy)  # fmt: skip
    if len(path) > 1 and path[-2] in ("fail", "warn"):
        kind = Limits
    elif len(path) == 2 and path[0] == "scenarios":
        kind = ForScenario
    return list(kind.model_fields)


def _unknown(root: Node) -> Iterator[Fault]:
    """Metrics that there are not, and amounts that are none of their metric.

    Read off the tree and not off a `Policy`, so that they are told together with whatever else is wrong.
    """
    places: list[tuple[str, ...]] = [("fail",), ("warn",)]
    places += [("scenarios", name, level) for name in _keys(_held(root, ("scenarios",))) for level in ("fail", "warn")]
    for path in places:
        for name in _keys(_held(root, path)):
            at = (*path, name)
            known = BY_NAME.get(name)
            if known is None or known.unit not in DIMENSION:
                hint = nearest(name, [one for one, metric in BY_NAME.items() if metric.unit in DIMENSION])
                yield root.at(at).fault(".".join(at), "no such metric", hint, at_key=True)
                continue
            yield from _amounts(root, at)


def _amounts(root: Node, at: tuple[str, ...]) -> Iterator[Fault]:
    for key in _keys(_held(root, at)):
        if key not in Limits.model_fields:
            continue
        written = root.at((*at, key)).plain()
        for text in _listed(written):
            try:
                amount(at[-1], text, level=key in ("above", "below"))
            except units.UnitError as wrong:
                yield root.at((*at, key)).fault(".".join((*at, key)), str(wrong))


def _held(root: Node, path: tuple[str, ...]) -> Node | None:
    """The node at a path, None where the tree has none: `Node.at` gives the nearest that there is."""
    node: Node | None = root
    for key in path:
        node = node.value.get(key) if node is not None and isinstance(node.value, dict) else None
    return node


def _keys(node: Node | None) -> list[str]:
    return list(node.value) if node is not None and isinstance(node.value, dict) else []


def amount(name: str, text: str, level: bool = False) -> tuple[float, bool]:
    """(amount, whether it is a part of what the metric was); a level is never one.

    >>> amount("annual_tco_usd", "5 %"), amount("annual_tco_usd", "250000 USD"), amount("accuracy", "2 points")
    ((0.05, True), (250000.0, False), (0.02, False))
    """
    unit = BY_NAME[name].unit
    if unit == "ratio" and text.rstrip().endswith(("points", "point")):
        return units.parse(text.replace("points", "").replace("point", "").strip(), "count") / 100, False
    if not level and text.rstrip().endswith("%"):
        return units.parse(text, "ratio"), True
    return units.parse(text, DIMENSION[unit]), False


def schema() -> dict[str, Any]:
    """JSON Schema of policy files."""
    made = Policy.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "capplan policy"}
