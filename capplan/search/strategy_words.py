"""What a comparison of strategies says: the recommendation, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from capplan.plan import Plan
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import Accuracy

Row = Mapping[str, Any]


def key(name: str) -> str:
    """The column of a key of `reasoning`."""
    return "thinking_budget" if name == "thinking_budget_tokens" else name


def row_name(plan: Plan, row: Row, columns: Sequence[str]) -> str:
    """What a row is called in a sentence: its strategy, and what tells it from the others."""
    used = plan.scenario.reasoning.used_fields()
    shown = [key(name) for name in columns if name in used and row.get(key(name))]
    parts = [f"{name.replace('_', ' ')} {_said(row[name])}" for name in shown]
    return f"{row['strategy']}{' (' + ', '.join(parts) + ')' if parts else ''}"


def _said(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def recommendation(rows: Sequence[Row], names: Sequence[str], best: int | None) -> list[str]:
    """The one choice, by how much it wins, and whether the accuracy's own interval leaves that open."""
    if best is None:
        why = "no plan can be" if not any(row["feasible"] for row in rows) else "no accuracy is known"
        return [f"No recommendation: {why}."]
    row = rows[best]
    won, (low, high) = row["usd_per_correct_answer"], _band(row)
    head = f"Recommended: {names[best]}, {_usd(won)} a right answer at {row['accuracy']:.1%}"
    others = [at for at, one in enumerate(rows) if at != best and one["feasible"] and one["usd_per_correct_answer"]]
    if not others:
        return [f"{head}; nothing else can be compared with it."]
    second = min(others, key=lambda at: (rows[at]["usd_per_correct_answer"], at))
    margin = 1 - float(won / rows[second]["usd_per_correct_answer"])
    rival_low, _ = _band(rows[second])
    clear = high < rival_low
    verdict = (
        "outside the error band of both accuracies, so the order holds"
        if clear
        else "within the error band of their accuracies, so measure both before choosing"
    )
    return [
        f"{head}; {margin:.1%} cheaper than {names[second]} at {_usd(rows[second]['usd_per_correct_answer'])}. "
        f"Its accuracy leaves {_usd(low)} to {_usd(high)} open: the margin lies {verdict}.",
        *_most_accurate(rows, names, best),
    ]


def _most_accurate(rows: Sequence[Row], names: Sequence[str], best: int) -> list[str]:
    on = [at for at, row in enumerate(rows) if row["frontier"]]
    top = max(on, key=lambda at: rows[at]["accuracy"])
    if top == best or rows[top]["accuracy"] <= rows[best]["accuracy"]:
        return []
    points = 100 * (rows[top]["accuracy"] - rows[best]["accuracy"])
    more = rows[top]["usd_per_1k_queries"] - rows[best]["usd_per_1k_queries"]
    return [
        f"The most accurate on the frontier is {names[top]} at {rows[top]['accuracy']:.1%}: {points:.1f} points "
        f"more for {_usd(more)} more per 1,000 queries, {_usd(float(more) / points)} a point."
    ]


def _band(row: Row) -> tuple[float, float]:
    """Cost per right answer at the ends of the accuracy's interval; the bill is the same at both."""
    paid = float(row["usd_per_correct_answer"]) * row["accuracy"]
    low, high = row["accuracy_low"], row["accuracy_high"]
    return paid / high, paid / low if low > 0 else float("inf")


def _usd(value: Decimal | float) -> str:
    number = float(value)
    if number == float("inf"):
        return "any amount"
    return f"{number:,.2f} USD" if number >= 1 else f"{number:.3g} USD"


def rests(base: Base | None, known: Base | None, ours: bool, found: Sequence[Accuracy | None]) -> list[str]:
    """What the comparison rests on, in sentences."""
    notes = []
    if ours:
        notes.append("The scenario lists no `strategies`, so a line-up of ours is compared.")
    if base is None:
        notes.append("Accuracy is not known: give quality.benchmark, single_sample_accuracy or curve.")
    elif base.reason:
        notes.append(f"Accuracy is not known: {base.reason}.")
    statuses = [one.status for one in found if one is not None]
    if statuses:
        counts = ", ".join(f"{statuses.count(s)} {s}" for s in dict.fromkeys(statuses))
        notes.append(f"Accuracies: {counts}; each row has its 90 % interval.")
    if known is not None and known.curve is None and known.single is not None and known.reference_tokens:
        notes.append(
            f"One figure for one sample is taken to hold at {known.reference_tokens:,.0f} thinking tokens; shorter "
            "samples are credited in proportion only. A quality.curve of your own tells them apart."
        )
    if any(one is None for one in found) and statuses:
        notes.append("Rows without an accuracy (answers without thinking) need quality.curve to be compared.")
    return notes
