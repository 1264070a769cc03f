"""Small random spaces, and the plain way to search them: plan every candidate and take the best."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from capplan.scenario.loader import from_dict
from capplan.scenario.part import copied
from capplan.scenario.schema import Scenario
from capplan.search.optimize.candidate import Candidate, Exact, exactly
from capplan.search.optimize.evaluate import Evaluated, evaluate
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
            "workload": {
                "qps": float(np.round(10 ** rng.uniform(-1, 2.3), 2)),
                "peak_to_mean": float(np.round(rng.uniform(1, 2.5), 2)),
                "burstiness": float(np.round(rng.uniform(1, 2), 2)),
                "prompt_tokens": int(rng.integers(100, 4000)),
                "answer_tokens": int(rng.integers(50, 600)),
            },
            "reasoning": {"strategy": "direct"},
            "targets": targets,
            "optimize": optimize,
        }
    )


def spaced_apart(seed: int) -> Scenario:
    """As `spaced`, with the choice of prefill and decode on pools of their own."""
    one = spaced(seed)
    return copied(one, {"optimize": section(one).having({"disaggregated": (False, True)})})


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
