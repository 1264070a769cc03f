"""Correlations between uncertain figures: signed, in pairs, each pair once."""

import pytest

from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.loader import from_dict, loads

BASE = "version: 1\nworkload: {qps: {low: 1, mid: 2, high: 3}}\nrisk:\n  correlations:\n"


def test_a_correlation_may_be_negative_and_loads_back_as_it_was() -> None:
    scenario = loads(f"{BASE}    - {{between: [workload.qps, model error], rank: -20 %}}\n")
    assert scenario.risk.correlations[0].rank == -0.2
    assert from_dict(scenario.resolved()) == scenario


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("{between: [workload.qps, model error], rank: 100 %}", "at most 0.99"),
        ("{between: [workload.qps, model error], rank: -1}", "at least -0.99"),
        ("{between: [workload.qps], rank: 0.5}", "1 figures cannot be a pair"),
        ("{between: [workload.qps, workload.qps], rank: 0.5}", "stands twice"),
        ("{between: [workload.qps, model error]}", "rank: a required key is missing"),
        ("{between: [a, b], rank: 0.5}\n    - {between: [b, a], rank: 0.4}", "a and b are correlated already"),
    ],
)
def test_a_wrong_correlation_is_a_fault_at_its_line(pair: str, said: str) -> None:
    with pytest.raises(ScenarioFaults) as raised:
        loads(f"{BASE}    - {pair}\n", "my.yaml")
    assert said in str(raised.value) and str(raised.value).startswith(("my.yaml:5:", "my.yaml:6:"))
