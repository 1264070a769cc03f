"""What splitting queries over pools costs, beside serving all of them in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from capplan.errors import UserError
from capplan.plan import Plan, plans
from capplan.scenario.overrides import with_values
from capplan.scenario.tiers import tier_scenarios

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
# The classifier answers before the pool hears of the query.
DELAYED = ("ttft_s", "ttfo_s", "tta_s", "tta_p95_s", "tta_p99_s")

Row = Mapping[str, object]


@dataclass(frozen=True)
class Routed:
    """The answer of `route`.

    plans: one a pool, then one a tier that serves every query alone. rows: theirs with `pool` and `share`, and the
    routed fleet last, which has no plan of its own.
    """

    plans: tuple[Plan, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def route(scenario: Scenario) -> Routed:
    """Separate pools by the scenario's shares, beside each tier serving all queries.

    Two models never share a replica, so every pool is rounded up to whole replicas and nodes by itself. A query sent to
    the wrong tier costs what that tier costs; what it does to accuracy is not in these rows.
    Raises UserError where the scenario has no `routing`.
    """
    routing = scenario.routing
    if routing is None:
        raise UserError(f"{scenario.name}: no routing section (add routing: tiers: with a name and a share each)")
    tiers = tier_scenarios(scenario)
    everything = {"workload.qps": scenario.workload.qps, "workload.burstiness": scenario.workload.burstiness}
    whole = [with_values(pool, everything) for _, _, pool in tiers]
    made = plans([*(pool for _, _, pool in tiers), *whole])
    delay_s = routing.classifier.latency_s if routing.classifier else 0.0
    pools = [
        {"pool": name, "share": share, **_later(plan.row, delay_s)}
        for (name, share, _), plan in zip(tiers, made, strict=False)
    ]
    alone = [
        {"pool": f"all in {name}", "share": 1.0, **plan.row}
        for (name, _, _), plan in zip(tiers, made[len(tiers) :], strict=True)
    ]
    total = {"pool": "routed", "share": 1.0, **_total(pools)}
    return Routed(tuple(made), (*pools, *alone, total), tuple(_notes(total, alone)))


def _later(row: Row, delay_s: float) -> Row:
    return {**row, **{name: float(str(row[name])) + delay_s for name in DELAYED if row.get(name) is not None}}


def _total(pools: Sequence[Row]) -> dict[str, object]:
    """The routed fleet as one row: sums and means over queries; None where some pool has no value."""
    total: dict[str, object] = dict.fromkeys((name for name in pools[0] if name not in ("pool", "share")), None)
    for name in (*SUMS, *MEANS):
        values = [pool.get(name) for pool in pools]
        if None in values:
            continue
        if name in SUMS:
            total[name] = sum(values, start=Decimal(0) if isinstance(values[0], Decimal) else 0)  # type: ignore[arg-type]
        else:
            shares = [float(str(pool["share"])) for pool in pools]
            total[name] = sum(share * float(str(value)) for share, value in zip(shares, values, strict=True))
    total["feasible"] = all(pool.get("feasible") for pool in pools)
    return total


def _notes(total: Row, alone: Sequence[Row]) -> list[str]:
    routed = total.get("annual_tco_usd")
    notes = []
    for row in alone:
        one = row.get("annual_tco_usd")
        if not isinstance(routed, Decimal) or not isinstance(one, Decimal) or not one:
            continue
        ratio = float(routed / one)
        compared = f"{100 - 100 * ratio:.1f} % less than" if ratio < 1 else f"{ratio:.2f} times as much as"
        notes.append(f"Routing costs {compared} {row['pool']}.")
    return notes
