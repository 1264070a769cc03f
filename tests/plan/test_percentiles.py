"""Planned percentiles beside simulated ones, at three loads of four workloads, and laws of the formulas."""

from pathlib import Path

import numpy as np
import pytest

from capplan.plan import plan
from capplan.scenario.loader import load
from capplan.scenario.schema import Scenario
from capplan.simulate.outcome import outcome
from capplan.simulate.run import run
from capplan.simulate.setup import setup
from capplan.simulate.traffic.generate import generate

SCENARIOS = Path(__file__).parents[2] / "scenarios"
VARIED = "workload.answer_tokens={lognormal: {mean: 300, cv: 0.3}}"
# Burstiness 1.5, 2.3, 1.3 and 1; prompts of a chat service, of production reasoning (CV 3.1), of retrieved passages and
# of one length, with outputs of which all but a few percent are steps of one length. Outputs of the very same length
# are not compared: sequences that once started together stay so, and simulated waits grow with the length of the run.
WORKLOADS = {
    "chat": ("templates/chat.yaml",),
    "one step of thought": ("cot-k-sweep.yaml", "reasoning.k=1", "workload.qps=20", VARIED),
    "rag": ("templates/rag.yaml",),
    "answers much alike": (
        "default.yaml",
        "workload.qps=10",
        VARIED,
    ),
}
REQUESTS = 16_000


def scenario(name: str, *more: str) -> Scenario:
    file, *changes = WORKLOADS[name]
    return load(SCENARIOS / file, [*changes, *more])


@pytest.mark.parametrize("utilization", [50, 70, 85])
@pytest.mark.parametrize("name", WORKLOADS)
def test_planned_percentiles_stand_close_to_the_simulated_ones(name: str, utilization: int) -> None:
    ready = setup(scenario(name, f"workload.target_utilization={utilization} %"))
    assert ready.traffic is not None
    seen = outcome(run(generate(ready.traffic, REQUESTS, seed=1), ready.times, ready.policy))
    measured = seen.arrival_s > 0.2 * seen.arrival_s[-1]
    ttft_s, tta_s, itl_s = seen.ttft_s[measured], seen.tta_s[measured], seen.itl_s[measured]
    waits = ready.plan.waits
    table = {
        "ttft_mean": (waits["ttft_mean_s"], ttft_s.mean(), 0.25),
        "ttft_p95": (waits["ttft_p95_s"], np.quantile(ttft_s, 0.95), 0.30),
        "itl_p95": (waits["itl_p95_s"], np.nanquantile(itl_s, 0.95), 0.15),
        "tta_mean": (waits["tta_mean_s"], tta_s.mean(), 0.10),
        "tta_p95": (waits["tta_p95_s"], np.quantile(tta_s, 0.95), 0.15),
        "tta_p99": (waits["tta_p99_s"], np.quantile(tta_s, 0.99), 0.15),
    }
    for figure, (planned, simulated, _) in table.items():
        print(f"{name:>20} {utilization} % {figure:>9}: planned {planned:8.4g} s, simulated {simulated:8.4g} s "
              f"({planned / simulated - 1:+.0%})")  # fmt: skip
    for figure, (planned, simulated, allowed) in table.items():
        assert planned == pytest.approx(simulated, rel=allowed), figure


@pytest.mark.parametrize("name", WORKLOADS)
def test_percentiles_rise_with_the_share_and_with_bursts(name: str) -> None:
    calm, wild = (plan(scenario(name, f"workload.burstiness={cv}", "serving.tensor_parallel=2")) for cv in (1, 4))
    for waits in (calm.waits, wild.waits):
        for metric in ("ttft", "itl", "tta"):
            assert waits[f"{metric}_p50_s"] <= waits[f"{metric}_p95_s"] <= waits[f"{metric}_p99_s"]
    if calm.row["replicas"] == wild.row["replicas"]:
        assert calm.waits["tta_p99_s"] < wild.waits["tta_p99_s"]


def test_long_prompts_cost_more_than_their_mean_says() -> None:
    uneven = plan(scenario("one step of thought"))
    even = plan(scenario("one step of thought", "workload.prompt_tokens=1268"))
    # Attention reads the square of a length, so uneven prompts take more out of a replica than even ones.
    assert uneven.row["requests_per_s_per_replica"] < 0.97 * even.row["requests_per_s_per_replica"]
    assert uneven.waits["ttft_p99_s"] > 5 * even.waits["ttft_p99_s"]


def test_a_target_that_no_fleet_meets_says_so_and_one_that_replicas_meet_gets_them() -> None:
    free = plan(scenario("chat", "targets.ttft_p95=60 s", "targets.itl_p95=1 s", "workload.target_utilization=99 %"))
    limit = 0.8 * free.waits["tta_p95_s"]
    held = plan(scenario("chat", f"targets.tta_p95={limit:.3f} s", "workload.target_utilization=99 %"))
    assert held.feasible and held.waits["tta_p95_s"] <= limit * (1 + 1e-9)
    assert held.row["gpus"] > free.row["gpus"]
    never = plan(scenario("chat", "targets.tta_p95=2.5 s"))
    assert not never.feasible and "no number of replicas cures it" in never.excuses[0].message


@pytest.mark.parametrize("statistic", ["mean", "p50", "p95", "p99"])
@pytest.mark.parametrize("metric", ["ttft", "ttfo", "itl", "tta"])
def test_every_target_is_met_by_more_replicas_or_said_to_be_beyond_them(metric: str, statistic: str) -> None:
    lax = ["targets=null", "workload.target_utilization=99 %"]
    free = plan(scenario("chat", *lax))
    fixed = f"serving.tensor_parallel={free.row['tensor_parallel']}"
    limit_s = 0.9 * free.waits[f"{metric}_{statistic}_s"]
    held = plan(scenario("chat", *lax, fixed, f"targets.{metric}_{statistic}={limit_s:.6f} s"))
    assert held.feasible and held.waits[f"{metric}_{statistic}_s"] <= limit_s * (1 + 1e-6)
    assert held.row["replicas"] > free.row["replicas"]
    never = plan(scenario("chat", *lax, fixed, f"targets.{metric}_{statistic}=0.2 ms"))
    assert not never.feasible and "no number of replicas cures it" in never.excuses[0].message


def test_a_layout_that_holds_the_concurrency_is_preferred_to_a_cheaper_one_that_does_not() -> None:
    chosen = plan(load(SCENARIOS / "default.yaml", ["serving.concurrency=32"]))
    assert chosen.feasible and chosen.row["bottleneck"] == "concurrency"
