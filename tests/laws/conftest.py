"""Random scenarios for the laws: `st.from_type(Scenario)` draws one of many models, chips, strategies and loads."""

from functools import cache

from hypothesis import strategies as st

from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario

MODELS = ("llama-3.1-8b", "llama-3.3-70b", "qwen3-30b-a3b", "gpt-oss-120b", "deepseek-r1")
GPUS = ("h100-sxm", "h200-sxm", "b200-sxm", "a100-sxm-80gb", "mi300x", "l40s")
REASONING = (
    {"strategy": "direct"},
    {"strategy": "chain_of_thought"},
    {"strategy": "majority_vote", "samples": 4},
    {"strategy": "best_of_n", "samples": 4},
    {"strategy": "refine", "rounds": 2},
)


@cache
def plainest() -> Scenario:
    return loads("{version: 1, workload: {qps: 1}}")


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A question as somebody may ask it; layouts are left open, and no target is set."""
    thinking = dict(draw(st.sampled_from(REASONING)))
    if thinking["strategy"] != "direct":
        thinking |= {"k": draw(st.integers(1, 12)), "tokens_per_step": draw(st.integers(16, 512))}
    return with_values(
        plainest(),
        {
            "model": draw(st.sampled_from(MODELS)),
            "gpu": draw(st.sampled_from(GPUS)),
            "reasoning": thinking,
            "serving.weights": draw(st.sampled_from(["fp8", "bf16"])),
            "serving.kv_cache": draw(st.sampled_from(["fp8", "bf16"])),
            "serving.prefix_cache_hit_rate": draw(st.integers(0, 90)) / 100,
            "workload.qps": draw(st.integers(1, 30_000)) / 100,
            "workload.prompt_tokens": draw(st.integers(16, 12_000)),
            "workload.answer_tokens": draw(st.integers(2, 1_000)),
            "workload.peak_to_mean": draw(st.integers(100, 300)) / 100,
            "workload.burstiness": draw(st.integers(30, 300)) / 100,
            "workload.target_utilization": draw(st.integers(40, 100)) / 100,
            "cost.purchase_price": draw(st.integers(2_000, 60_000)),
            "cost.interest": draw(st.integers(0, 15)) / 100,
            "cost.electricity": f"{draw(st.integers(4, 40)) / 100} USD/kWh",
            "cost.pue": draw(st.integers(105, 200)) / 100,
        },
    )


st.register_type_strategy(Scenario, scenarios())
