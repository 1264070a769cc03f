"""Routing tiers as scenarios of their own: each takes the whole file and overrides what it gives."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from capplan.scenario.faults import Fault
from capplan.scenario.part import Part, copied, slots
from capplan.scenario.reasoning import COMMON, Reasoning
from capplan.scenario.routing import Tier
from capplan.scenario.schema import Scenario
from capplan.scenario.tree import Node

P = TypeVar("P", bound=Part)

# How long the thinking is, said in two ways: giving one in a tier drops the other, inherited one.
_BY_STEPS, _BY_TOKENS = {"k", "tokens_per_step"}, {"thinking_tokens"}


def tier_scenarios(scenario: Scenario) -> list[tuple[str, float, Scenario]]:
    """The pools of a scenario: name, share of the queries, and what is to be planned for the pool.

    The pool's workload has its share of the arrivals. Without `routing` there is one pool with everything.
    """
    if scenario.routing is None:
        return [(scenario.name, 1.0, scenario)]
    tiers = enumerate(scenario.routing.tiers)
    return [(tier.name, tier.share, _tier_scenario(scenario, tier, at)) for at, tier in tiers]


def reaching_scenarios(scenario: Scenario) -> list[tuple[str, float, Scenario]]:
    """The pools of the scenario as a cascade: each with the arrivals of the queries that come to it, having failed all
    tiers before it. The share is that of the queries which it settles."""
    if scenario.routing is None:
        return [(scenario.name, 1.0, scenario)]
    tiers, reached, found = scenario.routing.tiers, 1.0, []
    for at, tier in enumerate(tiers):
        found.append((tier.name, tier.share, _tier_scenario(scenario, tier, at, reached)))
        reached -= tier.share
    return found


def _tier_scenario(scenario: Scenario, tier: Tier, at: int, share: float | None = None) -> Scenario:
    """The pool of a tier. share: of all queries, those that come here, where it is not the tier's own."""
    work = scenario.workload
    share = tier.share if share is None else share
    workload = work.having({"qps": work.qps * share, "burstiness": thinned(work.burstiness, share)})
    changes: dict[str, Any] = {"name": f"{scenario.name}/{tier.name}", "routing": None, "workload": workload}
    changes |= {name: value for name in ("model", "gpu") if (value := getattr(tier, name)) is not None}
    if tier.serving is not None:
        changes["serving"] = over(scenario.serving, tier.serving)
    if tier.reasoning is not None:
        changes["reasoning"] = reasoning_over(scenario.reasoning, tier.reasoning)
    mine = scenario.having(changes)
    return copied(mine, {name: _own_paths(getattr(scenario, name), tier, mine, at) for name in ("ranges", "sweeps")})


def thinned(burstiness: float, share: float) -> float:
    """Burstiness of the queries of which each comes here by chance: c^2 = 1 + share (c^2 - 1), exact for any gaps.

    Source: D. R. Cox 1962, "Renewal Theory", section 9.3 on thinned renewal processes.

    >>> round(thinned(2.3, 0.3), 3), thinned(1.0, 0.3)
    (1.512, 1.0)
    """
    return float((1.0 + share * (burstiness**2 - 1.0)) ** 0.5)


def over(base: P, changes: P) -> P:
    """A section with the fields that another one gives."""
    return base.having({name: getattr(changes, name) for name in changes.given_fields})


def reasoning_over(base: Reasoning, changes: Reasoning) -> Reasoning:
    """As `over`; another strategy starts afresh and keeps only what all strategies have."""
    given = changes.given_fields
    if changes.given("strategy") and changes.strategy != base.strategy:
        kept = {name: getattr(base, name) for name in COMMON if base.given(name) and name not in given}
        return changes.having(kept)
    dropped = (_BY_STEPS if given & _BY_TOKENS else set()) | (_BY_TOKENS if given & _BY_STEPS else set())
    if "calls" in given or base.calls == "per_step":
        dropped -= {"k"}  # it splits the thinking into requests, whatever their length
    fresh = Reasoning()
    merged = over(base, changes).having({name: getattr(fresh, name) for name in dropped - given})
    return copied(merged, {"given_fields": merged.given_fields - (dropped - given)})


def _own_paths(recorded: Mapping[str, tuple[Any, ...]], tier: Tier, mine: Scenario, at: int) -> dict[str, Any]:
    """Ranges or sweeps that hold for this tier, under the paths of its own scenario."""
    prefix = f"routing.tiers.{at}."
    own = {path.removeprefix(prefix): values for path, values in recorded.items() if path.startswith(prefix)}
    inherited = {path: values for path, values in recorded.items() if _inherits(tier, mine, path)}
    if "workload.qps" in inherited:
        inherited["workload.qps"] = tuple(qps * tier.share for qps in inherited["workload.qps"])
    return inherited | {path: values for path, values in own.items() if path not in ("name", "share")}


def _inherits(tier: Tier, mine: Scenario, path: str) -> bool:
    """Whether the tier takes the value at this path from the rest of the file."""
    head, _, rest = path.partition(".")
    if head not in ("serving", "reasoning") or getattr(tier, head) is None:
        return head != "routing"
    name = slots(type(getattr(mine, head)))[rest.partition(".")[0]].field
    return getattr(mine, head).given(name) and not getattr(tier, head).given(name)


def tier_contradictions(scenario: Scenario, root: Node) -> Iterator[Fault]:
    """What the sections of each tier say against each other once the rest of the file has filled them in."""
    if scenario.routing is None:
        return
    for at, tier in enumerate(scenario.routing.tiers):
        whole = _tier_scenario(scenario, tier, at)
        for key in ("serving", "reasoning"):
            if getattr(tier, key) is None:
                continue
            path = ("routing", "tiers", str(at), key)
            node = root.at(path)
            for found in getattr(whole, key).contradictions():
                inner = (found.key,) if found.key in slots(type(getattr(whole, key))) else ()
                place = node.at(inner)
                yield place.fault(".".join((*path, *inner)), found.message, found.hint, at_key=place is node)
