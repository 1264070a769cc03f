"""Rows of arrays are the plans that single scenarios would have been."""

import time

import numpy as np
import pytest

from capplan.plan import plan, plans
from capplan.plan.rows import layout_of
from capplan.plan.varied import Fleet, varied, varies
from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario

YEAR_S = 365 * 86400.0
TIGHT = "targets: {ttft_p95: 2 s, tta_p99: 120 s, annual_tco: 3M USD}"


def scenario(more: str = "", cost: str = "cost: {pricing: own}") -> Scenario:
    return loads(f"version: 1\nworkload: {{qps: 100}}\n{cost}\n{more}")


def drawn(count: int, seed: int = 3) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    ranges = {
        "workload.qps": (20, 300), "workload.peak_to_mean": (1, 3), "workload.burstiness": (0.5, 3),
        "workload.prompt_tokens": (500, 5000), "workload.answer_tokens": (50, 800),
        "reasoning.tokens_per_step": (64, 512), "serving.prefix_cache_hit_rate": (0, 0.9),
        "cost.purchase_price": (2e4, 4e4), "cost.amortization": (3 * YEAR_S, 6 * YEAR_S), "cost.interest": (0, 0.1),
        "cost.electricity": (1e-8, 8e-8), "cost.pue": (1.05, 1.6), "cost.spares": (0, 0.1),
    }  # fmt: skip
    return {key: draw.uniform(low, high, count) for key, (low, high) in ranges.items()}


@pytest.mark.parametrize("more", ["", TIGHT])
def test_a_row_is_the_plan_of_the_scenario_with_its_values(more: str) -> None:
    base, values = scenario(more), drawn(8)
    made = varied(base, values)
    alone = plans([with_values(base, {k: float(v[i]) for k, v in values.items()}) for i in range(8)])
    for i, one in enumerate(alone):
        assert made.feasible[i] == one.feasible
        assert made.lines.total_usd(i) == one.row["annual_tco_usd"]
        for name, column in made.columns.items():
            expected = one.row[name]
            assert float(column[i]) == pytest.approx(0.0 if expected is None else float(expected), rel=1e-6), name


@pytest.mark.parametrize(
    "cost",
    [
        "cost: {pricing: {own: 40 %, on_demand: 35 %, spot: 25 %}, gpu_hourly: 2 USD/hour}",
        "cost: {pricing: reserved, term: 1 year, gpu_hourly: 2 USD/hour, minimum_gpus: 300,"
        " peak: {curve: r1-production, gpu_hourly: 3 USD/hour}}",
        "cost: {pricing: spot, gpu_hourly: 1 USD/hour, spot: {eviction_every: 5 hour, restart: 5 min}, region: sweden}",
    ],
    ids=["mix", "base and peak", "spot"],
)
def test_rented_rows_are_billed_like_single_plans(cost: str) -> None:
    base = scenario(cost=cost)
    values = {"workload.qps": np.array([30.0, 90.0]), "cost.gpu_hourly": np.array([1.5, 2.5]) / 3600}
    made = varied(base, values)
    alone = plans([with_values(base, {k: float(v[i]) for k, v in values.items()}) for i in range(2)])
    assert [made.lines.total_usd(i) for i in range(2)] == [one.row["annual_tco_usd"] for one in alone]
    assert made.columns["annual_kg_co2e"].tolist() == pytest.approx([one.row["annual_kg_co2e"] for one in alone])


@pytest.mark.parametrize("strategy", ["direct", "majority_vote", "best_of_n", "beam", "tree_of_thought", "refine"])
def test_every_strategy_varies(strategy: str) -> None:
    base = scenario(f"reasoning: {{strategy: {strategy}}}")
    values = {"workload.prompt_tokens": np.array([700.0, 3000.0])}
    made = varied(base, values)
    alone = plans([with_values(base, {"workload.prompt_tokens": float(p)}) for p in values["workload.prompt_tokens"]])
    assert [int(g) for g in made.columns["gpus"]] == [one.row["gpus"] for one in alone]
    assert made.columns["tta_s"].tolist() == pytest.approx([one.row["tta_s"] for one in alone], rel=1e-6)


def test_a_law_of_lengths_keeps_its_shape_at_another_mean() -> None:
    base = scenario().having(
        {"workload": loads("version: 1\nworkload: {qps: 10, prompt_tokens: r1-production}").workload}
    )
    same = varied(base, {"workload.prompt_tokens": np.array([base.workload.prompt_tokens.mean_tokens])})
    assert same.columns["annual_tco_usd"][0] == pytest.approx(float(plan(base).row["annual_tco_usd"]))


def test_an_engine_of_half_the_pace_takes_twice_as_long_for_a_query_alone() -> None:
    base = scenario("serving: {concurrency: 1}")
    usual, slow = (varied(base, {"workload.qps": np.array([0.001])}, pace) for pace in (1.0, 2.0))
    assert slow.columns["itl_s"][0] == pytest.approx(2 * usual.columns["itl_s"][0], rel=1e-3)
    assert slow.columns["requests_per_s_per_replica"][0] == pytest.approx(
        usual.columns["requests_per_s_per_replica"][0] / 2
    )


def test_a_slower_engine_never_needs_a_smaller_fleet() -> None:
    gpus = varied(scenario(TIGHT), {"workload.qps": np.full(9, 100.0)}, np.linspace(0.7, 1.5, 9)).columns["gpus"]
    assert np.all(np.diff(gpus) >= 0)


def test_a_fleet_that_stands_is_judged_as_it_is() -> None:
    base = scenario(TIGHT)
    held = plan(base)
    kept = varied(base, {"workload.qps": np.array([10.0, 100.0, 1000.0])},
                  fleet=Fleet(layout_of(held.row), float(held.row["replicas"])))  # fmt: skip
    assert kept.columns["gpus"].tolist() == [held.row["gpus"]] * 3
    assert kept.missed["capacity"].tolist() == [False, False, True]
    assert bool(kept.missed["ttft_p95_s"][2]) and not bool(kept.missed["ttft_p95_s"][1])
    assert kept.columns["ttft_s"][0] <= kept.columns["ttft_s"][1]
    assert float(kept.columns["tta_s"][1]) == pytest.approx(float(held.row["tta_s"]), rel=1e-3)


def test_what_asks_for_a_deployment_of_its_own_does_not_vary() -> None:
    base = scenario()
    assert varies(base, "workload.qps") and varies(base, "cost.interest")
    assert not any(varies(base, key) for key in ("gpu", "serving.memory_utilization", "targets.ttft_p95"))


def test_ten_thousand_rows_take_seconds_not_minutes() -> None:
    base, values = scenario(TIGHT), drawn(10_000)
    layout = layout_of(plan(base).row)
    start = time.process_time()
    made = varied(base, values, layout=layout)
    assert time.process_time() - start < 5
    assert made.usd_per_year.shape == (10_000,)


def test_the_lines_of_a_thousand_random_scenarios_add_up_to_their_totals() -> None:
    draw = np.random.default_rng(11)
    base = scenario(cost="cost: {pricing: own, interest: 5 %}")
    made = plans([
        with_values(base, {"workload.qps": float(draw.uniform(1, 900)), "cost.interest": float(draw.uniform(0, 0.2)),
                           "cost.purchase_price": float(draw.uniform(1e3, 6e4)),
                           "reasoning.k": int(draw.integers(1, 20)),
                           "cost.spares": float(draw.uniform(0, 0.2)), "cost.staff": float(draw.uniform(0, 1e6)),
                           "cost.pricing": {"own": 0.4, "on_demand": 0.35, "spot": 0.25}})
        for _ in range(1000)
    ])  # fmt: skip
    for one in made:
        assert sum(line.usd_per_year for line in one.lines) == one.row["annual_tco_usd"]


PRICED = ("cost.purchase_price", "cost.node_price", "cost.network_price", "cost.electricity", "cost.staff",
          "cost.software", "cost.colocation", "cost.interest", "cost.maintenance", "cost.gpu_hourly")  # fmt: skip


@pytest.mark.parametrize("key", PRICED)
def test_doubling_a_price_never_lowers_a_cost(key: str) -> None:
    base = scenario(cost="cost: {pricing: {own: 50 %, spot: 50 %}, gpu_hourly: 1 USD/hour}")
    once = {"cost.interest": 0.05, "cost.maintenance": 0.05, "cost.electricity": 3e-8, "cost.colocation": 6e-8,
            "cost.gpu_hourly": 1 / 3600}.get(key, 5000.0)  # fmt: skip
    low, high = varied(base, {key: np.array([once, 2 * once])}).usd_per_year
    assert high > low
