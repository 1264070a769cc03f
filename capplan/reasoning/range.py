"""A figure with the range in which it lies."""

from capplan.reasoning.normal import Values
from capplan.records import dataclass


@dataclass(frozen=True)
class Range:
    """A parameter of a law, or a factor, with the range in which published points put it, and where it is from."""

    low: Values
    value: Values
    high: Values
    basis: str

    @property
    def ends(self) -> tuple[Values, Values, Values]:
        """(low, value, high)."""
        return self.low, self.value, self.high


# No change, as a factor.
SAME = Range(1.0, 1.0, 1.0, "")
