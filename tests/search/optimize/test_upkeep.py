"""Candidates whose fleets follow the day, fail and are evicted, against the plans of the same scenarios."""

import pytest

from capplan.plan import plan
from capplan.scenario.loader import loads
from capplan.search.optimize.candidate import best_of
from capplan.search.optimize.evaluate import evaluate
from capplan.search.optimize.evaluated import Evaluated
from capplan.search.optimize.space import choices, ways

BASE = """
version: 1
model: llama-3.3-70b
gpu: h100-sxm
serving:
  {engine: vllm, weights: fp8, kv_cache: fp8, failures: {every: 50000 hour, repair: 4 hour},
   autoscaling: {start_up: 5 min}}
workload: {qps: 30, day: r1-production, prompt_tokens: 2048, answer_tokens: 300}
reasoning: {strategy: chain_of_thought, thinking_tokens: 1500}
targets: {ttft_p95: 2 s}
cost: {spot: {eviction_every: 5 hour, restart: 5 min}}
optimize: {pricing: [on_demand, spot, own], gpus: [h100-sxm]}
"""


def test_estimates_of_such_fleets_agree_with_their_plans() -> None:
    found = [evaluate(choice) for choice in choices(loads(BASE))]
    assert [ways(one.choice.scenario) for one in found if isinstance(one, Evaluated)] == [
        ("on_demand", "own"),
        ("spot",),
    ]
    for one in found:
        assert isinstance(one, Evaluated)
        for value, candidate in best_of(one, one.usd, one.feasible, 5):
            made = plan(candidate.scenario)
            assert made.row["gpus"] == pytest.approx(int(one.gpus[candidate.place[1:]]), rel=0.03, abs=8)
            assert value == pytest.approx(float(made.row["annual_tco_usd"]), rel=0.05)
            assert one.kg[candidate.place] == pytest.approx(made.row["annual_kg_co2e"], rel=0.05)


def test_only_spot_prices_ask_for_replicas_against_evictions() -> None:
    calm, spot = (evaluate(choice) for choice in choices(loads(BASE)))
    assert isinstance(calm, Evaluated) and isinstance(spot, Evaluated)
    assert (spot.replicas >= calm.replicas).all() and (spot.replicas > calm.replicas).any()
