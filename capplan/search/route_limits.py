"""Where routing stops paying: the share that goes to the cheap tier, and how well the classifier must sort."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from capplan.plan import Plan
from capplan.records import dataclass

Floats = NDArray[np.float64]
Costs = Callable[[Floats], Floats]

GRID = np.linspace(0.0, 1.0, 41)


@dataclass(frozen=True)
class Limits:
    """Break-even points of tiers. order: their places, the cheapest first.

    least_share: of the queries that the cheaper tiers must settle for routing to be cheaper than the dearest tier
    alone, None where no share does. least_accuracy: of the classifier, None where nothing pays, 0 where even guessing
    does. saving: cost of the dearest tier alone over the routed fleet's, all queries in their own tier. most_saving:
    what free cheaper tiers would give.
    """

    order: tuple[int, ...]
    least_share: float | None
    least_accuracy: float | None
    saving: float
    most_saving: float


def costs(made: Sequence[Plan]) -> Costs:
    """Yearly cost by share, in a straight line between the plans at each share of GRID but none, which is free."""
    usd = np.array([0.0, *(float(str(plan.row["annual_tco_usd"])) for plan in made)])
    return lambda share: np.interp(share, GRID, usd)


def limits(by_tier: Sequence[Costs], shares: Sequence[float], order: Sequence[int], fixed_usd: float = 0.0) -> Limits:
    """Break-even points.

    by_tier: yearly cost of each tier by its share of the queries. shares: that belong to each. order: places of the
    tiers, the cheapest first. fixed_usd: of the classifier, a year.
    A query sent to a dearer tier than its own is answered there; one sent to a cheaper tier fails there and is asked
    again in its own, so both are paid.

    >>> found = limits([lambda x: 1.0 * x, lambda x: 10.0 * x], [0.8, 0.2], [0, 1])
    >>> round(found.saving, 2), round(found.most_saving, 2)  # 10 / (0.8 + 2)
    (3.57, 5.0)
    """
    part = np.asarray(shares, np.float64)[list(order)]
    costs_of = [by_tier[at] for at in order]
    count, alone = len(part), float(costs_of[-1](np.array(1.0)))

    def routed(belonging: Floats, accuracy: float) -> float:
        wrong = (1 - accuracy) / (count - 1)
        asked = belonging * accuracy + wrong * (belonging.sum() - belonging)
        again = belonging * wrong * np.arange(count)  # as many cheaper tiers may have failed it
        return float(sum(cost(np.minimum(x, 1.0)) for cost, x in zip(costs_of, asked + again, strict=True))) + fixed_usd

    cheaper = part[:-1] / part[:-1].sum()
    pays = np.array([routed(np.append(cheaper * x, 1 - x), 1.0) < alone for x in GRID])
    accuracies = np.linspace(1 / count, 1.0, 101)
    sorted_well = np.array([routed(part, float(accuracy)) < alone for accuracy in accuracies])
    least = None if not sorted_well.any() else 0.0 if sorted_well[0] else float(accuracies[int(sorted_well.argmax())])
    return Limits(
        order=tuple(order),
        least_share=float(GRID[int(pays.argmax())]) if pays.any() else None,
        least_accuracy=least,
        saving=alone / max(routed(part, 1.0), 1e-9),
        most_saving=1.0 / float(part[-1]) if part[-1] > 0 else np.inf,
    )


def told(found: Limits, names: Sequence[str], accuracy: float | None) -> list[str]:
    """The limits in sentences. names: of the tiers. accuracy: share of the queries in their own tier, where not all."""
    dear = names[found.order[-1]]
    cheap = " and ".join(names[at] for at in found.order[:-1])
    if found.least_share is None:
        return [f"Routing never pays: at no share of the queries in {cheap} is it cheaper than all in {dear}."]
    said = [
        f"Routing is cheaper than all in {dear} from {found.least_share:.1%} of the queries in {cheap} on; at this "
        f"split it saves {found.saving:.2f}x, and no cheaper {cheap} could save more than {found.most_saving:.3g}x."
    ]
    given = "" if accuracy is None else f" (given: {accuracy:.1%})"
    again = f"even if those that {cheap} fails are asked again in {dear}"
    if found.least_accuracy is None:
        said.append(f"At this split it does not pay, however well the classifier sorts{given}.")
    elif found.least_accuracy == 0:
        said.append(f"It costs less even where the classifier only guesses{given}, {again}.")
    else:
        said.append(
            f"It stops paying where the classifier sorts fewer than {found.least_accuracy:.1%} of the queries right"
            f"{given}: those that {cheap} fails are asked again in {dear}."
        )
    return said
