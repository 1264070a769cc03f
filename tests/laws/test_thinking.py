"""Laws of what a query asks for: prompts, answers, steps of thought, samples, caches."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.plan import Plan, plan, plans
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario

quick = settings(max_examples=15, deadline=None, derandomize=True)
scenario = st.from_type(Scenario)
EXACT = 1 + 1e-9


def both(one: Scenario, key: str, first: object, second: object) -> list[Plan]:
    return plans([with_values(one, {key: value}) for value in (first, second)])


def chain(one: Scenario) -> Scenario:
    return with_values(one, {"reasoning": {"strategy": "chain_of_thought", "k": 4, "tokens_per_step": 128}})


def alone(one: Scenario) -> Scenario:
    """One query at a time in the layout of the plan, with next to no traffic."""
    row = plan(one).row
    degrees = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "attention_data_parallel")
    layout = {f"serving.{name}": row[name] for name in degrees}
    return with_values(one, layout | {"serving.concurrency": 1, "workload.qps": 1e-9})


@quick
@given(scenario, st.integers(1, 8_000))
def test_longer_prompts_never_need_fewer_gpus(one: Scenario, extra: int) -> None:
    usual = one.workload.prompt_tokens.mean_tokens
    short, long = both(one, "workload.prompt_tokens", usual, usual + extra)
    assert long.row["gpus"] >= short.row["gpus"]


@quick
@given(scenario, st.integers(1, 2_000))
def test_longer_answers_never_need_fewer_gpus(one: Scenario, extra: int) -> None:
    usual = one.workload.answer_tokens.mean_tokens
    short, long = both(one, "workload.answer_tokens", usual, usual + extra)
    assert long.row["gpus"] >= short.row["gpus"]


@quick
@given(scenario, st.integers(1, 20), st.integers(1, 8))
def test_more_steps_never_need_fewer_gpus(one: Scenario, k: int, extra: int) -> None:
    short, long = both(chain(one), "reasoning.k", k, k + extra)
    assert long.row["gpus"] >= short.row["gpus"]


@quick
@given(scenario, st.integers(16, 512), st.integers(1, 512))
def test_longer_steps_never_need_fewer_gpus(one: Scenario, tokens: int, extra: int) -> None:
    short, long = both(chain(one), "reasoning.tokens_per_step", tokens, tokens + extra)
    assert long.row["gpus"] >= short.row["gpus"]


@quick
@given(scenario, st.sampled_from(["majority_vote", "best_of_n"]), st.integers(1, 12), st.integers(1, 12))
def test_more_samples_never_need_fewer_gpus(one: Scenario, strategy: str, samples: int, extra: int) -> None:
    voting = with_values(one, {"reasoning": {"strategy": strategy, "samples": samples}})
    few, many = both(voting, "reasoning.samples", samples, samples + extra)
    assert many.row["gpus"] >= few.row["gpus"]


@quick
@given(scenario)
def test_thinking_never_costs_less_than_answering_at_once(one: Scenario) -> None:
    direct, thought = plans([with_values(one, {"reasoning": {"strategy": "direct"}}), chain(one)])
    assert thought.row["gpus"] >= direct.row["gpus"] and thought.row["output_tokens"] > direct.row["output_tokens"]


@quick
@given(scenario, st.integers(0, 90), st.integers(0, 10))
def test_a_better_prefix_cache_never_needs_more_gpus(one: Scenario, hit: int, extra: int) -> None:
    worse, better = both(one, "serving.prefix_cache_hit_rate", hit / 100, (hit + extra) / 100)
    assert better.row["gpus"] <= worse.row["gpus"]


@quick
@given(scenario, st.integers(0, 90), st.integers(0, 10))
def test_a_cached_prompt_never_starts_later(one: Scenario, hit: int, extra: int) -> None:
    worse, better = both(alone(one), "serving.prefix_cache_hit_rate", hit / 100, (hit + extra) / 100)
    assert better.row["ttft_s"] <= worse.row["ttft_s"] * EXACT


@quick
@given(scenario, st.integers(1, 20), st.integers(1, 8))
def test_a_query_alone_thinks_longer_with_more_steps_and_starts_as_soon(one: Scenario, k: int, extra: int) -> None:
    short, long = both(alone(chain(one)), "reasoning.k", k, k + extra)
    assert long.row["tta_s"] > short.row["tta_s"]
    assert long.row["ttft_s"] == pytest.approx(short.row["ttft_s"], rel=0.1)  # TTFT is paid once


@quick
@given(scenario, st.integers(1, 16_000))
def test_a_longer_prompt_never_starts_sooner(one: Scenario, extra: int) -> None:
    """To 1 in 10,000: so little of a pause for other samples' prompts is read off a grid."""
    same = alone(one)
    usual = one.workload.prompt_tokens.mean_tokens
    short, long = both(same, "workload.prompt_tokens", usual, usual + extra)
    for figure in ("ttft_s", "itl_s"):
        assert long.row[figure] >= short.row[figure] * (1 - 1e-4)


@quick
@given(scenario, st.integers(1, 40))
def test_latency_of_a_query_alone_grows_no_faster_than_its_tokens(one: Scenario, k: int) -> None:
    """Up to the reading of its own cache, which grows by less than half of the longer chain."""
    same = alone(chain(one))
    first, longer = both(same, "reasoning.k", 1, k)
    tokens = longer.row["output_tokens"] / first.row["output_tokens"]
    assert longer.row["tta_s"] <= 1.5 * tokens * first.row["tta_s"]


@quick
@given(scenario)
def test_tokens_add_up(one: Scenario) -> None:
    row = plan(one).row
    if one.reasoning.strategy in ("direct", "chain_of_thought"):
        assert row["output_tokens"] == pytest.approx(row["thinking_tokens"] + row["answer_tokens"])
    assert row["output_tokens"] >= row["answer_tokens"] * row["samples"] * (1 - 1e-9) or row["samples"] == 1


@quick
@given(scenario)
def test_first_tokens_come_before_answers_and_answers_before_their_ends(one: Scenario) -> None:
    row = plan(one).row
    assert 0 < row["ttft_s"] <= row["ttfo_s"] * EXACT and row["ttfo_s"] <= row["tta_s"] * EXACT
    assert row["itl_s"] > 0


@quick
@given(scenario)
def test_percentiles_are_in_order(one: Scenario) -> None:
    made = plan(one)
    for name in ("ttft", "tta", "ttfo"):
        p50, p95, p99 = (made.waits[f"{name}_{share}_s"] for share in ("p50", "p95", "p99"))
        assert 0 < p50 <= p95 * EXACT and p95 <= p99 * EXACT


@quick
@given(scenario)
def test_no_mean_is_above_its_99th_percentile(one: Scenario) -> None:
    """To 1 in 1,000: where fewer than one query in a hundred waits, the wait is in the mean and not in the p99."""
    made = plan(one)
    for name in ("ttft", "tta", "ttfo"):
        assert made.row[f"{name}_s"] <= made.waits[f"{name}_p99_s"] * 1.001
