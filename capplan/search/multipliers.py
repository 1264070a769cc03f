"""How much more than the first row: latency, tokens, fleet and cost, and why the four differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, object]

# Multiplier columns and the column that each compares; latency is taken at concurrency 1, from other plans.
COMPARED = {
    "token_multiplier": "output_tokens",
    "fleet_multiplier": "gpus",
    "cost_multiplier": "annual_tco_usd",
}
# Two multipliers that differ by less than this are said to grow alike.
ALIKE = 0.02


def multiplied(rows: Sequence[Row], alone: Sequence[Row]) -> list[dict[str, object]]:
    """The rows with their four multipliers against the first row that can be (the first at all where none can).

    alone: the same plans at concurrency 1, whose time to answer shows what a single user waits for.
    A multiplier is None where either side does not apply.
    """
    base = next((at for at, row in enumerate(rows) if row.get("feasible")), 0)
    return [
        {
            **row,
            "latency_multiplier": _ratio(single.get("tta_s"), alone[base].get("tta_s")),
            **{name: _ratio(row.get(column), rows[base].get(column)) for name, column in COMPARED.items()},
        }
        for row, single in zip(rows, alone, strict=True)
    ]


def _ratio(value: object, base: object) -> float | None:
    if value is None or base is None or not float(str(base)):
        return None
    return float(str(value)) / float(str(base))


@dataclass(frozen=True)
class Growth:
    """The multipliers of the row that grew most, and what stands behind them in the first and that row."""

    latency: float
    tokens: float
    fleet: float
    cost: float
    first: Row
    last: Row


def sentence(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """One sentence on the row with the most tokens: how its multipliers compare, and why they differ.

    rows: those that differ in load only, with their multipliers. columns: what tells them apart.
    Empty where there is nothing to compare.
    """
    grown = _growth(rows)
    if grown is None:
        return ""
    label = ", ".join(f"{'K' if name == 'k' else name} = {grown.last[name]}" for name in columns)
    why = [reason for reason in (_latency(grown), _fleet(grown), _cost(grown)) if reason]
    head = (
        f"{label}: tokens x {grown.tokens:.1f}, latency at concurrency 1 x {grown.latency:.1f}, "
        f"fleet x {grown.fleet:.1f}, cost x {grown.cost:.1f}"
    )
    return f"{head}: {'; '.join(why)}." if why else f"{head}."


def _growth(rows: Sequence[Row]) -> Growth | None:
    names = ("latency_multiplier", *COMPARED)
    known = [row for row in rows if all(row.get(name) is not None for name in names)]
    known = [row for row in known if row.get("feasible")] or known
    if not known:
        return None
    last = max(known, key=lambda row: float(str(row["token_multiplier"])))
    latency, tokens, fleet, cost = (float(str(last[name])) for name in names)
    return Growth(latency, tokens, fleet, cost, known[0], last) if last is not known[0] else None


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
    if grown.fleet > grown.tokens * (1 + ALIKE):
        fewer = isinstance(before, int | float) and isinstance(after, int | float) and after < before
        room = f", and concurrency per replica falls from {before:.0f} to {after:.0f}" if fewer else ""
        return f"the fleet grows more because longer sequences hold more KV cache for longer{room}"
    if grown.fleet < grown.tokens * (1 - ALIKE):
        return (
            "the fleet grows less because the prompt is read once per query, larger fleets need less room "
            "for queues, and replicas and nodes are whole"
        )
    return ""


def _cost(grown: Growth) -> str:
    if grown.cost < grown.fleet * (1 - ALIKE):
        return "cost grows less than the fleet because part of it does not depend on the number of GPUs"
    if grown.cost > grown.fleet * (1 + ALIKE):
        return "cost grows more than the fleet because its GPUs draw more power"
    return ""
