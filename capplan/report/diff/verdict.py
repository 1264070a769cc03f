"""May the change pass? Every limit that a policy sets, held against the rows."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..metrics import metric
from .compare import RowDiff, percent, shown
from .sides import Side

if TYPE_CHECKING:
    from .policy import Limits, Policy

RULES = {
    "CAP001": ("increase", "A figure grew by more than the policy allows."),
    "CAP002": ("decrease", "A figure fell by more than the policy allows."),
    "CAP003": ("above", "A figure is higher than the policy allows."),
    "CAP004": ("below", "A figure is lower than the policy allows."),
    "CAP005": ("infeasible", "A plan that could be no longer can."),
    "CAP006": ("removed", "A plan is no longer there."),
    "CAP007": ("expired-exemption", "An exemption of the policy has run out."),
    "CAP008": ("price-age", "The oldest price of the catalogue is older than the policy allows."),
}
_ORDER = ("fail", "warn", "exempt", "pass")


@dataclass(frozen=True)
class Finding:
    """One limit held against one row, or against the report where row is None.

    level: fail, warn, exempt (a fail or a warning that an exemption covers) or pass.
    """

    level: str
    rule: str
    message: str
    scenario: str
    metric: str = ""
    row: RowDiff | None = None


@dataclass(frozen=True)
class Verdict:
    """All limits held against a comparison."""

    findings: tuple[Finding, ...]

    @property
    def word(self) -> str:
        """FAIL, WARN or PASS."""
        levels = {one.level for one in self.findings}
        return "FAIL" if "fail" in levels else "WARN" if "warn" in levels else "PASS"

    @property
    def told(self) -> list[Finding]:
        """What people have to see, the worst first."""
        return sorted((one for one in self.findings if one.level != "pass"), key=lambda one: _ORDER.index(one.level))


def judge(rows: Sequence[RowDiff], heads: Sequence[Side], policy: Policy, as_of: datetime.date) -> Verdict:
    """Holds every limit of the policy against every row. as_of: the day that exemptions and prices are judged at."""
    found = [_exempted(one, policy, as_of) for row in rows for one in _of_row(row, policy)]
    return Verdict((*found, *_expired(policy, as_of), *_prices(heads, policy, as_of)))


def _of_row(row: RowDiff, policy: Policy) -> Iterator[Finding]:
    if row.status == "removed":
        if policy.removed != "allow":
            yield Finding(policy.removed, "CAP006", f"{row.name}: no longer there", row.scenario, row=row)
        return
    if row.status == "infeasible-now" and policy.infeasible != "allow":
        why = f" ({row.excuse})" if row.excuse else ""
        yield Finding(policy.infeasible, "CAP005", f"{row.name}: cannot be any more{why}", row.scenario, row=row)
    failed: set[tuple[str, str]] = set()
    levels: tuple[Literal["fail", "warn"], ...] = ("fail", "warn")
    for level in levels:
        for name, limits in policy.limits(row.scenario, level).items():
            for one in _of_metric(row, name, limits, level):
                # A limit that fails is not also told as a warning.
                if one.level == "warn" and (one.rule, name) in failed:
                    continue
                failed |= {(one.rule, name)} if one.level == "fail" else set()
                yield one


def _of_metric(row: RowDiff, name: str, limits: Limits, level: str) -> Iterator[Finding]:
    from .policy import amount

    change, label = row.change(name), metric(name).label
    grown = change.absolute if row.status not in ("noise", "unchanged") else 0.0
    for rule, written, sign in (("CAP001", limits.increase, 1), ("CAP002", limits.decrease, -1)):
        if grown is None or row.status == "added":
            continue
        for text in written:
            limit, relative = amount(name, text)
            by = sign * grown
            # Of nothing, any growth is more than any part.
            moved = by / abs(change.base) if relative and change.base else float("inf") if relative and by > 0 else by
            broken = by > 0 and moved > limit
            word = "grew" if sign > 0 else "fell"
            part = percent(change.relative)
            said = f"{row.name}: {label} {word} from {shown(name, change.base)} to {shown(name, change.head)}"
            yield Finding(
                level if broken else "pass", rule,
                f"{said}{f' ({part})' if part else ''}, the limit is {text}" if broken else f"{row.name}: {label}",
                row.scenario, name, row,
            )  # fmt: skip
    if not isinstance(change.head, (int, float)) or isinstance(change.head, bool):
        return
    for rule, written_level, sign in (("CAP003", limits.above, 1), ("CAP004", limits.below, -1)):
        if written_level is not None:
            limit, _ = amount(name, written_level, level=True)
            broken = sign * (change.head - limit) > 0
            side = "above" if sign > 0 else "below"
            said = f"{row.name}: {label} is {shown(name, change.head)}, {side} {written_level}"
            yield Finding(level if broken else "pass", rule, said if broken else f"{row.name}: {label}",
                          row.scenario, name, row)  # fmt: skip


def _exempted(one: Finding, policy: Policy, as_of: datetime.date) -> Finding:
    if one.level == "pass":
        return one
    for given in policy.exempt:
        if given.scenario == one.scenario and given.metric in (None, one.metric) and as_of <= given.until:
            said = f"{one.message}; exempt until {given.until}: {given.reason}"
            return Finding("exempt", one.rule, said, one.scenario, one.metric, one.row)
    return one


def _expired(policy: Policy, as_of: datetime.date) -> Iterator[Finding]:
    for given in policy.exempt:
        if as_of > given.until:
            said = f"the exemption of {given.scenario} ended on {given.until} ({given.reason}): renew it or take it out"
            yield Finding("fail", "CAP007", said, given.scenario, given.metric or "")


def _prices(heads: Sequence[Side], policy: Policy, as_of: datetime.date) -> Iterator[Finding]:
    from capplan.catalog.figures import date_of

    for side in heads:
        oldest = (side.report.get("catalog") or {}).get("oldest_price")
        held = date_of(oldest) if isinstance(oldest, str) else None
        for level, most in (("fail", policy.price_age.fail), ("warn", policy.price_age.warn)):
            if most is None:
                continue
            days = (as_of - held).days if held else None
            if days is None or days > most:
                age = "undated" if days is None else f"of {oldest}, {days} days old"
                said = f"{side.name}: the oldest price of the catalogue is {age}, at most {most:g} days are allowed"
                yield Finding(level, "CAP008", said, side.name)
                break
            yield Finding("pass", "CAP008", f"{side.name}: age of prices", side.name)
