"""Numbers with units: read into SI, held within bounds, and written back as text that reads as the very same number."""

import math
from typing import Any

from capplan.records import dataclass
from capplan.scenario.kinds import Kind, ValueFault, scalar_text
from capplan.spellings import DIMENSIONS
from capplan.units import parse, show

# As in `units`: beyond any fleet, byte or dollar.
_SMALLEST, _LARGEST = 1e-30, 1e30


@dataclass(frozen=True)
class Quantity(Kind):
    """A number with a unit of one dimension of `units.DIMENSIONS`; bounds are in SI."""

    unit: str
    above: float | None = None
    least: float | None = None
    most: float | None = None
    infinite: bool = False
    example: str = ""

    def read(self, value: object) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = float(value)
        else:
            number = self._parsed(scalar_text(value))
        if not (number == 0 or _SMALLEST < abs(number) < _LARGEST or (self.infinite and number == math.inf)):
            raise ValueFault(f"{value} is not a number that any plan could hold", "check its exponent")
        if self.above is not None and number <= self.above:
            raise ValueFault(f"{scalar_text(value)} must be more than {self._shown(self.above)}")
        if self.least is not None and number < self.least:
            raise ValueFault(f"{scalar_text(value)} must be at least {self._shown(self.least)}")
        if self.most is not None and number > self.most:
            shown = scalar_text(value)
            raise ValueFault(f"{shown} must be at most {self._shown(self.most)}", self._percent_hint(shown))
        return number

    def _parsed(self, text: str) -> float:
        if self.infinite and text.lower() in (".inf", "inf", "+.inf"):
            return math.inf
        # Nothing that is planned is negative, so `units` reads no sign; a correlation may be.
        signed = self.least is not None and self.least < 0 and text.startswith("-")
        number = -parse(text[1:], self.unit) if signed else parse(text, self.unit)
        # 70 % is 0.7, not the 0.7000000000000001 of a product with 0.01.
        return float(f"{number:.15g}") if text.endswith("%") else number

    def _shown(self, bound: float) -> str:
        if self.unit == "ratio":
            return show(bound, "ratio") if self.most == 1 and bound < 1 else "100 %" if self.most == 1 else f"{bound:g}"
        return show(bound, self.unit) if bound else "0"

    def _percent_hint(self, text: str) -> str:
        bare = self.unit == "ratio" and text.replace(".", "", 1).isdigit()
        return f"did you mean '{text} %'?" if bare and self.most == 1 and float(text) <= 100 else ""

    def write(self, value: float) -> str | int | float:
        """Text (or a bare number where one will do) that reads back as exactly this value."""
        if value == math.inf:
            return ".inf"
        if DIMENSIONS[self.unit].bare:
            return int(value) if float(value).is_integer() and abs(value) < 2**53 else value
        factor, _ = _scale(self.unit, value)
        for text in (f"{value / factor:.6g}", f"{value / factor:.12g}", repr(value / factor)):
            if self.read(candidate := f"{text} {_scale(self.unit, value)[1]}") == value:
                return candidate
        return f"{value!r} {_SI[self.unit]}"

    def json_schema(self) -> dict[str, Any]:
        dimension = DIMENSIONS[self.unit]
        kinds = ["number", "string"] if dimension.bare else ["string"]
        return {"type": kinds, "examples": [self.example or dimension.example]}


# The unit in which a value of each dimension is written into a resolved scenario, and what 1 of it is in SI.
_WRITTEN: dict[str, tuple[tuple[str, str], ...]] = {
    "s": (("1 s", "s"), ("1 ms", "ms")),
    "years": (("1 year", "year"), ("1 month", "month"), ("1 day", "day")),
    "usd": (("1 USD", "USD"),),
    "usd_per_s": (("1 USD/hour", "USD/hour"),),
    "usd_per_j": (("1 USD/kWh", "USD/kWh"),),
    "usd_per_w_s": (("1 USD/kW/month", "USD/kW/month"),),
    "usd_per_token": (("1 USD/Mtoken", "USD/Mtoken"),),
    "kg_per_j": (("1 g/kWh", "g/kWh"),),
    "w": (("1 kW", "kW"), ("1 W", "W")),
}
_SI = {
    "s": "s", "years": "s", "usd": "USD", "usd_per_s": "USD/s", "usd_per_j": "USD/J", "usd_per_w_s": "USD/W/s",
    "usd_per_token": "USD/token", "kg_per_j": "kg/J", "w": "W",
}  # fmt: skip


def _scale(unit: str, value: float) -> tuple[float, str]:
    """The largest unit that the value fills, its SI size first."""
    scales = [(parse(one, unit), name) for one, name in _WRITTEN[unit]]
    return next(((size, name) for size, name in scales if value >= size), scales[-1])
