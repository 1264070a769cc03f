"""The waiting formulas against another author's simulator of queues, ciw, within the interval of its own runs."""

import ciw
import numpy as np
import pytest

from capplan.fleet import mixture
from capplan.fleet.fluctuation import peakedness
from capplan.fleet.queueing import peaked_wait

CUSTOMERS = 30_000
BATCHES = 20
_T99 = 2.861  # Student's t for 19 degrees of freedom, 99 %


def simulated_waits(servers: int, load: float, arrival_cv: float, service_cv: float) -> np.ndarray:
    """Waits in order of arrival: Gamma gaps, service of 1 s, lognormal unless exponential or constant."""
    rate = load * servers
    shape, variance = arrival_cv**-2, np.log1p(service_cv**2)
    arrivals = ciw.dists.Exponential(rate) if arrival_cv == 1 else ciw.dists.Gamma(shape, 1 / (rate * shape))
    drawn = {0.0: ciw.dists.Deterministic(1.0), 1.0: ciw.dists.Exponential(1.0)}
    service = drawn.get(service_cv) or ciw.dists.Lognormal(-variance / 2, np.sqrt(variance))
    ciw.seed(1)
    run = ciw.Simulation(
        ciw.create_network(
            arrival_distributions=[arrivals], service_distributions=[service], number_of_servers=[servers]
        )
    )
    run.simulate_until_max_customers(CUSTOMERS, method="Finish")
    seen = sorted((record.arrival_date, record.waiting_time) for record in run.get_all_records())
    return np.array([wait for _, wait in seen])[CUSTOMERS // 10 :]


def interval(values: np.ndarray) -> tuple[float, float]:
    """99 % interval of the mean, by the means of batches."""
    means = np.array([batch.mean() for batch in np.array_split(values, BATCHES)])
    half = _T99 * means.std(ddof=1) / np.sqrt(BATCHES)
    return means.mean() - half, means.mean() + half


def planned(servers: int, load: float, arrival_cv: float, service_cv: float) -> tuple[float, float]:
    spread = np.sqrt(np.log1p(service_cv**2))
    law = -np.log1p(-mixture.SHARES) if service_cv == 1 else np.exp(spread * mixture.SCORES)
    swings = peakedness(arrival_cv, mixture.lingering(law))
    chance, wait_s = peaked_wait(servers, load * servers, 1.0, arrival_cv, service_cv, swings)
    return float(chance), float(wait_s)


# Exact: M/M/1, M/M/c, and the mean wait of M/G/1.
@pytest.mark.parametrize(
    ("servers", "load", "service_cv"), [(1, 0.7, 1), (4, 0.8, 1), (32, 0.9, 1), (1, 0.6, 0.5), (1, 0.7, 0)]
)
def test_where_the_formulas_are_exact_they_lie_in_the_interval(servers: int, load: float, service_cv: float) -> None:
    waits = simulated_waits(servers, load, 1.0, service_cv)
    chance, wait_s = planned(servers, load, 1.0, service_cv)
    low, high = interval(waits > 1e-9)
    assert low <= chance <= high
    low_s, high_s = interval(waits)
    assert low_s <= wait_s <= high_s


# Approximate: batch slots of replicas behind one queue; random and bursty arrivals, constant service and heavy tails.
@pytest.mark.parametrize(
    ("slots", "load", "arrival_cv", "service_cv"),
    [
        (16, 0.85, 1, 0),
        (16, 0.85, 1, 1.5),
        (64, 0.9, 1, 1.5),
        (16, 0.8, 2.3, 1),
        (32, 0.85, 2.3, 1.5),
        (64, 0.85, 1.5, 0.5),
    ],
)
def test_elsewhere_the_wait_is_between_a_sixth_too_short_and_a_third_too_long(
    slots: int, load: float, arrival_cv: float, service_cv: float
) -> None:
    waits = simulated_waits(slots, load, arrival_cv, service_cv)
    chance, wait_s = planned(slots, load, arrival_cv, service_cv)
    low, high = interval(waits > 1e-9)
    assert low - 0.05 <= chance <= high + 0.05
    low_s, high_s = interval(waits)
    assert low_s / 1.2 <= wait_s <= high_s * 1.35
