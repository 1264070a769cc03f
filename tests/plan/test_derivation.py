"""Derivations: what was recorded, evaluated again from the leaves up, is what the report says."""

import math
import os
import random
import sys
from collections.abc import Iterator

import pytest

from capplan.plan import plan
from capplan.plan.derivation import Step, record
from capplan.plan.derivation.formula import FUNCTIONS
from capplan.plan.derivation.plans import derived
from capplan.scenario.loader import default_path, load, loads
from capplan.scenario.schema import Scenario

COLUMNS = (
    "annual_tco_usd", "ttft_s", "concurrency", "usd_per_correct_answer", "tta_s", "tta_p99_s", "itl_s", "replicas",
    "gpus", "energy_usd_per_year", "usd_per_1k_queries", "utilization",
)  # fmt: skip
# Each plan takes half a second to walk; a developer's run takes a sample of them.
PLANS = 200 if os.environ.get("CI") else 20
BATCHES = 20

MODELS = ("llama-3.1-8b", "llama-3.3-70b", "qwen3-32b", "gpt-oss-120b", "deepseek-r1", "gemma-3-27b")
GPUS = ("h100-sxm", "h200-sxm", "b200-sxm", "a100-sxm-80gb", "mi300x")
STRATEGIES = (
    "{strategy: direct}", "{k: 4}", "{k: 16, tokens_per_step: 100}", "{strategy: majority_vote, samples: 8}",
    "{thinking_tokens: {lognormal: {mean: 3000, cv: 0.9}}}", "{strategy: best_of_n, samples: 4}",
)  # fmt: skip
PRICES = (
    "{}",
    "{pricing: on_demand}",
    "{interest: 6 %, spares: 3 %, installation: 4 %}",
    "{purchase_price: 20000 USD}",
)


def random_scenario(draw: random.Random) -> Scenario:
    """A scenario that somebody might plan."""
    return loads(
        f"{{version: 1, model: {draw.choice(MODELS)}, gpu: {draw.choice(GPUS)},"
        f" serving: {{weights: {draw.choice(('fp8', 'bf16'))}, prefix_cache_hit_rate: {draw.choice((0, 30))} %}},"
        f" workload: {{qps: {draw.choice((0.5, 20, 300))}, burstiness: {draw.choice((1, 2.3))},"
        f" prompt_tokens: {draw.choice((200, 2048, 9000))}, answer_tokens: {draw.choice((50, 400))}}},"
        f" reasoning: {draw.choice(STRATEGIES)}, quality: {{single_sample_accuracy: 62 %}},"
        f" targets: {draw.choice(('{}', '{ttft_p95: 2 s}', '{itl_p95: 40 ms}'))}, cost: {draw.choice(PRICES)}}}"
    )


def every(step: Step) -> Iterator[Step]:
    seen: set[int] = set()
    todo = [step]
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += one.inputs.values()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_formula_evaluated_from_the_leaves_up_gives_the_reported_number(batch: int) -> None:
    draw, done = random.Random(batch), 0
    while done < PLANS // BATCHES:
        scenario = random_scenario(draw)
        made, steps = derived(scenario, COLUMNS)
        done += 1
        for column in COLUMNS:
            value = made.row[column]
            if value is None:
                continue
            assert column in steps, f"{column} has no derivation"
            assert math.isclose(steps[column].again(), float(value), rel_tol=1e-9), (column, scenario)
            for one in every(steps[column]):
                if one.formula:
                    inputs = {name: inner.value for name, inner in one.inputs.items()}
                    again = float(eval(one.formula, {**FUNCTIONS, **inputs}))
                    assert again == one.value or math.isclose(again, one.value, rel_tol=1e-8), one


def test_watching_changes_no_number_and_leaves_nothing_behind() -> None:
    scenario = load(default_path())
    before = sys.getprofile()
    made, calls = record(lambda: plan(scenario))
    assert made.row == plan(scenario).row
    assert sys.getprofile() is before and calls.children
    with pytest.raises(ZeroDivisionError):
        record(lambda: 1 / 0)
    assert sys.getprofile() is before


def test_a_derivation_ends_in_the_scenario_and_the_catalogue() -> None:
    _, steps = derived(load(default_path()), ["annual_tco_usd", "ttft_s"])
    leaves = [leaf for step in steps.values() for leaf in step.leaves()]
    assert all(leaf.source for leaf in leaves)
    told = {(leaf.name, leaf.value): leaf.source for leaf in leaves}
    assert "catalogue, accelerator h100-sxm" in told[("rated", 700.0)]
    assert any("27500" in f"{value:g}" for _, value in told)
    assert any(source.startswith("catalogue, model llama-3.3-70b") for source in told.values())
    assert any(source.startswith("scenario, workload") for source in told.values())
    # Most of what a number rests on is named; loops and interpolation tables are leaves that say what computed them.
    computed = [source for source in told.values() if source.startswith(("computed", "set step"))]
    assert len(computed) < len(told) / 3


def test_a_dearer_gpu_moves_only_what_hangs_on_its_price() -> None:
    prices = {}
    for price in (20000, 30000):
        scenario = load(default_path(), [f"cost.purchase_price={price} USD"])
        prices[price] = derived(scenario, ["annual_tco_usd"])[1]["annual_tco_usd"]
    leaves = [{(one.name, one.where): one.value for one in step.leaves()} for step in prices.values()]
    moved = {name for (name, where), value in leaves[0].items() if leaves[1].get((name, where)) != value}
    assert moved == {"price"}


def test_the_textbook_is_derived_from_the_tutorials_own_figures() -> None:
    scenario = loads(
        "{version: 1, model: gpt-4-textbook, gpu: h100-sxm, serving: {engine: textbook, weights: bf16, kv_cache: bf16},"
        " workload: {qps: 100, prompt_tokens: 2048}, reasoning: {k: 1}, cost: {purchase_price: 25000 USD}}"
    )
    made, steps = derived(scenario, ["tta_s", "annual_tco_usd"])
    assert steps["tta_s"].again() == pytest.approx(67.4827, abs=1e-4)
    assert steps["annual_tco_usd"].again() == pytest.approx(float(made.row["annual_tco_usd"]))
    assert {leaf.value for leaf in steps["tta_s"].leaves()} >= {1.76e12, 120.0, 16384.0, 989e12, 3.35e12, 0.5}
