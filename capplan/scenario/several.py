"""Lists of single values: the choices that a search may take from."""

from collections.abc import Mapping
from typing import Any, ClassVar

from capplan.records import dataclass
from capplan.scenario.kinds import Kind, ValueFault


@dataclass(frozen=True)
class Several(Kind):
    """Values of some kind, in the order written; one alone needs no list, and none leaves the choice open."""

    takes_lists: ClassVar[bool] = True

    item: Kind

    def read(self, value: object) -> tuple[Any, ...]:
        if isinstance(value, Mapping):
            raise ValueFault("a list is needed here, not a mapping", "write [first, second]")
        read = tuple(self.item.read(one) for one in self.items(value))
        twice = next((one for at, one in enumerate(read) if one in read[:at]), None)
        if twice is not None:
            raise ValueFault(f"{twice} stands twice in the list", "list every value once")
        return read

    def items(self, value: object) -> list[object]:
        """The single values of what was written; text may hold commas, as after a flag."""
        if isinstance(value, str):
            return [part for part in (piece.strip() for piece in value.split(",")) if part]
        return list(value) if isinstance(value, (list, tuple)) else [value]

    def write(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.item.write(one) for one in value]

    def json_schema(self) -> dict[str, Any]:
        one = self.item.json_schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
