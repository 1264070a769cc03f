"""Worlds drawn evenly, reproducibly and quickly; intervals, odds, swings and regrets that follow from them."""

import gc
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from capplan.errors import UserError
from capplan.plan import plan
from capplan.plan.varied import varied
from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.search.draws import Uncertain, correlated, shares
from capplan.search.inputs import PACE, inputs
from capplan.search.risk import risk

BUSY = """
version: 1
workload: {qps: {low: 50, mid: 100, high: 200}, prompt_tokens: {low: 1000, mid: 2048, high: 4000}, peak_to_mean: 1.5}
reasoning: {k: {low: 4, mid: 8, high: 16}}
targets: {ttft_p95: 2 s, tta_p99: 150 s, annual_tco: 6M USD}
"""


def priced(law: str = "{low: 20000 USD, mid: 27000 USD, high: 45000 USD}") -> Scenario:
    return loads(f"version: 1\nworkload: {{qps: 100}}\ncost: {{purchase_price: {law}}}")


points = st.tuples(st.floats(1, 10), st.floats(0, 10), st.floats(0, 10)).map(lambda p: (p[0], p[0] + p[1], sum(p)))


@settings(deadline=None)  # the first draw imports scipy
@given(points, st.sampled_from(["pert", "triangular"]))
def test_draws_stay_between_the_ends_and_rise_with_their_share(ends: tuple[float, float, float], law: str) -> None:
    drawn = Uncertain("x", *ends, law).at(np.linspace(0.001, 0.999, 60))
    assert np.all(np.diff(drawn) >= -1e-9) and drawn.min() >= ends[0] - 1e-9 and drawn.max() <= ends[2] + 1e-9


@given(points)
def test_lognormal_runs_through_its_three_points(ends: tuple[float, float, float]) -> None:
    if min(ends[1] - ends[0], ends[2] - ends[1]) < 1e-3:
        return
    drawn = Uncertain("x", *ends, "lognormal").at([0.1, 0.5, 0.9])
    assert drawn.tolist() == pytest.approx(ends, rel=1e-6)


@pytest.mark.parametrize("law", ["pert", "triangular"])
def test_the_variance_of_a_linear_case_is_the_analytic_one(law: str) -> None:
    base = priced()
    found = risk(base, law=law, bands=False)
    (one,) = found.inputs
    low, high = varied(base, {"cost.purchase_price": np.array([20_000.0, 45_000.0])}).usd_per_year
    slope = (high - low) / 25_000
    assert np.var(found.usd) == pytest.approx(slope**2 * one.variance, rel=0.02)
    mean = (20_000 + 27_000 + 45_000) / 3 if law == "triangular" else (20_000 + 4 * 27_000 + 45_000) / 6
    assert found.mean_usd == pytest.approx(low + slope * (mean - 20_000), rel=1e-3)


def test_the_same_seed_gives_the_same_worlds_and_another_one_others() -> None:
    first, again, other = (risk(loads(BUSY), 500, seed) for seed in (7, 7, 8))
    assert np.array_equal(first.usd, again.usd) and first.quantiles == again.quantiles
    assert not np.array_equal(first.usd, other.usd)


def test_a_further_input_leaves_the_draws_of_the_others_as_they_were() -> None:
    assert np.array_equal(shares("workload.qps", 100, 0), shares("workload.qps", 100, 0))
    assert not np.array_equal(shares("workload.qps", 100, 0), shares("reasoning.k", 100, 0))


def test_every_slice_of_the_shares_has_one_world() -> None:
    assert sorted(np.floor(shares("x", 1000, 3) * 1000).astype(int)) == list(range(1000))


@pytest.mark.parametrize("rank", [-0.9, -0.3, 0.2, 0.6, 0.95])
def test_correlated_figures_keep_their_own_draws_and_have_the_rank_correlation_asked_for(rank: float) -> None:
    drawn = {name: shares(name, 10_000, 5) for name in ("a", "b", "c")}
    made = correlated(drawn, {("a", "b"): rank})
    assert spearmanr(made["a"], made["b"]).statistic == pytest.approx(rank, abs=0.03)
    assert spearmanr(made["a"], made["c"]).statistic == pytest.approx(0, abs=0.03)
    assert all(np.array_equal(np.sort(made[name]), np.sort(drawn[name])) for name in drawn)
    assert np.array_equal(made["a"], drawn["a"]) and np.array_equal(made["c"], drawn["c"])


def test_figures_that_rise_together_widen_the_interval_and_opposed_ones_narrow_it() -> None:
    def width(rank: float) -> float:
        pairs = f"risk: {{correlations: [{{between: [workload.qps, reasoning.k], rank: {rank}}}]}}"
        found = risk(loads(BUSY + pairs), 2000, bands=False)
        return found.quantiles["p90"]["annual_tco_usd"] - found.quantiles["p10"]["annual_tco_usd"]

    assert width(-0.8) < 0.9 * width(0.0) < 0.9 * 0.9 * width(0.8)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ("{between: [workload.qps, workload.burstiness], rank: 0.5}", "workload.burstiness is not uncertain here"),
        ("{between: [workload.qps, reasoning.k], rank: 0.95}, {between: [workload.qps, workload.prompt_tokens], rank: "
         "0.95}, {between: [reasoning.k, workload.prompt_tokens], rank: -50 %}", "at once"),
    ],
)  # fmt: skip
def test_correlations_that_cannot_be_are_refused(pairs: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        risk(loads(f"{BUSY}risk: {{correlations: [{pairs}]}}"), 100)


def test_a_correlation_is_told_and_independence_too() -> None:
    pair = "risk: {correlations: [{between: [workload.qps, model error], rank: -20 %}]}"
    assert "workload.qps and model error (-0.2)" in " ".join(risk(loads(BUSY + pair), 100).notes)
    assert "independently" in " ".join(risk(loads(BUSY), 100).notes)


def test_ten_thousand_worlds_of_a_full_plan_take_at_most_five_seconds() -> None:
    start = time.process_time()
    found = risk(loads(BUSY), 10_000)
    assert time.process_time() - start < 5
    assert found.usd.shape == (10_000,)


def test_quantiles_are_in_order_and_hold_the_plan() -> None:
    found = risk(loads(BUSY), 2000)
    low, middle, high = (found.quantiles[name] for name in ("p10", "p50", "p90"))
    assert all(low[name] <= middle[name] <= high[name] for name in low)
    assert low["annual_tco_usd"] < float(found.plan.row["annual_tco_usd"]) < high["annual_tco_usd"]


def test_a_world_is_the_plan_of_a_scenario_with_its_values() -> None:
    base = loads(BUSY)
    found = risk(base, 100, bands=False)
    held = {name: found.plan.row[name] for name in ("tensor_parallel", "pipeline_parallel", "expert_parallel")}
    drawn = {one.path: one.at(shares(one.path, 100, 0)) for one in found.inputs}
    for world in (0, 41, 99):
        values = {path: int(v[world]) if path == "reasoning.k" else float(v[world]) for path, v in drawn.items()}
        one = plan(with_values(base, values | {f"serving.{name}": value for name, value in held.items()}))
        assert float(one.row["annual_tco_usd"]) == pytest.approx(float(found.usd[world]))


def test_whole_numbers_are_drawn_whole() -> None:
    one = next(one for one in risk(loads(BUSY), 100).inputs if one.path == "reasoning.k")
    drawn = one.at(shares(one.path, 100, 0))
    assert np.array_equal(drawn, np.rint(drawn))


def test_the_catalogues_bands_count_where_the_scenario_leaves_a_figure_open() -> None:
    own = {one.path for one in inputs(plan(loads("{version: 1, workload: {qps: 9}}")))}
    assert own == {"cost.purchase_price", PACE}
    rented = inputs(plan(loads("{version: 1, workload: {qps: 9}, cost: {pricing: {on_demand: 50 %, spot: 50 %}}}")))
    assert {one.path for one in rented} == {"cost.gpu_hourly.on_demand", "cost.gpu_hourly.spot", PACE}
    given_price = inputs(plan(loads("{version: 1, workload: {qps: 9}, cost: {purchase_price: 25000 USD}}")))
    assert {one.path for one in given_price} == {PACE}
    assert all(one.source for one in rented)


def test_odds_lie_between_never_and_always_and_a_larger_budget_never_lowers_them() -> None:
    odds = [
        {one.target: one.sized for one in risk(with_values(loads(BUSY), {"targets.annual_tco": usd}), 1000).odds}
        for usd in (3e6, 6e6, 12e6)
    ]
    budget = [one["annual_tco_usd"] for one in odds]
    assert budget == sorted(budget) and 0 < budget[1] < 1
    assert all(0 <= value <= 1 for one in odds for value in one.values())


def test_a_fleet_that_is_kept_holds_no_more_often_than_one_sized_for_the_world() -> None:
    found = {one.target: one for one in risk(loads(BUSY), 1000).odds}
    for name in ("ttft_p95_s", "tta_p99_s", "capacity"):
        assert found[name].kept <= found[name].sized


def test_the_tornado_starts_with_the_widest_swing_and_its_ends_are_plans() -> None:
    base = loads(BUSY)
    swings = risk(base, 200, bands=False).tornado
    widths = [swing.width_usd for swing in swings]
    assert widths == sorted(widths, reverse=True)
    qps = next(swing for swing in swings if swing.input.path == "workload.qps")
    assert qps.low_usd == pytest.approx(float(plan(with_values(base, {"workload.qps": 50.0})).row["annual_tco_usd"]))


def test_what_asks_for_a_deployment_of_its_own_is_drawn_in_levels() -> None:
    base = loads(
        "{version: 1, workload: {qps: {low: 50, mid: 100, high: 150}},"
        " serving: {memory_utilization: {low: 80 %, mid: 90 %, high: 95 %}}}"
    )
    found = risk(base, 900, bands=False)
    swing = next(one for one in found.tornado if one.input.path == "serving.memory_utilization")
    held = {"serving.tensor_parallel": found.plan.row["tensor_parallel"]}
    ends = [plan(with_values(base, held | {"serving.memory_utilization": share})) for share in (0.80, 0.95)]
    assert (swing.low_usd, swing.high_usd) == pytest.approx([float(one.row["annual_tco_usd"]) for one in ends])


def test_regret_is_nothing_for_a_plan_that_is_cheapest_in_every_world() -> None:
    base = loads(BUSY)
    dear = with_values(base, {"cost.maintenance": 0.2})
    found = risk(base, 500, candidates={"usual": base, "dear": dear})
    best, worst = found.regrets
    assert (best.name, best.mean_usd, best.usd, best.best) == ("usual", 0.0, 0.0, 1.0)
    assert worst.name == "dear" and worst.mean_usd > 0 and worst.best == 0


def test_a_candidate_that_cannot_be_comes_last() -> None:
    base = loads(BUSY)
    never = with_values(base, {"model": "deepseek-r1", "serving.tensor_parallel": 1, "serving.pipeline_parallel": 1})
    found = risk(base, 200, candidates={"never": never, "usual": base})
    assert [one.name for one in found.regrets] == ["usual", "never"]
    assert found.regrets[1].usd is None and found.regrets[1].possible == 0


def test_growth_over_a_year_takes_a_larger_fleet() -> None:
    still, grown = (
        risk(with_values(loads(BUSY), {"forecast.growth_per_month": rate}), 500, bands=False) for rate in (0.0, 0.05)
    )
    assert grown.quantiles["p50"]["gpus"] > 1.5 * still.quantiles["p50"]["gpus"]


def test_nothing_uncertain_and_points_out_of_order_are_refused() -> None:
    with pytest.raises(UserError, match="nothing is uncertain"):
        risk(loads("{version: 1, workload: {qps: 1}}"), bands=False)
    with pytest.raises(UserError, match="mid"):
        risk(loads("{version: 1, workload: {qps: {low: 5, mid: 2, high: 9}}}"))


def test_worlds_leave_nothing_that_waits_for_the_collector() -> None:
    # Commands collect seldom, since that makes them start sooner: arrays in a circle would pile up part by part.
    busy = loads(BUSY)
    risk(busy, 200)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        risk(busy, 200)
        gc.collect()
        left = [type(one).__name__ for one in gc.garbage if type(one).__module__.startswith(("capplan", "numpy"))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not left
