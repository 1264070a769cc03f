"""How fast candidates are evaluated: a million of them in one process, and what memory that takes."""

import resource
import sys
import time

from capplan.scenario.loader import from_dict
from capplan.search.optimize.answer import optimize
from capplan.search.optimize.evaluate import evaluate
from capplan.search.optimize.evaluated import Evaluated
from capplan.search.optimize.select import considered, winner
from capplan.search.optimize.space import choices

LEAST_PER_S, MOST_S, MOST_GB = 100_000, 15.0, 2.0
SPACE = {
    "version": 1,
    "name": "bench",
    "model": "llama-3.3-70b",
    "workload": {"qps": 100, "peak_to_mean": 1.8, "prompt_tokens": 1500, "answer_tokens": 350},
    "reasoning": {"strategy": "direct"},
    "targets": {"ttft_p95": "1 s", "itl_p95": "50 ms", "tta_p99": "60 s"},
    "optimize": {
        "gpus": ["a100-sxm-80gb", "h100-sxm", "h200-sxm", "b200-sxm", "mi300x"],
        "engines": ["vllm", "sglang", "trtllm"],
        "weights": ["bf16", "fp8"],
        "kv_cache": ["bf16", "fp8"],
        "pricing": ["own", "on_demand", "spot", "reserved_1_year", "reserved_3_year"],
        "concurrency": list(range(4, 4 + 4 * 210, 4)),
    },
}


def main() -> int:
    """Prints the measures; 1 where one misses its limit."""
    scenario = from_dict(SPACE)
    evaluate(choices(scenario)[0])  # the catalogue is read once
    start_s, spent_s = time.perf_counter(), time.process_time()
    found = [one for choice in choices(scenario) if isinstance(one := evaluate(choice), Evaluated)]
    evaluated_s, core_s = time.perf_counter() - start_s, time.process_time() - spent_s
    count = considered(found)
    held = winner(found, "cost")
    whole_s = time.perf_counter() - start_s
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kB here
    best = f"{held.best.value:,.0f} USD a year, {len(held.exact)} exact plans" if held else "no plan"
    print(f"{count:,} candidates of {len(found)} deployments: {evaluated_s:.1f} s, {core_s:.1f} s of one core, "
          f"{count / core_s:,.0f} a second; with the winner ({best}) {whole_s:.1f} s; {peak_gb:.2f} GB")  # fmt: skip
    start_s = time.perf_counter()
    answer = optimize(scenario)
    told_s = time.perf_counter() - start_s
    print(f"the answer with runners-up, frontier, shadow prices and cliffs: {told_s:.1f} s, {len(answer.rows)} rows")
    return int(count < 1_000_000 or count / core_s < LEAST_PER_S or whole_s > MOST_S or peak_gb > MOST_GB)


if __name__ == "__main__":
    sys.exit(main())
