"""Routing tiers as scenarios of their own: each takes the whole file and overrides what it gives."""

from collections.abc import Iterator, Mapping
from itertools import accumulate, pairwise
from typing import Any, TypeVar

from capplan.scenario.buckets import mixed, share_up_to
from capplan.scenario.faults import Fault
from capplan.scenario.length import Length
from capplan.scenario.part import Part, copied, slots
from capplan.scenario.reasoning import COMMON, Reasoning
from capplan.scenario.routing import Tier, length_of
from capplan.scenario.schema import Scenario
from capplan.scenario.tree import Node

P = TypeVar("P", bound=Part)

# How long the thinking is, said in two ways: giving one in a tier drops the other, inherited one.
_BY_STEPS, _BY_TOKENS = {"k", "tokens_per_step"}, {"thinking_tokens"}


def tier_scenarios(scenario: Scenario) -> list[tuple[str, float, Scenario]]:
    """The pools of a scenario: name, share of the queries that come to it, and what is to be planned for the pool.

    The pool's workload has its share of the arrivals that no cache answers; shares are of those. A pool for lengths has
    the lengths of the queries sent there. Without `routing` there is one pool with everything.
    """
    if scenario.routing is None:
        return [(scenario.name, 1.0, scenario)]
    shares = sent_shares(scenario)
    tiers = enumerate(scenario.routing.tiers)
    return [(tier.name, shares[at], _sent_scenario(scenario, at)) for at, tier in tiers]


def reaching_scenarios(scenario: Scenario) -> list[tuple[str, float, Scenario]]:
    """The pools of the scenario as a cascade: each with the arrivals of the queries that come to it, having failed all
    tiers before it. The share is that of the queries which it settles."""
    if scenario.routing is None:
        return [(scenario.name, 1.0, scenario)]
    settled = belonging_shares(scenario)
    reached = [1.0 - sum(settled[:at]) for at in range(len(settled))]
    tiers = enumerate(scenario.routing.tiers)
    return [(tier.name, settled[at], tier_alone(scenario, at, reached[at])) for at, tier in tiers]


def belonging_shares(scenario: Scenario) -> tuple[float, ...]:
    """Share of the queries that belong to each tier, as given, or by the law of the length that is cut."""
    routing = scenario.routing
    if routing is None:
        return (1.0,)
    length = _cut(scenario)
    if length is None:
        return tuple(tier.share or 0.0 for tier in routing.tiers)
    ends = [1.0 if tier.up_to is None else share_up_to(length, tier.up_to) for tier in routing.tiers]
    return tuple(high - low for low, high in pairwise([0.0, *ends]))


def sent_shares(scenario: Scenario) -> tuple[float, ...]:
    """Share of the queries that the classifier sends to each tier."""
    return tuple(map(sum, zip(*confusion(scenario), strict=True)))


def confusion(scenario: Scenario) -> tuple[tuple[float, ...], ...]:
    """Share of all queries that belong to a tier (rows) and are sent to one (columns); all together 1."""
    routing = scenario.routing
    if routing is None:
        return ((1.0,),)
    belonging = belonging_shares(scenario)
    return tuple(tuple(share * part for part in routing.sent(at)) for at, share in enumerate(belonging))


def cached_share(scenario: Scenario) -> float:
    """Share of the queries that the cache in front of all pools answers."""
    routing = scenario.routing
    return routing.cache.hit_rate if routing and routing.cache else 0.0


def _cut(scenario: Scenario) -> Length | None:
    """The law of lengths that the tiers cut; None where they do not go by length."""
    if scenario.routing is None:
        return None
    work, thinking = scenario.workload, scenario.reasoning.thinking_tokens
    return length_of(scenario.routing.by, work.prompt_tokens, thinking, work.answer_tokens)


def tier_alone(scenario: Scenario, at: int, share: float = 1.0) -> Scenario:
    """The pool of a tier under a share of all queries that no cache answers, whatever their difficulty and length."""
    return _tier_scenario(scenario, at, share * (1 - cached_share(scenario)), None)


def _tier_scenario(scenario: Scenario, at: int, share: float, length: Length | None) -> Scenario:
    """The pool of a tier under a share of all queries. length: the law in place of the one that tiers cut."""
    routing, work = scenario.routing, scenario.workload
    if routing is None:
        return scenario
    tier = routing.tiers[at]
    changes: dict[str, Any] = {"name": f"{scenario.name}/{tier.name}", "routing": None}
    changes |= {name: value for name in ("model", "gpu", "quality") if (value := getattr(tier, name)) is not None}
    if tier.serving is not None:
        changes["serving"] = over(scenario.serving, tier.serving)
    traffic: dict[str, Any] = {"qps": work.qps * share, "burstiness": thinned(work.burstiness, share)}
    reasoning = scenario.reasoning
    if length is not None and routing.by == "thinking_tokens":
        reasoning = reasoning.having({"thinking_tokens": length})
    elif length is not None:
        traffic[routing.by] = length
    changes["workload"] = work.having(traffic)
    changes["reasoning"] = reasoning if tier.reasoning is None else reasoning_over(reasoning, tier.reasoning)
    made = scenario.having(changes)
    own = {name: _own_paths(getattr(scenario, name), tier, made, at, share) for name in ("ranges", "sweeps")}
    return copied(made, own)


def _sent_scenario(scenario: Scenario, at: int) -> Scenario:
    """The pool of a tier under the queries that are sent to it."""
    length = _cut(scenario)
    mine = None if length is None else _sent_length(scenario, length, at)
    return _tier_scenario(scenario, at, (1 - cached_share(scenario)) * sent_shares(scenario)[at], mine)


def _sent_length(scenario: Scenario, length: Length, at: int) -> Length:
    """The law of the lengths that are sent to a tier, those that belong elsewhere included."""
    ends = list(accumulate(belonging_shares(scenario), initial=0.0))
    column = [row[at] for row in confusion(scenario)]
    parts = [(weight, low, high) for weight, (low, high) in zip(column, pairwise(ends), strict=True) if weight > 0]
    return mixed(length, parts) if parts else length


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


def _own_paths(
    recorded: Mapping[str, tuple[Any, ...]], tier: Tier, mine: Scenario, at: int, share: float
) -> dict[str, Any]:
    """Ranges or sweeps that hold for this tier, under the paths of its own scenario."""
    prefix = f"routing.tiers.{at}."
    own = {path.removeprefix(prefix): values for path, values in recorded.items() if path.startswith(prefix)}
    inherited = {path: values for path, values in recorded.items() if _inherits(tier, mine, path)}
    if "workload.qps" in inherited:
        inherited["workload.qps"] = tuple(qps * share for qps in inherited["workload.qps"])
    return inherited | {path: values for path, values in own.items() if path not in ("name", "share", "up_to")}


def _inherits(tier: Tier, mine: Scenario, path: str) -> bool:
    """Whether the tier takes the value at this path from the rest of the file."""
    head, _, rest = path.partition(".")
    if head == "quality":
        return tier.quality is None
    if head not in ("serving", "reasoning") or getattr(tier, head) is None:
        return head != "routing"
    name = slots(type(getattr(mine, head)))[rest.partition(".")[0]].field
    return getattr(mine, head).given(name) and not getattr(tier, head).given(name)


def tier_contradictions(scenario: Scenario, root: Node) -> Iterator[Fault]:
    """What the sections of each tier say against each other once the rest of the file has filled them in."""
    if scenario.routing is None:
        return
    if scenario.routing.by != "difficulty" and _cut(scenario) is None:
        node = root.at(("routing", "by"))
        yield node.fault("routing.by", "no law of thinking_tokens is given", "add reasoning: {thinking_tokens: ...}")
        return
    for at, share in enumerate(sent_shares(scenario)):
        if share <= 0:
            told = f"no query comes to '{scenario.routing.tiers[at].name}'"
            found = root.at(("routing", "tiers", str(at)))
            yield found.fault(f"routing.tiers.{at}", told, "remove the tier, or send it some")
            return
    for at, tier in enumerate(scenario.routing.tiers):
        whole = _sent_scenario(scenario, at)
        for key in ("serving", "reasoning"):
            if getattr(tier, key) is None:
                continue
            path = ("routing", "tiers", str(at), key)
            node = root.at(path)
            for found in getattr(whole, key).contradictions():
                inner = (found.key,) if found.key in slots(type(getattr(whole, key))) else ()
                place = node.at(inner)
                yield place.fault(".".join((*path, *inner)), found.message, found.hint, at_key=place is node)
