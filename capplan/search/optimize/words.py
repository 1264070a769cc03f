"""The sentences of `optimize`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from capplan.search.optimize.candidate import Candidate, Exact
from capplan.search.optimize.limits import MAX_GPUS, STOCK, in_words, label
from capplan.search.optimize.nearest import Relaxation
from capplan.search.optimize.select import Winner, binding
from capplan.search.optimize.sensitivity import FAR, Cliff, Shadow, Verdict
from capplan.search.optimize.space import GIVEN, held, left_out

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

_UNITS = {"cost": "USD a year", "cost_per_correct_answer": "USD a right answer and query/s", "carbon": "kg CO2e a year"}
_WAYS = {"own": "bought", "on_demand": "rented on demand", "spot": "at spot prices", "reserved": "reserved",
         "reserved_1_year": "reserved for a year", "reserved_3_year": "reserved for three years"}  # fmt: skip
_WHY = {
    "memory": "do not fit the memory", "kv_cache": "ask for more sequences than the KV cache holds",
    "context": "exceed the model's context", "price": "have no price", "annual_tco_usd": "exceed the budget",
    "power_w": "exceed the power", "accuracy": "are not accurate enough", "unknown": "have no known accuracy",
    MAX_GPUS: "need more GPUs than allowed",
}  # fmt: skip
_SHOWN = 3
# Nearer to its limit than this, a figure holds the plan where it is.
_BINDS = 0.9


def way(candidate: Candidate) -> str:
    """How a candidate is paid for."""
    name = candidate.evaluated.ways[candidate.way]
    return candidate.evaluated.choice.scenario.cost.pricing.name if name == GIVEN else name


def named(exact: Exact) -> str:
    """A plan in a few words."""
    row = exact.plan.row
    degrees = [(label, row[key]) for label, key in (("TP", "tensor_parallel"), ("PP", "pipeline_parallel"),
               ("EP", "expert_parallel"), ("ADP", "attention_data_parallel")) if row[key] > 1]  # fmt: skip
    layout = " ".join(f"{label} {degree}" for label, degree in degrees) or "one GPU a replica"
    drafted = exact.candidate.evaluated.choice.keys.get("speculative_decoding")
    many = "sequence" if row["concurrency"] == 1 else "sequences"
    if row.get("prefill_replicas"):
        layout += f", {row['prefill_replicas']} of {row['replicas']} replicas for prefill"
        layout += f" at TP {row['prefill_tensor_parallel']}"
    what = f"{row['model']} on {row['gpu']}, {row['engine']}, {row['weights']} weights, {row['kv_cache']} cache"
    return f"{what}, {layout}, {row['concurrency']} {many}" + (f", drafts {drafted}" if drafted else "")


def won(best: Exact, objective: str) -> str:
    """The answer in one sentence."""
    row = best.plan.row
    paid = _WAYS.get(way(best.candidate), "paid for as the scenario says")
    extra = "" if objective == "cost" else f" ({_amount(best.value, objective)})"
    return (
        f"Best: {named(best)}: {row['replicas']} replicas on {row['gpus']} GPUs {paid}, "
        f"{float(row['annual_tco_usd']):,.0f} USD a year{extra}."
    )


def why(best: Exact) -> Iterator[str]:
    """What holds the winner where it is."""
    near = binding(best)
    share = best.shares[near] if near else 0.0
    if near and share >= _BINDS:
        yield f"Binding: {label(near)}, at {share:.0%} of its limit."
        return
    bound = {"kv_cache": "what the KV cache holds", "max_sequences": "the engine's limit of sequences"}
    what = bound.get(str(best.plan.row["bottleneck"]), "the load itself")
    nearest = f" ({label(near)} is at {share:.0%} of its limit)" if near else ""
    yield f"No limit binds{nearest}; {what} and the cost of the GPUs decide."


def judged(best: Exact, others: Sequence[Exact], found: Verdict) -> str:
    """Whether to act on it."""
    if found.word == "alone":
        return "Act: nothing else in the space keeps the targets."
    rival = others[0]
    head = f"{found.margin:.1%} ahead of {named(rival)}, against a prediction band of +-{found.band:.0%}"
    if found.word == "act":
        return f"Act: {head}."
    if found.word == "close call":
        return f"Close call: {head}. Measure the winner before a large order."
    return f"Measure first: {head}. Measure these two: {named(best)}; {named(rival)}."


def priced(scenario: Scenario, shadows: Sequence[Shadow], objective: str) -> Iterator[str]:
    """Shadow prices of the targets."""
    saving = [one for one in shadows if one.saves > 0]
    if shadows and not saving:
        yield "No limit that is 10 % looser saves anything."
    for one in saving[:_SHOWN]:
        yield f"{in_words(scenario, one.limit)}: 10 % looser saves {_amount(one.saves, objective)}."


def ahead(cliff: Cliff) -> Iterator[str]:
    """The next cliffs."""
    if cliff.load is not None:
        yield (f"Next cliff: at {cliff.load:+.0%} traffic the fleet grows by {cliff.gpus} GPUs, "
               f"{cliff.usd:,.0f} USD a year.")  # fmt: skip
    else:
        yield f"No cliff ahead: the fleet carries {1 + FAR:g} times the traffic."
    if cliff.slower is not None:
        yield f"The fleet misses {cliff.missed} if the engine is {cliff.slower:.0%} slower than predicted."


def counted(candidates: int, deployments: int, pruned: Mapping[str, int], unserved: Mapping[str, str]) -> str:
    """What was searched and what fell out."""
    out = "".join(f", {number:,} {_pruned(name)}" for name, number in pruned.items())
    kept = candidates - sum(pruned.values())
    head = f"Searched {candidates:,} candidates of {deployments} deployments: {kept:,} keep every target{out}."
    if not unserved:
        return head
    first = next(iter(unserved.items()))
    return f"{head} {len(unserved)} deployments cannot be: {first[0]} ({first[1]})" + (" ..." * (len(unserved) > 1))


def _pruned(name: str) -> str:
    if name.startswith(STOCK):
        return f"need more {name.removeprefix(STOCK)} than there are"
    return _WHY.get(name, f"miss {label(name)}")


def kept(scenario: Scenario, found: Winner) -> Iterator[str]:
    """What was not searched, and how sure the winner is the winner."""
    fixed = list(held(scenario))
    if fixed:
        yield f"Held as the scenario gives it: {', '.join(fixed)}; list others under `optimize` to search them."
    left = [f"optimize.{name}" for name in left_out(scenario)]
    if left:
        yield f"Not searched, for nothing lists them: {' and '.join(left)}."
    if not found.proven:
        yield "More candidates lie within the error of the estimates than were planned exactly; they differ by little."


def nothing(scenario: Scenario, near: Exact | None, loose: Relaxation | None) -> Iterator[str]:
    """Nothing fits: what comes nearest, and what would help."""
    if near is None:
        yield "Nothing fits, and no candidate has a price: give cost.gpu_hourly or cost.purchase_price, or other GPUs."
        return
    usd = float(near.plan.row["annual_tco_usd"])
    yield f"Nothing meets every target. Nearest: {named(near)}, {usd:,.0f} USD a year."
    missed = {label(name): share - 1 for name, share in near.shares.items() if share > 1}
    yield from (f"It misses {name} by {by:.1%}." for name, by in missed.items())
    for excuse in near.plan.excuses:
        if excuse.constraint not in missed:
            yield f"{excuse.message}; cure: {excuse.cure}."
    if loose is None:
        yield "No looser limit alone lets a plan be: change the model, its precision, or the GPUs."
        return
    best = loose.exact
    yield (
        f"Smallest relaxation that works: {_relaxed(loose)}, with {named(best)} on {best.plan.row['gpus']:,} GPUs, "
        f"{float(best.plan.row['annual_tco_usd']):,.0f} USD a year."
    )
    if loose.further:
        row = loose.further.exact.plan.row
        yield (
            f"A tenth looser still, {_relaxed(loose.further)}: {row['gpus']:,} GPUs, "
            f"{float(row['annual_tco_usd']):,.0f} USD a year."
        )


def _relaxed(loose: Relaxation) -> str:
    return " and ".join(f"{in_words(loose.scenario, name)} ({_loosened(name, by)})" for name, by in loose.factors)


def _loosened(name: str, factor: float) -> str:
    return f"{1 / factor - 1:.1%}" if name == "accuracy" else f"{factor - 1:+.1%}"


def _amount(value: float, objective: str) -> str:
    return f"{value:,.0f} {_UNITS[objective]}"
