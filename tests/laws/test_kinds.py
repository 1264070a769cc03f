"""Laws of K, of targets and of layouts over fleets of every kind; which kind is drawn, one by one would take long."""

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.scenario.loader import from_dict, loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from tests.laws.test_fleets import KINDS, THOUGHT, WORK, rows, whole

quick = settings(max_examples=12, deadline=None, derandomize=True)
ALL = KINDS | {
    "pools in a ratio": f"{WORK}}}\n{THOUGHT}serving: {{disaggregated: true, prefill: {{ratio: 1:2}}}}\n",
    "apart under targets": f"{WORK}}}\n{THOUGHT}serving: {{disaggregated: true}}\n"
    "targets: {ttft_p95: 1 s, itl_p95: 40 ms}\n",
    "under targets": f"{WORK}}}\n{THOUGHT}targets: {{ttft_p95: 1 s, itl_p95: 40 ms}}\n",
    "reserved and on demand": f"{WORK}, day: r1-production}}\n{THOUGHT}"
    "cost: {pricing: {reserved: 60 %, on_demand: 40 %}, term: 1 year}\n",
    "evicted now and then": f"{WORK}}}\n{THOUGHT}cost: {{pricing: spot, spot: {{eviction_every: 30 hour}}}}\n",
    "with drafts": f"{WORK}}}\n{THOUGHT}serving: {{speculative_decoding: {{draft: eagle3, tokens: 3}}}}\n",
    "of experts": f"{WORK}}}\n{THOUGHT}".replace("llama-3.1-8b", "qwen3-30b-a3b"),
    "a request a step": f"{WORK}}}\nreasoning: {{strategy: chain_of_thought, k: 3, calls: per_step}}\n",
    "votes": f"{WORK}}}\nreasoning: {{strategy: majority_vote, samples: 4, k: 3}}\n",
    "a beam": f"{WORK}}}\nreasoning: {{strategy: beam, width: 3, depth: 3}}\n",
    "a tree": f"{WORK}}}\nreasoning: {{strategy: tree_of_thought, branching: 3, depth: 3, keep: 2}}\n",
    "rollouts": f"{WORK}}}\nreasoning: {{strategy: mcts, rollouts: 4, branching: 2, depth: 3}}\n",
}
# What counts the steps of thinking, where it is not `reasoning.k`.
STEPS = {"in two tiers": "routing.tiers.1.reasoning.k", "a beam": "reasoning.depth", "a tree": "reasoning.depth"}
STEPS |= {"rollouts": "reasoning.rollouts"}

kinds = st.sampled_from(sorted(ALL))
rates = st.integers(1, 30_000).map(lambda hundredths: hundredths / 100)


def asked(kind: str, qps: float, **keys: object) -> Scenario:
    return with_values(loads(ALL[kind]), {"workload.qps": qps} | {k.replace("__", "."): v for k, v in keys.items()})


def thinking(kind: str, qps: float, k: int) -> Scenario:
    if kind == "a cascade of stages":
        steps: dict[str, Any] = {"reasoning.stages": [{"strategy": "direct"}, {"strategy": "chain_of_thought", "k": k}]}
    else:
        steps = {STEPS.get(kind, "reasoning.k"): k}
    return with_values(asked(kind, qps), steps)


@quick
@given(kinds, rates, st.integers(1, 12), st.integers(1, 12))
def test_more_thinking_never_needs_fewer_gpus_and_never_costs_less_in_any_kind_of_fleet(
    kind: str, qps: float, k: int, more: int
) -> None:
    less, longer = (whole(thinking(kind, qps, steps)) for steps in (k, k + more))
    assert longer["gpus"] >= less["gpus"]
    # Of layouts with as many GPUs the one that draws a little more may be chosen.
    assert float(longer["annual_tco_usd"]) >= 0.99 * float(less["annual_tco_usd"])


@quick
@given(kinds, rates, st.integers(1, 99))
def test_two_fleets_that_share_the_traffic_never_need_fewer_gpus_than_one_of_their_kind(
    kind: str, qps: float, percent: int
) -> None:
    parts = [whole(asked(kind, qps * share / 100))["gpus"] for share in (percent, 100 - percent)]
    assert sum(parts) >= whole(asked(kind, qps))["gpus"]


@quick
@given(kinds, rates, st.sampled_from([1, 2, 4, 8]), st.one_of(st.none(), st.floats(0.005, 0.06)))
def test_a_layout_left_open_never_needs_more_gpus_than_one_that_is_given(
    kind: str, qps: float, tensor: int, itl_p95_s: float | None
) -> None:
    limit = {} if itl_p95_s is None else {"targets__itl_p95": f"{itl_p95_s} s"}
    free, held = (
        whole(asked(kind, qps, **limit, **given))
        for given in ({}, {"serving__tensor_parallel": tensor, "serving__pipeline_parallel": 1})
    )
    if held["feasible"]:
        assert free["feasible"] and free["gpus"] <= held["gpus"]


@quick
@given(kinds, rates, st.sampled_from(["ttft_p95", "itl_p95", "tta_p99"]), st.floats(1, 10), st.floats(1, 5))
def test_a_looser_target_never_needs_more_gpus_in_any_kind_of_fleet(
    kind: str, qps: float, target: str, slack: float, looser: float
) -> None:
    tightest = {"ttft_p95": 0.1, "itl_p95": 0.005, "tta_p99": 3.0}[target]
    tight, loose = (
        whole(asked(kind, qps, **{f"targets__{target}": f"{tightest * by} s"})) for by in (slack, slack * looser)
    )
    if tight["feasible"]:
        assert loose["feasible"] and loose["gpus"] <= tight["gpus"]


@quick
@given(kinds, rates, st.randoms())
def test_the_order_in_which_keys_stand_in_the_file_is_no_matter(kind: str, qps: float, dice: random.Random) -> None:
    def shuffled(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: shuffled(part[key]) for key in dice.sample(sorted(part), len(part))}
        return [shuffled(one) for one in part] if isinstance(part, list) else part

    one = asked(kind, qps)
    assert rows(from_dict(shuffled(json.loads(json.dumps(one.resolved(), default=str))))) == rows(one)


@settings(quick, max_examples=6)
@given(rates, st.permutations([0, 1, 2]))
def test_the_order_of_tiers_is_no_matter_where_the_classifier_is_right(qps: float, order: list[int]) -> None:
    tiers = [
        "{name: a, share: 50 %, reasoning: {strategy: direct}}",
        "{name: b, share: 30 %, model: qwen3-30b-a3b}",
        "{name: c, share: 20 %, reasoning: {strategy: chain_of_thought, k: 6}}",
    ]
    one, other = (
        whole(
            with_values(
                loads(
                    f"{WORK}}}\n{THOUGHT}routing: {{classifier: {{latency: 8 ms, accuracy: 100 %}}, "
                    f"tiers: [{', '.join(tiers[at] for at in places)}]}}\n"
                ),
                {"workload.qps": qps},
            )
        )
        for places in ([0, 1, 2], order)
    )
    assert (one["gpus"], one["annual_tco_usd"]) == (other["gpus"], other["annual_tco_usd"])
