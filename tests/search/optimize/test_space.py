"""What the space holds: what is listed, what the scenario gives, and prices for the chip that they are of."""

import numpy as np

from capplan.plan import plan
from capplan.plan.deployment import deployment
from capplan.scenario.loader import loads
from capplan.search.optimize.answer import optimize
from capplan.search.optimize.candidate import best_of
from capplan.search.optimize.evaluate import evaluate
from capplan.search.optimize.evaluated import Evaluated
from capplan.search.optimize.space import choices, held, layouts, ways

BASE = "version: 1\nmodel: llama-3.1-8b\nworkload: {qps: 5}\n"


def test_what_the_scenario_gives_is_held_unless_it_is_listed() -> None:
    given = loads(BASE + "serving: {weights: fp8}\ncost: {pricing: on_demand}\noptimize: {gpus: [h100-sxm]}")
    assert {choice.keys["weights"] for choice in choices(given)} == {"fp8"}
    assert len({choice.keys["engine"] for choice in choices(given)}) == 3
    assert {"weights fp8", "pricing on_demand"} <= set(held(given))
    listed = loads(BASE + "serving: {weights: fp8}\noptimize: {gpus: [h100-sxm], weights: [bf16, int4]}")
    assert {choice.keys["weights"] for choice in choices(listed)} == {"bf16", "int4"}
    assert ways(listed) == ("own", "on_demand", "reserved_1_year")


def test_axes_that_nothing_lists_are_told() -> None:
    base = BASE + "optimize: {gpus: [h100-sxm], engines: [vllm], weights: [fp8], kv_cache: [fp8]"
    plain = optimize(loads(base + "}"), confident=False)
    assert any("optimize.disaggregated and optimize.speculative_decoding" in note for note in plain.notes)
    listed = optimize(loads(base + ", disaggregated: [false, true]}"), confident=False)
    assert any(note.endswith("nothing lists them: optimize.speculative_decoding.") for note in listed.notes)


def test_the_scenarios_price_is_taken_for_its_own_chip_alone() -> None:
    scenario = loads(
        BASE + "gpu: h200-sxm\ncost: {pricing: own, purchase_price: 1 USD}\n"
        "optimize: {gpus: [h100-sxm, h200-sxm], weights: [fp8], kv_cache: [fp8], engines: [vllm]}"
    )
    evaluated = [one for choice in choices(scenario) if isinstance(one := evaluate(choice), Evaluated)]
    found = {one.choice.keys["gpu"]: one for one in evaluated}
    best = {name: best_of(one, one.usd, one.feasible, 1)[0][1] for name, one in found.items()}
    assert best["h200-sxm"].scenario.cost.purchase_price_usd == 1
    assert best["h100-sxm"].scenario.cost.purchase_price_usd is None
    assert any("h200-sxm only" in said for said in held(scenario))


def test_every_layout_divides_the_heads_and_stays_within_the_links() -> None:
    scenario = loads(BASE + "optimize: {gpus: [h100-sxm]}")
    served = deployment(choices(scenario)[0].scenario)
    found = layouts(scenario, served)
    heads = served.model.architecture.attention[0].heads
    assert all(heads % int(tensor) == 0 for tensor in found.tensor)
    assert (found.tensor * found.attention_data <= served.accelerator.scale_up_gpus).all()
    degrees = np.stack([found.tensor, found.pipeline, found.expert, found.attention_data], axis=1)
    assert len(np.unique(degrees, axis=0)) == len(degrees)


def test_estimates_agree_with_the_exact_plans_of_the_same_candidates() -> None:
    scenario = loads(
        BASE + "targets: {itl_p95: 30 ms, ttft_p95: 1 s}\n"
        "optimize: {gpus: [h100-sxm], engines: [vllm], weights: [fp8], kv_cache: [fp8], pricing: [own]}"
    )
    one = evaluate(choices(scenario)[0])
    assert isinstance(one, Evaluated)
    for value, candidate in best_of(one, one.usd, one.feasible, 40)[::5]:
        exact = plan(candidate.scenario).row
        assert abs(float(exact["annual_tco_usd"]) / value - 1) < 0.004
        assert exact["gpus"] == one.gpus[candidate.place[1:]]


def test_drafts_are_tried_beside_doing_without() -> None:
    scenario = loads(
        BASE + "optimize: {gpus: [h100-sxm], engines: [vllm], weights: [fp8], kv_cache: [fp8], pricing: [own],"
        " speculative_decoding: [{draft: eagle3, tokens: 3}]}"
    )
    assert [choice.keys["speculative_decoding"] for choice in choices(scenario)] == ["", "eagle3 x 3"]
    found = optimize(scenario, confident=False)
    assert found.candidates > 0 and found.best is not None


def test_strategies_compete_where_accuracy_is_asked_for() -> None:
    scenario = loads(
        BASE.replace("llama-3.1-8b", "deepseek-r1-distill-qwen-7b")
        + "strategies: [{strategy: long_thinking, thinking_tokens: 2000},"
        " {strategy: majority_vote, samples: 8, thinking_tokens: 2000}]\n"
        "quality: {single_sample_accuracy: 60 %}\ntargets: {accuracy: 50 %}\n"
        "optimize: {strategies: true, objective: cost_per_correct_answer, gpus: [h100-sxm], engines: [vllm],"
        " weights: [fp8], kv_cache: [fp8], pricing: [own], concurrency: [64, 128]}"
    )
    found = optimize(scenario, confident=False)
    assert {row["strategy"] for row in found.rows} == {"long_thinking", "majority_vote"}
    best = found.rows[0]
    assert best["strategy"] == "long_thinking", "eight samples cost about eight times as much"
    assert float(best["accuracy"]) >= 0.5  # type: ignore[arg-type]
    assert np.isfinite(float(best["usd_per_correct_answer"]))  # type: ignore[arg-type]
