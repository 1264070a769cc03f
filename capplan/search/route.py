"""What splitting queries over pools costs, beside serving all of them in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from capplan.errors import UserError
from capplan.plan import Plan, plans
from capplan.scenario.overrides import with_values
from capplan.scenario.tiers import thinned, tier_scenarios
from capplan.search import route_limits

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

# Columns of the routed fleet that are the sum over its pools, and those that are the mean over queries.
SUMS = (
    "replicas", "gpus", "nodes", "annual_tco_usd", "capex_usd_per_year", "energy_usd_per_year",
    "maintenance_usd_per_year", "rent_usd_per_year", "annual_kwh", "annual_kg_co2e",
)  # fmt: skip
MEANS = (
    "prompt_tokens", "thinking_tokens", "answer_tokens", "output_tokens", "ttft_s", "itl_s", "ttfo_s", "tta_s",
    "energy_j_per_query", "usd_per_1k_queries", "accuracy",
)  # fmt: skip
# Of a cascade, every tier that is tried adds its own.
PAID = ("output_tokens", "tta_s", "energy_j_per_query", "usd_per_1k_queries")
# The classifier answers before the pool hears of the query.
DELAYED = ("ttft_s", "ttfo_s", "tta_s", "tta_p95_s", "tta_p99_s")

Row = Mapping[str, object]


@dataclass(frozen=True)
class Routed:
    """The answer of `route`.

    plans: one a pool, one a tier that serves every query alone, one a further tier of the cascade that lies between
    its first and its last. rows: theirs with `pool` and `share`, then the routed fleet and the cascade, which have no
    plan of their own.
    """

    plans: tuple[Plan, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def route(scenario: Scenario) -> Routed:
    """Separate pools by the scenario's shares, beside each tier serving all queries, and beside a cascade of them.

    Two models never share a replica, so every pool is rounded up to whole replicas and nodes by itself. The cascade
    asks every query of the first tier and what that fails of the next: its tiers settle the same shares, and a tier
    that failed is paid. What a wrong tier does to accuracy is not in these rows.
    Raises UserError where the scenario has no `routing`.
    """
    routing = scenario.routing
    if routing is None:
        raise UserError(f"{scenario.name}: no routing section (add routing: tiers: with a name and a share each)")
    tiers = tier_scenarios(scenario)
    names, shares = [name for name, _, _ in tiers], [share for _, share, _ in tiers]
    whole = [_sized(pool, scenario, 1.0) for _, _, pool in tiers]
    reached = [1.0 - sum(shares[:at]) for at in range(len(tiers))]
    between = range(1, len(tiers) - 1)
    further = [_sized(tiers[at][2], scenario, reached[at]) for at in between]
    made = plans([*(pool for _, _, pool in tiers), *whole, *further])
    count = len(tiers)
    delay_s = routing.classifier.latency_s if routing.classifier else 0.0
    pools = [
        _row(name, share, _later(plan.row, delay_s)) for name, share, plan in zip(names, shares, made, strict=False)
    ]
    alone = [_row(f"all in {name}", 1.0, plan.row) for name, plan in zip(names, made[count:], strict=False)]
    middle = [
        _row(f"{names[at]} in cascade", reached[at], plan.row)
        for at, plan in zip(between, made[2 * count :], strict=True)
    ]
    total = _row("routed", 1.0, _total(pools))
    rows, ends = [*pools, *alone, *middle, total], [total]
    if count > 1:
        last = _row(names[-1], shares[-1], made[count - 1].row)
        ends.append(_row("cascade", 1.0, _cascade([alone[0], *middle, last], shares)))
        rows.append(ends[-1])
    notes = [note for end in ends for note in _notes(end, alone)]
    if count == 2:
        notes += _limits(scenario, tiers, alone)
    return Routed(tuple(made), tuple(rows), tuple(notes))


def _sized(pool: Scenario, whole: Scenario, share: float) -> Scenario:
    """The pool with another share of the whole's queries."""
    work = whole.workload
    return with_values(
        pool, {"workload.qps": work.qps * share, "workload.burstiness": thinned(work.burstiness, share)}
    )  # fmt: skip


def _row(pool: str, share: float, row: Row) -> dict[str, object]:
    return {"pool": pool, "share": share, **row}


def _cascade(tried: Sequence[Row], settled: Sequence[float]) -> dict[str, object]:
    """The cascade as one row. tried: each tier under all queries that come to it. settled: share that each answers."""
    total: dict[str, object] = dict.fromkeys((name for name in tried[0] if name not in ("pool", "share")), None)
    for name in SUMS:
        total |= _summed(tried, name)
    reached = [1.0 - sum(settled[:at]) for at in range(len(settled))]
    for name in PAID:
        if all(row.get(name) is not None for row in tried):
            total[name] = sum(part * _float(row[name]) for part, row in zip(reached, tried, strict=True))
    # The first tier's first token is what users see first; the answer comes after all tiers that were tried.
    total["ttft_s"] = tried[0].get("ttft_s")
    total["feasible"] = all(row.get("feasible") for row in tried)
    return total


def _limits(scenario: Scenario, tiers: Sequence[tuple[str, float, Scenario]], alone: Sequence[Row]) -> list[str]:
    """Where a split over two tiers stops paying."""
    cheap, dear = sorted((0, 1), key=lambda at: _float(alone[at]["annual_tco_usd"]))
    pools = [route_limits.sized_for(tiers[at][2], scenario) for at in (cheap, dear)]
    made = plans([*pools[0], *pools[1]])
    half = len(pools[0])
    found = route_limits.limits(route_limits.costs(made[:half]), route_limits.costs(made[half:]), tiers[cheap][1])
    classifier = scenario.routing.classifier if scenario.routing else None
    accuracy = classifier.accuracy if classifier else None
    return route_limits.told(found, tiers[cheap][0], tiers[dear][0], accuracy)


def _later(row: Row, delay_s: float) -> Row:
    return {**row, **{name: float(str(row[name])) + delay_s for name in DELAYED if row.get(name) is not None}}


def _total(pools: Sequence[Row]) -> dict[str, object]:
    """The routed fleet as one row: sums and means over queries; None where some pool has no value."""
    total: dict[str, object] = dict.fromkeys((name for name in pools[0] if name not in ("pool", "share")), None)
    for name in SUMS:
        total |= _summed(pools, name)
    for name in MEANS:
        if all(pool.get(name) is not None for pool in pools):
            total[name] = sum(_float(pool["share"]) * _float(pool[name]) for pool in pools)
    total["feasible"] = all(pool.get("feasible") for pool in pools)
    return total


def _summed(rows: Sequence[Row], name: str) -> dict[str, object]:
    values = [row.get(name) for row in rows]
    if None in values:
        return {}
    return {name: sum(values, start=Decimal(0) if isinstance(values[0], Decimal) else 0)}  # type: ignore[arg-type]


def _float(value: object) -> float:
    return float(str(value))


def _notes(total: Row, alone: Sequence[Row]) -> list[str]:
    routed = total.get("annual_tco_usd")
    notes = []
    for row in alone:
        one = row.get("annual_tco_usd")
        if not isinstance(routed, Decimal) or not isinstance(one, Decimal) or not one:
            continue
        ratio = float(routed / one)
        compared = f"{100 - 100 * ratio:.1f} % less than" if ratio < 1 else f"{ratio:.2f} times as much as"
        way = "A cascade" if total["pool"] == "cascade" else "Routing"
        notes.append(f"{way} costs {compared} {row['pool']}.")
    return notes
