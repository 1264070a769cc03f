"""How fast the simulator is: a million requests with production reasoning lengths on one core, and twice as many."""

import resource
import sys
import time

import numpy as np

from capplan.engine.steptimes import StepTimes
from capplan.reasoning.lengths import Lognormal
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy
from capplan.simulate.requests import Requests, requests
from capplan.simulate.run import run
from capplan.simulate.summary import pool_summary, summaries
from capplan.simulate.traffic.generate import draw

COUNT = 1_000_000
LONGEST_TOKENS = 32_768
THINKING_SHARE = 0.70
# Fits to production DeepSeek-R1 traffic (ServeGen, arXiv 2505.09999): ln(tokens) of outputs and of prompts.
OUTPUT, PROMPT = Lognormal(6.774, 0.970), Lognormal(5.231, 1.837)
LONGEST_PROMPT_TOKENS = 57_284
# The order of magnitude of a 70B model on eight H100: the benchmark times the simulator, not the model.
SEATS = 256
TIMES = StepTimes(
    decode_base_s=tuple(0.012 + 5e-6 * n for n in range(SEATS + 1)),
    decode_slope_s_per_token=(2.5e-8,) * (SEATS + 1),
    prefill_fixed_s=0.0,
    prefill_s_per_token=2e-5,
    prefill_s_per_token_context=1e-10,
    kv_capacity_tokens=2_000_000,
)


def production(count: int, rate_per_s: float, seed: int) -> Requests:
    """Poisson arrivals with production reasoning lengths."""
    rng = np.random.default_rng(seed)
    output = np.minimum(draw(OUTPUT, rng.random(count)), LONGEST_TOKENS)
    prompt = np.minimum(draw(PROMPT, rng.random(count)), LONGEST_PROMPT_TOKENS)
    thinking = np.minimum((THINKING_SHARE * output).astype(np.int64), output - 1)
    return requests(np.cumsum(rng.exponential(1 / rate_per_s, count)), prompt, output, thinking)


def measure(count: int, replicas: int) -> float:
    """Seconds of processor time from drawing the traffic to its percentiles, printed with what they bought."""
    start_s = time.process_time()
    load = production(count, 4.44 * replicas, seed=1)
    served = run(load, TIMES, Policy(replicas=replicas))
    seen = outcome(served)
    everyone, pool = summaries(seen)[0], pool_summary(served, seen)
    spent_s = time.process_time() - start_s
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kB here, and of all runs so far
    tokens = float(load.output_tokens.sum())
    print(
        f"{count:>9,} requests, {replicas} replicas: {spent_s:5.1f} s, {count / spent_s:8,.0f} requests/s, "
        f"{tokens / spent_s / 1e6:6.0f} M tokens/s of {tokens / 1e9:.2f} G, {served.totals.events / count:.2f} events "
        f"a request, {peak_gb:.2f} GB; batch {pool.batch:.0f}, TTA p99 {everyone.figures['tta_p99_s'].value:.0f} s, "
        f"Little's law off by {pool.little_gap:.0e}",
        flush=True,
    )
    return spent_s


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    once_s = measure(count, 1)
    print(f"twice the requests: {measure(2 * count, 1) / once_s:.2f} times the time")
    measure(count, 8)
