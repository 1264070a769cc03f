"""Percentiles of TTFT at an offered rate: the law of the waits around the mean that the engine predicts."""

from collections.abc import Mapping

import numpy as np

from capplan.engine.point import Point
from capplan.engine.predict import Prediction
from capplan.fleet import mixture
from capplan.fleet.first_token import prompt_wait

OFFERED = frozenset({"request_rate", "mlperf_server_poisson", "mlperf_interactive_poisson"})
# A rate closer to the predicted capacity than this leaves the wait to the error of the capacity.
_SERVED = 0.995


def waits_s(point: Point, prediction: Prediction) -> Mapping[str, float] | None:
    """TTFT at p50, p95 and p99; None without an offered rate, and where the engine is predicted to serve less than it
    unless the rate is the highest that keeps known limits, as in MLPerf.

    Arrivals are Poisson and dealt out by chance over the replicas; prompts are lognormal with the point's CV, and their
    prefill in proportion to their length. Around the mean that the engine predicts, the spread is that of own prefill
    and of the wait behind other prompts (`fleet.first_token`).
    """
    rate, prompt_s, step_s = point.request_rate_per_s, prediction.prompt_s, prediction.step_s
    served, first_s = prediction.out_tps_total, prediction.ttft_s
    if point.load_type not in OFFERED or not rate or not np.isfinite(rate):
        return None
    if prompt_s is None or step_s is None or served is None or first_s is None:
        return None
    if point.tpot_limit_s is None and served < _SERVED * rate * point.output_tokens:
        return None
    square = 1.0 + point.prompt_cv**2
    wait = prompt_wait(rate / point.pool.replicas, step_s, prompt_s, square, square**3)
    log_sd = float(np.sqrt(np.log(square)))
    own_s = {which: prompt_s * float(np.exp(z * log_sd - log_sd**2 / 2)) for which, z in mixture.Z.items()}
    behind_s = {which: float(mixture.tail(which, wait.chance, wait.mean_s, wait.square_s2)) for which in mixture.Z}
    # What is the same for all: the rest of the predicted mean, the way to the engine and the prompt's step among it.
    fixed_s = max(first_s, prompt_s + step_s + float(wait.mean_s)) - prompt_s - float(wait.mean_s)
    middle_s = own_s["p50"] + behind_s["p50"]
    return {
        which: fixed_s
        + middle_s
        + float(mixture.together(own_s[which] - own_s["p50"], behind_s[which] - behind_s["p50"]))
        for which in mixture.Z
    }
