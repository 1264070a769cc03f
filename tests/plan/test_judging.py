"""The verifier's pool: every plan whose candidates another model judges pays for it and waits for it."""

from decimal import Decimal

import numpy as np
import pytest

from capplan.plan import plan, plans
from capplan.plan.judging import added_gpus
from capplan.plan.varied import varied
from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from capplan.search.optimize.answer import optimize

HEAD = """
version: 1
model: deepseek-r1-distill-qwen-7b
workload: {qps: 20, prompt_tokens: 200, answer_tokens: 400}
"""


def scenario(pool: str = "own", model: str = "qwen2.5-7b", more: str = ""):
    verifier = f"verifier: {{model: {model}, kind: process, pool: {pool}}}"
    return loads(HEAD + f"reasoning: {{strategy: best_of_n, samples: 8, k: 16, {verifier}}}\n{more}", "x.yaml")


def unjudged():
    return loads(HEAD + "reasoning: {strategy: best_of_n, samples: 8, k: 16}", "x.yaml")


def verifier_usd(made) -> Decimal:
    return sum((line.usd_per_year for line in made.lines if line.name.startswith("verifier_")), start=Decimal(0))


@pytest.mark.parametrize("pool", ["own", "shared"])
def test_the_lines_of_both_pools_add_up_to_the_bill_to_the_cent(pool):
    both = plan(scenario(pool))
    assert both.row["annual_tco_usd"] == sum((line.usd_per_year for line in both.lines), start=Decimal(0))
    assert both.row["gpus"] == both.row["nodes"] * 8


def test_a_plan_pays_for_its_verifier_and_waits_for_it():
    # The same samples without another model, whose judging then is not in the demand.
    alone, both = plans([with_values(unjudged(), {"reasoning.strategy": "majority_vote"}), scenario("own")])
    assert both.row["annual_tco_usd"] == alone.row["annual_tco_usd"] + verifier_usd(both)
    assert verifier_usd(both) > 0
    assert both.row["tta_s"] > alone.row["tta_s"]
    assert both.waits["tta_p95_s"] == both.row["tta_p95_s"] > alone.row["tta_p95_s"]
    assert both.row["ttft_s"] == alone.row["ttft_s"]


def test_a_pool_of_its_own_is_never_cheaper_than_a_shared_one():
    own, shared = plans([scenario("own"), scenario("shared")])
    assert own.row["gpus"] > shared.row["gpus"]
    assert own.row["annual_tco_usd"] > shared.row["annual_tco_usd"]


def test_a_larger_verifier_never_costs_less():
    small, large = plans([scenario("own", name) for name in ("qwen2.5-7b", "qwen2.5-72b")])
    assert large.row["annual_tco_usd"] > small.row["annual_tco_usd"]


def test_a_model_that_judges_itself_has_no_pool():
    assert verifier_usd(plan(unjudged())) == 0


def test_targets_hold_for_both_pools_together():
    whole = plan(scenario("own")).row
    both, judging = float(whole["annual_tco_usd"]), float(verifier_usd(plan(scenario("own"))))
    between = plan(scenario("own", more=f"targets: {{annual_tco: {both - judging / 2:.0f} USD}}"))
    assert [why.constraint for why in between.excuses] == ["annual_tco"]
    assert between.row["bottleneck"] == "annual_tco" and between.row["feasible"] is False
    assert plan(scenario("own", more=f"targets: {{annual_tco: {both + 1:.0f} USD}}")).feasible


def test_a_target_on_the_time_to_answer_counts_the_judging():
    free = plan(scenario("own")).row
    tight = plan(scenario("own", more=f"targets: {{tta_mean: {0.9 * free['tta_s']:.3f} s}}"))
    assert tight.feasible and tight.row["tta_s"] <= 0.9 * free["tta_s"]


def test_a_verifier_that_does_not_fit_refuses_the_plan():
    made = plan(scenario("own", "kimi-k2", "gpu: rtx-5090\nserving: {weights: bf16}"))
    assert not made.feasible and made.excuses[-1].message.startswith("verifier: ")


@pytest.mark.parametrize("pool", ["own", "shared"])
def test_rows_of_a_sweep_as_arrays_cost_what_their_plans_cost(pool):
    loads_qps = np.array([5.0, 20.0, 200.0])
    made = varied(scenario(pool), {"workload.qps": loads_qps})
    for at, qps in enumerate(loads_qps):
        row = plan(with_values(scenario(pool), {"workload.qps": qps})).row
        assert made.usd_per_year[at] == pytest.approx(float(row["annual_tco_usd"]), rel=1e-9)
        for name in ("gpus", "nodes", "replicas", "tta_s", "annual_kwh"):
            assert made.columns[name][at] == pytest.approx(row[name], rel=1e-9), name


def test_the_search_for_the_cheapest_plan_pays_for_the_verifier():
    asked = scenario("own", more="optimize: {gpus: [h100-sxm], engines: [vllm]}")
    found = optimize(asked, confident=False)
    assert verifier_usd(found.plans[0]) > 0
    assert found.plans[0].row["annual_tco_usd"] <= plan(scenario("own")).row["annual_tco_usd"] * Decimal("1.01")


@pytest.mark.parametrize(("free", "added"), [(0, 8), (5, 8), (6, 0), (16, 0)])
def test_a_shared_verifier_adds_nodes_only_for_what_is_not_free(free, added):
    assert added_gpus(False, free, 6, 8, 8) == added


def test_a_plan_says_where_its_verifier_runs():
    own, shared = (plan(scenario(pool)) for pool in ("own", "shared"))
    said = [next(one for one in made.assumptions if one.key == "reasoning.verifier").source for made in (own, shared)]
    assert "a pool of its own" in said[0] and "the generator's nodes" in said[1]


def test_the_staff_of_a_fleet_keeps_its_verifier_too():
    without, with_staff = plans([scenario("own"), scenario("own", more="cost: {staff: 300k USD}")])
    assert with_staff.row["annual_tco_usd"] - without.row["annual_tco_usd"] == 300_000
    assert [one.value for one in with_staff.assumptions if one.key == "cost.staff"] == []
