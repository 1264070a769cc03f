"""Prefill and decode on pools of their own: each is as large as its own load asks for."""

from functools import cache
from math import ceil, gcd
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.engine.disaggregated import prefilling
from capplan.engine.layout import Layout
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.plan.deployment import deployment
from capplan.plan.load import load
from capplan.plan.varied import Fleet, varied
from capplan.scenario.loader import from_dict, loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.scenario.written import as_yaml
from tests.apart import BASE

quick = settings(max_examples=15, deadline=None)


@cache
def base() -> Scenario:
    return loads(BASE)


def planned(**keys: object) -> Plan:
    return plan(with_values(base(), {name.replace("__", "."): value for name, value in keys.items()}))


def decoders(one: Plan) -> int:
    return int(one.row["replicas"] - one.row["prefill_replicas"])


def test_the_cache_of_a_prompt_crosses_the_network_in_the_time_that_its_bytes_take() -> None:
    # 2,048 tokens x 163,840 B in fp8, half on each of two GPUs with a card of 45 GB/s (400 Gb/s less protocol).
    assert planned().row["kv_transfer_s"] == pytest.approx(2048 * 163_840 / 2 / 45e9, rel=1e-3)


def test_each_pool_is_rounded_up_to_replicas_and_nodes_of_its_own() -> None:
    row = planned().row
    assert row["nodes"] == row["prefill_nodes"] + ceil(decoders(planned()) / 2)  # two replicas of TP 4 in a node
    assert row["prefill_nodes"] == ceil(row["prefill_replicas"] / 4)  # and four of TP 2
    assert row["gpus"] == 8 * row["nodes"]


@quick
@given(st.floats(1, 400), st.floats(1.05, 3))
def test_more_traffic_never_shrinks_a_pool(qps: float, more: float) -> None:
    few, many = planned(workload__qps=qps), planned(workload__qps=qps * more)
    assert few.row["prefill_replicas"] <= many.row["prefill_replicas"] and decoders(few) <= decoders(many)


@quick
@given(st.integers(200, 6000), st.floats(1.2, 3))
def test_longer_answers_leave_the_prefill_pool_as_it_is(answer: int, more: float) -> None:
    short, long = planned(workload__answer_tokens=answer), planned(workload__answer_tokens=int(answer * more))
    assert short.row["prefill_replicas"] == long.row["prefill_replicas"]
    assert decoders(short) <= decoders(long)


def test_longer_prompts_need_more_of_the_prefill_pool() -> None:
    short, long = (planned(workload__qps=400, workload__prompt_tokens=tokens) for tokens in (1024, 4096))
    # Four times the tokens; attention grows with the square, and what a request costs apart from its tokens does not.
    assert 3.2 < long.row["prefill_replicas"] / short.row["prefill_replicas"] < 5


@pytest.mark.parametrize("reasoning", ["{strategy: direct}", "{strategy: majority_vote, samples: 8}"])
@pytest.mark.parametrize("prompt", [4_000, 20_000, 100_000])
def test_a_prompt_that_finds_nobody_takes_as_long_as_it_is_read(prompt: int, reasoning: str) -> None:
    ranks = "tensor_parallel: 1, attention_data_parallel: 8, expert_parallel: 8"
    alone = loads(
        "{version: 1, model: deepseek-r1, gpu: h200-sxm, serving: {engine: vllm, disaggregated: true, "
        f"{ranks}, prefill: {{{ranks}}}}}, workload: {{qps: 0.0001, prompt_tokens: {prompt}}}, reasoning: {reasoning}}}"
    )
    pool = deployment(alone).replica(Layout(tensor=1, attention_data=8, expert=8))
    own_s, row = float(prefilling(pool, load([alone]).requests).own_s.item()), plan(alone).row
    assert row["ttft_s"] - row["kv_transfer_s"] == pytest.approx(own_s, rel=0.02, abs=0.1)


def test_no_prompt_disturbs_the_pace_of_the_answers() -> None:
    held: dict[str, Any] = {"serving__concurrency": 64, "workload__qps": 40}
    apart = planned(**held)
    together = planned(**held, serving__disaggregated=False, serving__prefill=None)
    assert apart.row["itl_s"] < together.row["itl_s"]
    assert apart.waits["itl_p99_s"] < together.waits["itl_p99_s"]
    assert apart.row["ttft_s"] > apart.row["kv_transfer_s"]


def test_a_tight_limit_on_ttft_makes_the_prefill_pool_larger_and_not_the_other() -> None:
    free = planned()
    tight = planned(targets__ttft_p95=free.waits["ttft_p95_s"] * 0.75)
    assert tight.feasible and tight.waits["ttft_p95_s"] <= free.waits["ttft_p95_s"] * 0.75
    assert tight.row["prefill_replicas"] > free.row["prefill_replicas"]
    assert decoders(tight) == decoders(free)


def test_left_open_the_planner_takes_the_layouts_that_need_the_fewest_gpus() -> None:
    auto = {"serving.tensor_parallel": "auto", "serving.pipeline_parallel": "auto", "serving.prefill": None}
    chosen = plan(with_values(base(), auto))
    assert chosen.row["gpus"] <= planned().row["gpus"]
    for tensor in (1, 2, 4, 8):
        assert chosen.row["gpus"] <= planned(serving__prefill__tensor_parallel=tensor).row["gpus"]


def test_a_prefill_pool_too_small_for_the_weights_is_refused_with_a_cure_that_works() -> None:
    small = with_values(base(), {"serving.weights": "bf16", "serving.prefill.tensor_parallel": 1})
    refused = plan(small)
    (excuse,) = refused.excuses
    assert excuse.constraint == "memory" and "prefill" in excuse.message
    assert plan(with_values(small, dict(excuse.changes))).feasible


def test_rows_that_vary_equal_the_plans_of_each() -> None:
    rates = np.array([5.0, 40.0, 160.0])
    made = varied(base(), {"workload.qps": rates})
    for at, qps in enumerate(rates):
        row = planned(workload__qps=float(qps)).row
        for name in ("gpus", "replicas", "ttft_s", "tta_p99_s", "annual_tco_usd", "utilization"):
            assert float(made.columns[name][at]) == pytest.approx(float(row[name]), rel=1e-9), name


def test_a_fleet_that_stands_keeps_both_pools_whatever_comes() -> None:
    one = planned()
    held = varied(base(), {"workload.qps": np.array([20.0, 40.0, 90.0])}, fleet=Fleet.of(one.row))
    assert set(held.columns["gpus"]) == {one.row["gpus"]}
    assert held.missed["capacity"].tolist() == [False, False, True]
    assert float(held.columns["ttft_s"][1]) == pytest.approx(one.row["ttft_s"], rel=1e-6)


def test_a_layout_for_a_pool_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match=r"serving\.prefill"):
        from_dict({"version": 1, "model": "llama-3.3-70b", "serving": {"prefill": {"tensor_parallel": 2}}})


@quick
@given(st.floats(5, 300), st.integers(1, 9), st.integers(1, 9))
def test_pools_in_a_ratio_are_the_fewest_whole_units_that_are_enough(qps: float, ours: int, theirs: int) -> None:
    free = planned(workload__qps=qps)
    held = planned(workload__qps=qps, serving__prefill__ratio=f"{ours}:{theirs}")
    reading, writing = int(held.row["prefill_replicas"]), int(held.row["decode_replicas"])
    shared = gcd(ours, theirs)
    units = reading * shared // ours
    assert (reading * shared, writing * shared) == (units * ours, units * theirs)
    assert reading >= free.row["prefill_replicas"] and writing >= free.row["decode_replicas"]
    fewer = units - 1
    assert fewer * ours < free.row["prefill_replicas"] * shared or fewer * theirs < free.row["decode_replicas"] * shared
    assert held.row["gpus"] >= free.row["gpus"]


def test_a_target_makes_pools_in_a_ratio_grow_by_whole_units() -> None:
    free = planned(serving__prefill__ratio="3:1")
    tight = planned(serving__prefill__ratio="3:1", targets__itl_p95=free.waits["itl_p95_s"] * 0.85)
    assert tight.feasible and decoders(tight) > decoders(free)
    assert tight.row["prefill_replicas"] == 3 * decoders(tight)
    spared = planned(serving__prefill__ratio="3:1", serving__spare_replicas=1)
    assert spared.row["prefill_replicas"] - 1 == 3 * (decoders(spared) - 1)  # spares stand beside the units


def test_rows_that_vary_keep_the_ratio() -> None:
    rates = np.array([20.0, 90.0])
    made = varied(with_values(base(), {"serving.prefill.ratio": "2:1"}), {"workload.qps": rates})
    for at, qps in enumerate(rates):
        row = planned(workload__qps=float(qps), serving__prefill__ratio="2:1").row
        assert float(made.columns["replicas"][at]) == row["replicas"]


@pytest.mark.parametrize("wrong", ["3", "0:2", "1:2:3", "a:b", "1.5:1", "1:2000", "-1:2"])
def test_a_ratio_that_is_none_is_refused_where_it_stands(wrong: str) -> None:
    with pytest.raises(UserError, match=r"serving\.prefill\.ratio"):
        with_values(base(), {"serving.prefill.ratio": wrong})


def test_a_ratio_is_read_as_it_is_written_and_in_lowest_terms() -> None:
    text = BASE.replace("{tensor_parallel: 2, pipeline_parallel: 1}", "{ratio: 1:30}")  # YAML 1.1 would read 90
    assert loads(text).serving.prefill_ratio == (1, 30)
    assert loads(text.replace("1:30", "4:6")).serving.prefill_ratio == (2, 3)
    assert loads(as_yaml(loads(text), Path(), "tco")).serving.prefill_ratio == (1, 30)
