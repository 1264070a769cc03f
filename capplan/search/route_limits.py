"""Where routing stops paying: the share that goes to the cheap tier, and how well the classifier must sort."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from capplan.plan import Plan
from capplan.records import dataclass
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.scenario.tiers import thinned

Floats = NDArray[np.float64]
Costs = Callable[[Floats], Floats]

GRID = np.linspace(0.0, 1.0, 41)


@dataclass(frozen=True)
class Limits:
    """least_share: of the queries that the cheap tier must settle for routing to be cheaper than the dear tier alone,
    None where no share does. least_accuracy: of the classifier, None where even guessing pays or nothing does.
    saving: cost of the dear tier alone over the routed fleet's. most_saving: what a free cheap tier would give.
    """

    least_share: float | None
    least_accuracy: float | None
    saving: float
    most_saving: float


def sized_for(pool: Scenario, whole: Scenario) -> list[Scenario]:
    """The pool under each share of `GRID` of the whole's queries but none."""
    work = whole.workload
    return [
        with_values(pool, {"workload.qps": work.qps * x, "workload.burstiness": thinned(work.burstiness, float(x))})
        for x in GRID[1:]
    ]


def costs(made: Sequence[Plan]) -> Costs:
    """Yearly cost by share, in a straight line between the plans of `sized_for`; nothing for no queries."""
    usd = np.array([0.0, *(float(str(plan.row["annual_tco_usd"])) for plan in made)])
    return lambda share: np.interp(share, GRID, usd)


def limits(cheap: Costs, dear: Costs, share: float, fixed_usd: float = 0.0) -> Limits:
    """Break-even points of two tiers.

    share: settled by the cheap tier when sorting is perfect. fixed_usd: of the classifier, a year.
    A query wrongly sent to the dear tier is answered there; one wrongly sent to the cheap tier fails there and is asked
    again in the dear one, so both are paid.

    >>> found = limits(lambda x: 1.0 * x, lambda x: 10.0 * x, 0.8)
    >>> round(found.saving, 2), round(found.most_saving, 2)  # 10 / (0.8 + 2)
    (3.57, 5.0)
    """
    alone = float(dear(np.array(1.0)))

    def routed(part: Floats | float, accuracy: Floats | float) -> Floats:
        part, accuracy = np.asarray(part, np.float64), np.asarray(accuracy, np.float64)
        tried = part * accuracy + (1 - part) * (1 - accuracy)
        return cheap(tried) + dear(1 - part * accuracy) + fixed_usd

    pays = routed(GRID, 1.0) < alone
    accuracies = np.linspace(0.5, 1.0, 101)
    sorted_well = routed(share, accuracies) < alone
    decides = bool(sorted_well.any()) and not sorted_well[0]
    now = float(routed(share, 1.0))
    return Limits(
        least_share=float(GRID[int(pays.argmax())]) if pays.any() else None,
        least_accuracy=float(accuracies[int(sorted_well.argmax())]) if decides else None,
        saving=alone / now if now else 1.0,
        most_saving=1.0 / (1.0 - share) if share < 1 else np.inf,
    )


def told(found: Limits, cheap: str, dear: str, accuracy: float | None) -> list[str]:
    """The limits in sentences."""
    said = []
    if found.least_share is None:
        said.append(f"Routing never pays: at no share of the queries in {cheap} is it cheaper than all in {dear}.")
    else:
        said.append(
            f"Routing is cheaper than all in {dear} from {found.least_share:.1%} of the queries in {cheap} on; at this "
            f"split it saves {found.saving:.2f}x, and no cheaper {cheap} could save more than {found.most_saving:.3g}x."
        )
    if found.least_accuracy is not None:
        given = "" if accuracy is None else f" (given: {accuracy:.1%})"
        said.append(
            f"It stops paying where the classifier sorts fewer than {found.least_accuracy:.1%} of the queries right"
            f"{given}: those that {cheap} fails are asked again in {dear}."
        )
    return said
