"""Which changed keys of a scenario make its cost change, and by how much: averaged substitution.

Two scenarios differ in some keys, which fall into causes (K, traffic, model, ...). Taking the causes over one after
another leads from the one to the other, and each step has its change of cost; averaged over all orders, no cause gains
by going first (Shapley 1953, "A value for n-person games"), and the shares add up to the whole change.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

# Exact up to here: every set of causes is planned once. Beyond, orders are drawn.
MOST_EXACT = 7
ORDERS = 24
_SEED = 20260731

Tree = Mapping[str, Any]
Path = tuple[str, ...]
Chosen = frozenset[str]
# What something costs with the causes of the set taken over; None where no such plan can be.
Value = Callable[[Chosen], float | None]

_LAYOUT = (
    "tensor_parallel", "pipeline_parallel", "expert_parallel", "attention_data_parallel", "concurrency",
)  # fmt: skip
_PRICES = (
    "purchase_price", "node_price", "network_price", "gpu_hourly", "electricity", "colocation", "api", "staff",
    "software",
)  # fmt: skip
_NAMED = {
    "reasoning.k": "K",
    "model": "model",
    "gpu": "GPU",
    **{f"serving.{key}": "layout" for key in _LAYOUT},
    **{f"cost.{key}": "price" for key in _PRICES},
}
# Keys that say what a scenario is called, not what it is.
_LABELS = frozenset({"name", "description", "version"})


def changed(base: Tree, head: Tree) -> dict[str, list[Path]]:
    """The causes and the keys that each stands for, in the order of the scenario; none where the two are equal.

    base, head: resolved scenarios. A key that is no other cause's is a cause under its own name. Where the strategy
    changes, all of `reasoning` goes with it: the keys of one mean nothing to another.

    >>> changed({"gpu": "h100-sxm", "cost": {"pue": 1.1}}, {"gpu": "h200-sxm", "cost": {"pue": 1.2}})
    {'GPU': [('gpu',)], 'cost.pue': [('cost', 'pue')]}
    """
    paths = [path for path in _differing(base, head) if path[0] not in _LABELS]
    swapped = ("reasoning", "strategy") in paths
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault("strategy" if swapped and path[0] == "reasoning" else _cause(path), []).append(path)
    return found


def _cause(path: Path) -> str:
    named = _NAMED.get(".".join(path[:2])) or _NAMED.get(path[0])
    return named or ("traffic" if path[0] == "workload" else ".".join(path))


def _differing(base: Tree, head: Tree, above: Path = ()) -> list[Path]:
    found: list[Path] = []
    for key in dict.fromkeys((*base, *head)):
        one, other = base.get(key), head.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping) and (len(above) < 1 or above[0] == "cost"):
            found += _differing(one, other, (*above, key))
        elif isinstance(one, Mapping) != isinstance(other, Mapping) and not above:
            # A section that only one has: its keys are the causes.
            found += _differing(one or {}, other or {}, (key,)) if _section(one, other) else [(key,)]
        elif one != other:
            found.append((*above, key))
    return found


def _section(one: object, other: object) -> bool:
    return {type(one), type(other)} <= {dict, type(None)}


def substituted(base: Tree, head: Tree, paths: Sequence[Path]) -> dict[str, Any]:
    """`base` with the keys at `paths` as `head` has them; keys that it lacks are taken out."""
    made = {key: dict(value) if isinstance(value, Mapping) else value for key, value in base.items()}
    for path in paths:
        inside, source = made, head
        for key in path[:-1]:
            held = inside.get(key)
            inside[key] = inside = dict(held) if isinstance(held, Mapping) else {}
            source = source.get(key) or {}
        if path[-1] in source:
            inside[path[-1]] = source[path[-1]]
        else:
            inside.pop(path[-1], None)
    return {key: value for key, value in made.items() if value != {}}


def asked_sets(causes: Sequence[str]) -> list[Chosen]:
    """The sets of causes that `shares` will ask the cost of, so that all can be planned together."""
    if len(causes) <= MOST_EXACT:
        return [frozenset(chosen) for size in range(len(causes) + 1) for chosen in combinations(causes, size)]
    return list(dict.fromkeys(one for order in _orders(causes) for one in _chain(order)))


def shares(causes: Sequence[str], value: Value) -> dict[str, float]:
    """What each cause adds, averaged over the orders in which they can be taken over.

    Orders that pass through a plan that cannot be are left out, as long as one is left. With more than MOST_EXACT
    causes a fixed draw of ORDERS orders stands for all, each beside its reverse, so that going back gives the same
    shares with the other sign. The shares add up to `value(all) - value(none)`.
    Raises ValueError where one of these two is None.
    """
    whole = frozenset(causes)
    if value(frozenset()) is None or value(whole) is None:
        raise ValueError("both ends need a cost")
    if not causes:
        return {}
    return _exact(causes, value) if len(causes) <= MOST_EXACT else _drawn(causes, value)


def _exact(causes: Sequence[str], value: Value) -> dict[str, float]:
    """Over all orders at once: a step counts as often as there are ways to come to it and to go on from it."""
    sets, whole = asked_sets(causes), frozenset(causes)
    worth = {one: value(one) for one in sets}
    up = _ways(sets, worth, lambda one: [one - {cause} for cause in one])
    if not up[whole]:
        # Nothing but impossible plans on the way: the two ends alone say something.
        return _evenly(causes, worth)
    down = _ways(sets[::-1], worth, lambda one: [one | {cause} for cause in causes if cause not in one])
    found = dict.fromkeys(causes, 0.0)
    for one in sets:
        for cause in causes:
            after = one | {cause}
            if cause in one or worth[one] is None or worth[after] is None:
                continue
            found[cause] += up[one] * down[after] / up[whole] * (worth[after] - worth[one])  # type: ignore[operator]
    return found


def _ways(
    sets: Sequence[Chosen], worth: Mapping[Chosen, float | None], before: Callable[[Chosen], list[Chosen]]
) -> dict[Chosen, int]:
    """In how many orders each set is come to, through sets that can be; the first is where they all start."""
    ways: dict[Chosen, int] = {}
    for one in sets:
        known = worth[one] is not None
        ways[one] = 0 if not known else 1 if not ways else sum(ways[earlier] for earlier in before(one))
    return ways


def _drawn(causes: Sequence[str], value: Value) -> dict[str, float]:
    worth: dict[Chosen, float | None] = {one: value(one) for one in asked_sets(causes)}
    orders = _orders(causes)
    possible = [order for order in orders if all(worth[one] is not None for one in _chain(order))]
    if not possible:
        return _evenly(causes, worth)
    found = dict.fromkeys(causes, 0.0)
    for order in possible:
        chain = _chain(order)
        for cause, before, after in zip(order, chain, chain[1:], strict=False):
            found[cause] += (worth[after] - worth[before]) / len(possible)  # type: ignore[operator]
    return found


def _orders(causes: Sequence[str]) -> list[tuple[str, ...]]:
    draw, ordered = random.Random(_SEED), sorted(causes)
    made = []
    for _ in range(ORDERS // 2):
        draw.shuffle(ordered)
        made += [tuple(ordered), tuple(reversed(ordered))]
    return made


def _chain(order: Sequence[str]) -> list[Chosen]:
    return [frozenset(order[:taken]) for taken in range(len(order) + 1)]


def _evenly(causes: Sequence[str], worth: Mapping[Chosen, float | None]) -> dict[str, float]:
    """Equal shares: no order tells the causes apart."""
    total = (worth[frozenset(causes)] or 0.0) - (worth[frozenset()] or 0.0)
    return dict.fromkeys(causes, total / len(causes))


def in_cents(parts: Mapping[str, float], total_cents: int) -> dict[str, int]:
    """Shares in whole cents that add up to the total: rounded towards 0, the rest to the largest remainders.

    >>> in_cents({"K": 0.614, "price": -0.105}, 51)
    {'K': 61, 'price': -10}
    """
    cents = {name: int(part * 100) for name, part in parts.items()}
    missing = total_cents - sum(cents.values())
    sign = 1 if missing > 0 else -1
    left = sorted(parts, key=lambda name: (-sign * (parts[name] * 100 - cents[name]), name))
    for at in range(abs(missing)):
        cents[left[at % len(left)]] += sign
    return cents
