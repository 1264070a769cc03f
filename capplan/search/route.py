"""What splitting queries over pools costs, beside serving all of them in one and beside a cascade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from capplan.errors import UserError
from capplan.plan import Plan, plans
from capplan.scenario import tiers as pools
from capplan.search import route_accuracy, route_limits
from capplan.search.route_rows import Front, Row, cascade, charged, delayed, number, total

if TYPE_CHECKING:
    from capplan.scenario.routing import Routing
    from capplan.scenario.schema import Scenario


@dataclass(frozen=True)
class Routed:
    """The answer of `route`.

    plans: one a pool, one a tier that serves every query alone, one a further tier of the cascade. rows: theirs with
    `pool` and `share`, then what has no plan of its own: the cache, the routed fleet and the cascade.
    """

    plans: tuple[Plan, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Asked:
    """A scenario, its routing, and the cache in front of it."""

    scenario: Scenario
    routing: Routing
    front: Front

    @property
    def names(self) -> list[str]:
        return [tier.name for tier in self.routing.tiers]


def route(scenario: Scenario) -> Routed:
    """Separate pools by the scenario's tiers, beside each tier serving all queries, and beside a cascade of them.

    Two models never share a replica, so every pool is rounded up to whole replicas and nodes by itself. The cascade
    asks every query of the first tier and what that fails of the next; a tier that failed is paid. Without a check of
    known quality its tiers settle the shares that belong to them. Tiers by length have no cascade.
    Accuracy: the easiest queries belong to the first tier (see `route_accuracy`).
    Raises UserError where the scenario has no `routing`.
    """
    if scenario.routing is None:
        raise UserError(f"{scenario.name}: no routing section (add routing: tiers: with a name and a share each)")
    asked = _Asked(scenario, scenario.routing, Front(scenario.routing.cache, scenario.workload.qps))
    count, names = len(asked.names), asked.names
    sent = [pool for _, _, pool in pools.tier_scenarios(scenario)]
    made = plans([*sent, *(pools.tier_alone(scenario, at) for at in range(count))])
    right = [plan.row.get("accuracy") for plan in made[count:]]
    known = [number(one) for one in right] if all(one is not None for one in right) else []
    reached, caught = _reached(asked, known)
    tried = plans([pools.tier_alone(scenario, at, reached[at]) for at in range(1, len(reached))])
    alone = [{"pool": f"all in {name}", "share": 1.0, **asked.front.before(plan.row)}
             for name, plan in zip(names, made[count:], strict=True)]  # fmt: skip
    split = _split(asked, made[:count], known)
    later = [{"pool": f"{names[at]} in cascade", "share": reached[at], **plan.row} for at, plan in enumerate(tried, 1)]
    ends = [_routed(asked, split)]
    if later:
        first = {**made[count].row, "pool": names[0], "share": 1.0}
        ends.append(_cascade(asked, [first, *later], reached, caught))
    cache = asked.front.row()
    rows = [*split, *alone, *later, *([cache] if cache else []), *ends]
    notes = [note for end in ends for note in _notes(end, alone)]
    notes += _misrouted(asked, known)
    if asked.routing.by == "difficulty" and count > 1:
        notes += _limits(asked, alone)
    return Routed((*made, *tried), tuple(rows), tuple(notes))


def _reached(asked: _Asked, known: Sequence[float]) -> tuple[tuple[float, ...], float | None]:
    """(share of the queries that come to each tier of a cascade, its accuracy); no tiers where there is no cascade."""
    if asked.routing.by != "difficulty" or len(asked.names) < 2:
        return (), None
    belonging = pools.belonging_shares(asked.scenario)
    check = asked.routing.escalation
    if check is not None and known:
        return route_accuracy.escalated(known, check)
    reached = tuple(1.0 - sum(belonging[:at]) for at in range(len(belonging)))
    if not known:
        return reached, None
    right = route_accuracy.right_by_class(known, belonging)
    return reached, float(sum(share * right[at, at] for at, share in enumerate(belonging)))


def _split(asked: _Asked, made: Sequence[Plan], known: Sequence[float]) -> list[dict[str, object]]:
    """The pools' rows: who comes to each, after cache and classifier, and how often it is right about them."""
    shares, classifier = pools.sent_shares(asked.scenario), asked.routing.classifier
    delay_s = asked.front.latency_s + (classifier.latency_s if classifier else 0.0)
    rows = [{"pool": name, "share": share * asked.front.missed, **delayed(plan.row, delay_s)}
            for name, share, plan in zip(asked.names, shares, made, strict=True)]  # fmt: skip
    if known and asked.routing.by == "difficulty":
        right = route_accuracy.right_by_class(known, pools.belonging_shares(asked.scenario))
        each = route_accuracy.pool_accuracies(right, pools.confusion(asked.scenario))
        rows = [{**row, "accuracy": float(one)} for row, one in zip(rows, each, strict=True)]
    return rows


def _routed(asked: _Asked, split: Sequence[Row]) -> dict[str, object]:
    """The routed fleet: its pools, the classifier and the cache."""
    classifier, scenario = asked.routing.classifier, asked.scenario
    whole = total(split, [number(row["share"]) / asked.front.missed for row in split])
    whole = charged(whole, classifier.cost_usd if classifier else 0.0, scenario.workload.qps * asked.front.missed)
    # The pools' latencies hold the look-up already.
    return {"pool": "routed", "share": 1.0, **asked.front.before(delayed(whole, -asked.front.latency_s))}


def _cascade(asked: _Asked, tried: Sequence[Row], reached: Sequence[float], caught: float | None) -> dict[str, object]:
    check, qps = asked.routing.escalation, asked.scenario.workload.qps * asked.front.missed
    checks = sum(reached[:-1])
    whole = cascade(tried, reached)
    whole |= {"accuracy": caught}
    if check is not None:
        whole = charged(delayed(whole, checks * check.latency_s, ("ttfo_s", "tta_s")), check.cost_usd, qps * checks)
    return {"pool": "cascade", "share": 1.0, **asked.front.before(whole)}


def _misrouted(asked: _Asked, known: Sequence[float]) -> list[str]:
    """What wrong tiers cost in right answers."""
    if not known or asked.routing.by != "difficulty" or len(known) < 2:
        return []
    belonging, sent = pools.belonging_shares(asked.scenario), pools.confusion(asked.scenario)
    right = route_accuracy.right_by_class(known, belonging)
    best = sum(share * right[at, at] for at, share in enumerate(belonging))
    found = sum(part * right[own, to] for own, row in enumerate(sent) for to, part in enumerate(row))
    astray = 1 - sum(row[at] for at, row in enumerate(sent))
    if astray < 1e-9:
        return []
    word = "loses" if found <= best else "gains"
    told = (
        f"{astray:.1%} of the queries go to another tier than theirs, which {word} {100 * abs(best - found):.2f} points"
    )
    return [f"{told} of accuracy: {found:.1%} in place of {best:.1%}."]


def _limits(asked: _Asked, alone: Sequence[Row]) -> list[str]:
    """Where a split by difficulty stops paying."""
    scenario, classifier = asked.scenario, asked.routing.classifier
    grid = [pools.tier_alone(scenario, at, float(x)) for at in range(len(asked.names)) for x in route_limits.GRID[1:]]
    made, each = plans(grid), len(route_limits.GRID) - 1
    costs = [route_limits.costs(made[at * each : (at + 1) * each]) for at in range(len(asked.names))]
    usd = [number(row["annual_tco_usd"]) for row in alone]
    fixed = asked.front.year_usd(classifier.cost_usd if classifier else 0.0, asked.front.missed)
    shares = pools.belonging_shares(scenario)
    found = route_limits.limits(costs, shares, sorted(range(len(usd)), key=lambda at: usd[at]), fixed)
    right = sum(row[at] for at, row in enumerate(pools.confusion(scenario)))
    return route_limits.told(found, asked.names, right if right < 1 else None)


def _notes(end: Row, alone: Sequence[Row]) -> list[str]:
    usd = end.get("annual_tco_usd")
    notes = []
    for row in alone:
        one = row.get("annual_tco_usd")
        if not isinstance(usd, Decimal) or not isinstance(one, Decimal) or not one:
            continue
        ratio = float(usd / one)
        compared = f"{100 - 100 * ratio:.1f} % less than" if ratio < 1 else f"{ratio:.2f} times as much as"
        way = "A cascade" if end["pool"] == "cascade" else "Routing"
        notes.append(f"{way} costs {compared} {row['pool']}.")
    return notes
