"""`breakeven`: both bills today, then where the answer flips."""

from collections.abc import Iterator
from decimal import Decimal

from ..blocks import Block, Grid, Heading, Text
from ..charts.of import beside_tables
from ..report import Report
from ..show import MISSING, cents, number
from ..text import identity, refusals

_SIDES = {
    "above": "self-hosting above it",
    "below": "self-hosting below it",
    "always": "self-hosting, whatever it is",
    "never": "the API, whatever it is",
}


def tell(report: Report) -> Iterator[Block]:
    today = next(row for row in report.rows if row["part"] == "today")
    yield Heading(f"{report.name}: {identity(report)}", 1)
    fleet, api = today.get("annual_tco_usd"), today.get("api_usd_per_year")
    if isinstance(fleet, Decimal) and isinstance(api, Decimal):
        less, more = sorted((fleet, api))
        winner = "Self-hosting" if fleet < api else "The API"
        times = f", {float(more / less):.2f} times less" if less else ""
        yield Text(
            f"{winner} is cheaper today{times}: ${cents(fleet)} a year on {today['gpus']} GPUs against ${cents(api)}."
        )
    elif isinstance(api, Decimal):
        yield Text(f"The API costs ${cents(api)} a year; the fleet of this plan cannot be.")
    if report.excuses:
        yield Text(f"Cannot be:\n{refusals(report)}", "bad")
    yield Heading("Where the answer flips, one thing at a time")
    rows = [row for row in report.rows if row["part"] == "crossing"]
    yield Grid(
        ("what", "unit", "today", "break-even", "cheaper", "note"),
        tuple((str(row["quantity"]), str(row["unit"]), _shown(row["now"]), _shown(row["breakeven"]),
               _SIDES[str(row["self_hosting"])], str(row["note"] or "")) for row in rows),
        words=frozenset({0, 1, 4, 5}),
        prose=True,
    )  # fmt: skip
    yield Heading("A month by volume")
    yield from beside_tables(report)
    curve = [row for row in report.rows if row["part"] == "curve"]
    yield Grid(
        ("queries/month", "GPUs", "self-hosting USD", "API USD", "cheaper"),
        tuple((_count(row["queries_per_month"]), _count(row["gpus"]), _money(row["fleet_usd_per_month"]),
               _money(row["api_usd_per_month"]), str(row["cheaper"])) for row in curve),
        words=frozenset({4}),
    )  # fmt: skip
    for sentence in report.notes:
        yield Text(sentence)


def _count(value: object) -> str:
    return MISSING if value is None else f"{float(str(value)):,.0f}"


def _money(value: object) -> str:
    return cents(value) if isinstance(value, Decimal) else MISSING


def _shown(value: object) -> str:
    if value is None:
        return MISSING
    amount = float(str(value))
    return f"{amount:,.0f}" if amount >= 1000 else number(amount)
