"""One piece of work of a given size in a process of its own: `python work.py sweep 10000` prints what it took.

Time is the processor's, after everything is loaded and done once on a small scale; memory is the process's peak.
"""

import itertools
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SWEPT_K = (1, 4, 8, 16)
MODELS, GPUS = (
    ("llama-3.1-8b", "llama-3.3-70b", "qwen3-32b", "deepseek-r1"),
    ("h100-sxm", "h200-sxm", "b200-sxm", "mi300x"),
)


def plans(count: int) -> Callable[[], int]:
    """Full plans of scenarios that differ in traffic and K, under one layout."""
    held = {"serving.tensor_parallel": 4}
    return _planned([{"workload.qps": 10 + i, "reasoning.k": SWEPT_K[i % 4], **held} for i in range(count)])


def prices(count: int) -> Callable[[], int]:
    """Full plans of scenarios that differ in the price of a GPU; layouts tried."""
    return _planned([{"cost.purchase_price": f"{20_000 + i} USD"} for i in range(count)])


def models(count: int) -> Callable[[], int]:
    """Full plans of four models on four GPUs under traffic that differs; layouts tried."""
    pairs = list(itertools.product(MODELS, GPUS))
    return _planned(
        [
            {"model": model, "gpu": gpu, "workload.qps": 10 + i // len(pairs)}
            for i, (model, gpu) in zip(range(count), itertools.cycle(pairs), strict=False)
        ]
    )


def _planned(changes: list[dict[str, object]]) -> Callable[[], int]:
    from capplan.plan import plans
    from capplan.scenario.loader import load
    from capplan.scenario.overrides import variants

    asked = variants(load(SCENARIOS / "cot-k-sweep.yaml"), changes)
    return lambda: len(plans(asked))


def sweep(count: int) -> Callable[[], int]:
    """A grid of traffic and K from the scenario to the CSV: layouts tried, multipliers, every column written."""
    from capplan.report import formats
    from capplan.report.answer import Reported
    from capplan.report.report import report
    from capplan.scenario.loader import load
    from capplan.search.sweep import sweep

    asked = load(SCENARIOS / "cot-k-sweep.yaml")
    grid = {"workload.qps": range(10, 10 + count // len(SWEPT_K)), "reasoning.k": SWEPT_K}

    def work() -> int:
        made = sweep(asked, grid)
        text = formats.render(Reported(report("sweep", made.plans, rows=made.rows, axes=made.columns)), "csv")
        return text.count("\n") - 1

    return work


def worlds(count: int) -> Callable[[], int]:
    """Monte-Carlo worlds of a full plan."""
    from capplan.scenario.loader import load
    from capplan.search.risk import risk

    asked = load(SCENARIOS / "risk-support.yaml")
    return lambda: risk(asked, count) and count  # type: ignore[return-value]


def requests(count: int) -> Callable[[], int]:
    """Simulated requests with production reasoning lengths, from drawing them to their percentiles."""
    from simulation import TIMES, production

    from capplan.simulate.outcome import outcome
    from capplan.simulate.policy import Policy
    from capplan.simulate.run import run
    from capplan.simulate.summary import summaries

    return lambda: len(summaries(outcome(run(production(count, 4.44, seed=1), TIMES, Policy())))) and count


def candidates(count: int) -> Callable[[], int]:
    """Candidates of one search, from the scenario to the winner."""
    from optimization import SPACE

    from capplan.scenario.loader import from_dict
    from capplan.search.optimize.evaluate import evaluate
    from capplan.search.optimize.evaluated import Evaluated
    from capplan.search.optimize.select import considered, winner
    from capplan.search.optimize.space import choices

    batches = np.arange(4, 4 + 4 * round(210 * count / 1_008_000), 4).tolist()
    asked = from_dict(SPACE | {"optimize": {**SPACE["optimize"], "concurrency": batches}})  # type: ignore[dict-item]

    def work() -> int:
        found = [one for choice in choices(asked) if isinstance(one := evaluate(choice), Evaluated)]
        winner(found, "cost")
        return int(considered(found))

    return work


WORK = {made.__name__: made for made in (plans, prices, models, sweep, worlds, requests, candidates)}
# What loads everything and fills the caches of the catalogue, small beside the work.
WARM_UP = {"plans": 40, "prices": 40, "models": 40, "sweep": 40, "worlds": 100, "requests": 100, "candidates": 4_800}


def main(name: str, count: int) -> None:
    WORK[name](WARM_UP[name])()
    work = WORK[name](count)
    start_s = time.process_time()
    done = work()
    spent_s = time.process_time() - start_s
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kB here
    print(json.dumps({"done": done, "cpu_s": spent_s, "peak_gb": peak_gb}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
