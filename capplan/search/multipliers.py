"""How much more than the first row: latency, tokens, fleet and cost, and why the four differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, object]

# Multiplier columns and the column that each compares; latency is taken at concurrency 1.
COMPARED = {
    "token_multiplier": "output_tokens",
    "fleet_multiplier": "gpus",
    "cost_multiplier": "annual_tco_usd",
}
# Two multipliers that differ by less than this are said to grow alike.
ALIKE = 0.02
# The row with the most tokens is worth a sentence where its multipliers lie this far apart.
TELLING = 0.05
# Parts of the bill, as columns and in words.
PARTS = {
    "capex_usd_per_year": "hardware, with its network and spares,",
    "energy_usd_per_year": "energy, more of it spent decoding,",
    "maintenance_usd_per_year": "maintenance",
    "rent_usd_per_year": "rent",
}


def multiplied(rows: Sequence[Row], alone_s: Sequence[float | None]) -> list[dict[str, object]]:
    """The rows with their four multipliers against the first row that can be (the first at all where none can).

    alone_s: the time to the answer of a query that has a replica for itself: what a single user waits for.
    A multiplier is None where either side does not apply.
    """
    base = next((at for at, row in enumerate(rows) if row.get("feasible")), 0)
    return [
        {
            **row,
            "latency_multiplier": _ratio(single_s, alone_s[base]),
            **{name: _ratio(row.get(column), rows[base].get(column)) for name, column in COMPARED.items()},
        }
        for row, single_s in zip(rows, alone_s, strict=True)
    ]


def _ratio(value: object, base: object) -> float | None:
    if value is None or base is None or not float(str(base)):
        return None
    return float(str(value)) / float(str(base))


@dataclass(frozen=True)
class Growth:
    """The multipliers of a row, with that row and the one that it is measured against."""

    latency: float
    tokens: float
    fleet: float
    cost: float
    first: Row
    last: Row

    @property
    def spread(self) -> float:
        """How far the largest of the four lies above the smallest, as a ratio."""
        four = (self.latency, self.tokens, self.fleet, self.cost)
        return max(four) / min(four) - 1


def sentence(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """One sentence on how the multipliers of a row compare, and why they differ.

    It is about the row with the most tokens, or where its four grow alike, the one whose four differ most.
    rows: those that differ in load only, with their multipliers. columns: what tells them apart.
    Empty where there is nothing to compare.
    """
    grown = _telling(rows)
    if grown is None:
        return ""
    label = ", ".join(f"{'K' if name == 'k' else name} = {grown.last[name]}" for name in columns)
    why = [reason for reason in (_latency(grown), _fleet(grown), _cost(grown)) if reason]
    head = (
        f"{label}: tokens x {grown.tokens:.1f}, latency at concurrency 1 x {grown.latency:.1f}, "
        f"fleet x {grown.fleet:.1f}, cost x {grown.cost:.1f}"
    )
    return f"{head}: {'; '.join(why)}." if why else f"{head}."


def _telling(rows: Sequence[Row]) -> Growth | None:
    names = ("latency_multiplier", *COMPARED)
    known = [row for row in rows if all(row.get(name) is not None for name in names)]
    known = [row for row in known if row.get("feasible")] or known
    grown = [_growth(known[0], row) for row in known[1:]]
    if not grown:
        return None
    most = max(grown, key=lambda one: one.tokens)
    return most if most.spread > TELLING else max(grown, key=lambda one: one.spread)


def _growth(first: Row, last: Row) -> Growth:
    return Growth(
        latency=_number(last, "latency_multiplier"),
        tokens=_number(last, "token_multiplier"),
        fleet=_number(last, "fleet_multiplier"),
        cost=_number(last, "cost_multiplier"),
        first=first,
        last=last,
    )


def _latency(grown: Growth) -> str:
    if grown.latency < grown.tokens * (1 - ALIKE):
        return "latency grows less than tokens because TTFT is paid once, whatever the number of steps"
    if grown.latency > grown.tokens * (1 + ALIKE):
        return "latency grows more than tokens because every token reads a KV cache that has grown"
    return ""


def _fleet(grown: Growth) -> str:
    before, after = grown.first.get("concurrency"), grown.last.get("concurrency")
    if before == after == 1:
        return "the fleet grows as latency does because a replica serves one query at a time"
    fewer = isinstance(before, int | float) and isinstance(after, int | float) and after < before
    if grown.fleet > grown.tokens * (1 + ALIKE):
        room = f", and concurrency per replica falls from {before:.0f} to {after:.0f}" if fewer else ""
        return f"the fleet grows more because longer sequences hold more KV cache for longer{room}"
    if grown.fleet < grown.tokens * (1 - ALIKE):
        despite = f", although concurrency per replica falls from {before:.0f} to {after:.0f}" if fewer else ""
        return (
            "the fleet grows less because the prompt is read once per query, and larger fleets lose less "
            f"to queues and whole nodes{despite}"
        )
    return ""


def _cost(grown: Growth) -> str:
    """Why cost and GPUs part: the share of the bill whose cost per GPU has moved most."""
    if abs(grown.cost / grown.fleet - 1) <= ALIKE:
        return ""
    word = "less" if grown.cost < grown.fleet else "more"
    moved = {part: _per_gpu(grown.last, part) - _per_gpu(grown.first, part) for part in PARTS}
    part = max(moved, key=lambda name: abs(moved[name]))
    change = "less" if moved[part] < 0 else "more"
    return f"cost grows {word} than the fleet because {PARTS[part]} costs {change} per GPU"


def _per_gpu(row: Row, part: str) -> float:
    return _number(row, part) / _number(row, "gpus") if row.get(part) is not None else 0.0


def _number(row: Row, name: str) -> float:
    return float(str(row[name]))
