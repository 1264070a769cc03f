"""Small random spaces, and the plain way to search them: plan every candidate and take the best."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from capplan.scenario.loader import from_dict
from capplan.scenario.part import copied
from capplan.scenario.schema import Scenario
from capplan.search.optimize.candidate import Candidate, Exact, exactly
from capplan.search.optimize.evaluate import evaluate
from capplan.search.optimize.evaluated import Evaluated
from capplan.search.optimize.space import choices, section

MODELS = ("llama-3.1-8b", "qwen2.5-32b", "llama-3.3-70b", "mixtral-8x7b")
CHIPS = ("h100-sxm", "h200-sxm", "a100-sxm-80gb", "mi300x", "l40s", "b200-sxm")


def spaced(seed: int) -> Scenario:
    """A scenario with random traffic, targets and a space of a few dozen candidates."""
    rng = np.random.default_rng(seed)

    def some(of: Sequence[Any], most: int) -> list[Any]:
        count = int(rng.integers(1, most + 1))
        return [of[at] for at in sorted(rng.choice(len(of), count, replace=False))]

    targets: dict[str, str] = {}
    if rng.random() < 0.7:
        targets["itl_p95"] = f"{rng.uniform(15, 80):.1f} ms"
    if rng.random() < 0.5:
        targets["ttft_p95"] = f"{rng.uniform(0.1, 2):.2f} s"
    if rng.random() < 0.5:
        targets["tta_p99"] = f"{rng.uniform(10, 60):.1f} s"
    optimize: dict[str, Any] = {
        "gpus": some(CHIPS, 2), "weights": some(("fp8", "bf16"), 2), "kv_cache": ["fp8"], "engines": ["vllm"],
        "tensor_parallel": some((1, 2, 4, 8), 2), "pipeline_parallel": [1], "expert_parallel": [1],
        "attention_data_parallel": [1], "concurrency": some((1, 4, 16, 48, 128, 300), 2),
        "pricing": some(("own", "on_demand", "reserved_1_year"), 2),
    }  # fmt: skip
    if rng.random() < 0.2:
        optimize["objective"] = "carbon"
    if rng.random() < 0.2:
        optimize["max_gpus"] = int(rng.integers(8, 200))
    return from_dict(
        {
            "version": 1,
            "model": MODELS[int(rng.integers(len(MODELS)))],
            "workload": _traffic(rng) | {"burstiness": float(np.round(rng.uniform(1, 2), 2))},
            "reasoning": {"strategy": "direct"},
            "targets": targets,
            "optimize": optimize,
        }
    )


def spaced_apart(seed: int) -> Scenario:
    """As `spaced`, with the choice of prefill and decode on pools of their own."""
    one = spaced(seed)
    return copied(one, {"optimize": section(one).having({"disaggregated": (False, True)})})


def spaced_wide(seed: int) -> Scenario:
    """Small, with every kind of axis, target and limit now and then: parallel experts, drafts, pools apart, strategies,
    three engines, budgets, power, accuracy, stock, and all three objectives."""
    rng = np.random.default_rng(seed)

    def some(of: Sequence[Any], most: int) -> list[Any]:
        count = int(rng.integers(1, most + 1))
        return [of[at] for at in sorted(rng.choice(len(of), count, replace=False))]

    def chance(share: float) -> bool:
        return bool(rng.random() < share)

    model = str(rng.choice([*MODELS, "deepseek-r1-distill-qwen-32b", "qwen3-30b-a3b"]))
    targets: dict[str, str] = {}
    for metric, low, high, unit in (("itl", 15, 80, "ms"), ("ttft", 0.1, 3, "s"), ("tta", 10, 90, "s")):
        if chance(0.4):
            statistic = rng.choice(["mean", "p50", "p95", "p99"])
            targets[f"{metric}_{statistic}"] = f"{rng.uniform(low, high):.2f} {unit}"
    if chance(0.35):
        targets["annual_tco"] = f"{10 ** rng.uniform(4.5, 6.7):.0f} USD"
    if chance(0.35):
        targets["power"] = f"{10 ** rng.uniform(0.5, 2.6):.1f} kW"
    experts = model in ("mixtral-8x7b", "qwen3-30b-a3b")
    optimize: dict[str, Any] = {
        "gpus": some(CHIPS, 2), "weights": some(("fp8", "bf16"), 2), "kv_cache": some(("fp8", "bf16"), 2),
        "engines": some(("vllm", "sglang", "trtllm"), 1), "tensor_parallel": some((1, 2, 4, 8), 2),
        "pipeline_parallel": some((1, 2), 1), "expert_parallel": some((1, 2, 4), 1) if experts else [1],
        "attention_data_parallel": some((1, 2), 2) if experts else [1],
        "concurrency": some((1, 4, 16, 48, 128, 300), 2),
        "pricing": some(("own", "on_demand", "reserved_1_year", "spot"), 2),
        "objective": str(rng.choice(["cost", "cost", "carbon", "cost_per_correct_answer"])),
    }  # fmt: skip
    if chance(0.2):
        optimize["max_gpus"] = int(rng.integers(8, 200))
    if chance(0.3):
        optimize["stock"] = [{"gpu": gpu, "gpus": int(rng.integers(4, 120))} for gpu in optimize["gpus"]]
    if chance(0.2):
        optimize["speculative_decoding"] = [{"draft": "eagle3", "tokens": 3}]
    if chance(0.25):
        optimize["disaggregated"] = [False, True]
    asked: dict[str, Any] = {
        "version": 1,
        "model": model,
        "workload": _traffic(rng),
        "reasoning": {"strategy": "direct"},
        "targets": targets,
        "optimize": optimize,
    }
    if chance(0.4) or optimize["objective"] == "cost_per_correct_answer":
        vote = {"strategy": "majority_vote", "samples": int(rng.integers(2, 9)), "thinking_tokens": 800}
        asked |= {"quality": {"single_sample_accuracy": "60 %"}, "reasoning": vote}
        if chance(0.5):
            targets["accuracy"] = f"{rng.uniform(50, 75):.0f} %"
        if chance(0.4):
            asked["strategies"] = [vote, {"strategy": "majority_vote", "samples": 5, "thinking_tokens": 500}]
            optimize["strategies"] = True
    return from_dict(asked)


def spaced_in_ratio(seed: int) -> Scenario:
    """As `spaced_apart`, the pools in ratios of which one mostly asks for more than is needed."""
    one = spaced_apart(seed)
    return copied(one, {"optimize": section(one).having({"prefill_ratio": ((1, 1), (2, 3), (4, 1))})})


def evaluated(scenario: Scenario) -> list[Evaluated]:
    return [one for choice in choices(scenario) if isinstance(one := evaluate(choice), Evaluated)]


def every_candidate(found: Sequence[Evaluated]) -> list[Candidate]:
    """All that have a price, whether the engine runs them or not."""
    return [
        Candidate(one, *map(int, place))
        for one in found
        for place in np.argwhere(~np.isnan(one.usd) & np.broadcast_to(one.refused != "no", one.usd.shape))
    ]


def by_brute_force(scenario: Scenario, found: Sequence[Evaluated]) -> Exact | None:
    """Every candidate planned as any other command plans it; the best of those that are feasible."""
    planned = exactly(every_candidate(found), section(scenario).objective)
    return min((one for one in planned if one.feasible), key=lambda one: one.order, default=None)


def _traffic(rng: np.random.Generator) -> dict[str, float]:
    return {
        "qps": float(np.round(10 ** rng.uniform(-1, 2.3), 2)),
        "peak_to_mean": float(np.round(rng.uniform(1, 2.5), 2)),
        "prompt_tokens": int(rng.integers(100, 4000)),
        "answer_tokens": int(rng.integers(50, 600)),
    }
