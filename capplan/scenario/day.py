"""The shape of a day: relative arrivals over equal parts of it, given in place or taken from a shipped workload."""

from collections.abc import Mapping
from typing import Any

from capplan.records import dataclass
from capplan.scenario.kinds import Kind, ValueFault
from capplan.scenario.quantity import Quantity
from capplan.scenario.several import Several

_MOST_PARTS = 1440  # minutes


@dataclass(frozen=True)
class Day:
    """rates: arrivals in equal parts of a day, relative to each other. workload: where they came from, '' if given."""

    rates: tuple[float, ...]
    workload: str = ""

    @property
    def peak_to_mean(self) -> float:
        """The busiest part over the mean.

        >>> Day((1.0, 3.0, 2.0)).peak_to_mean
        1.5
        """
        return max(self.rates) * len(self.rates) / sum(self.rates)


_RATES = Several(Quantity("ratio", least=0, most=1e6))


class DayKind(Kind):
    """Reads the name of a workload whose hours are known, or a list of relative arrivals."""

    takes_lists = True

    def read(self, value: object) -> Day:
        if isinstance(value, Day):
            return value
        if isinstance(value, Mapping):
            raise ValueFault("a workload's name or a list is needed here, not a mapping")
        if isinstance(value, str) and value.strip()[:1].isalpha():
            from capplan.scenario.workloads import workload_day  # reads the catalogue; a list needs none

            return Day(workload_day(value.strip()), value.strip())
        rates = tuple(_RATES.item.read(one) for one in _RATES.items(value))
        if not 2 <= len(rates) <= _MOST_PARTS:
            raise ValueFault(f"{len(rates)} parts make no day", f"2 to {_MOST_PARTS:,}, as a rule 24 hours")
        if not any(rates):
            raise ValueFault("no arrivals in any part of the day", "one above 0 is needed")
        return Day(rates)

    def write(self, value: Day) -> Any:
        return value.workload or _RATES.write(value.rates)

    def json_schema(self) -> dict[str, Any]:
        rates = {"type": "array", "items": _RATES.item.json_schema(), "minItems": 2, "maxItems": _MOST_PARTS}
        return {"anyOf": [{"type": "string"}, rates], "examples": ["r1-production"]}
