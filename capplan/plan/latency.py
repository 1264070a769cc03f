"""What a user waits for: means and percentiles of TTFT, ITL, TTFO and TTA of a query at some load."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from capplan.engine.serving import Steady
from capplan.fleet import queueing
from capplan.reasoning.demand import Demand

SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Latency:
    """Each a mapping `mean p50 p95 p99` -> seconds, arrays of one shape."""

    ttft_s: dict[str, Any]
    itl_s: dict[str, Any]
    ttfo_s: dict[str, Any]
    tta_s: dict[str, Any]

    def figure(self, target: str) -> Any:
        """The figure that a target such as `ttft_p95` speaks of."""
        metric, _, which = target.rpartition("_")
        values: dict[str, Any] = getattr(self, f"{metric}_s")
        return values[which]


def latency(state: Steady, asked: Demand, burstiness: Any, slots: Any = None, rate_per_s: Any = 0.0) -> Latency:
    """Latencies of queries when the fleet is in `state`.

    slots: sequences that the whole fleet may run, None where a slot is always free. rate_per_s: engine requests a
    second over the whole fleet. burstiness: coefficient of variation of the gaps between arrivals.
    TTFT = wait for a slot (Allen-Cunneen over all slots) + wait for the running step and the prompts before it + own
    prefill. The waits are taken as exponential where they occur, the residual of the running step as uniform; their
    percentiles are added, an upper bound. Sequential calls each pay TTFT; the percentiles of TTA are those of the
    sequential tokens, at the mean ITL (a long answer averages its steps).
    """
    waiting, slot_s = _slot_wait(state, slots, rate_per_s, burstiness)
    bursts = (np.square(burstiness) + 1.0) / 2.0
    queue_s = state.queue_s * bursts
    first_s = state.arrival_s + state.own_prefill_s
    mixed = np.clip(state.prefill_share, 1e-9, 1.0)
    ttft = {"mean": first_s + 0.5 * state.decode_s + queue_s + slot_s}
    itl = {"mean": state.itl_s}
    for name, share in SHARES.items():
        tail_s = queue_s / mixed * np.maximum(np.log(mixed / (1.0 - share)), 0.0)
        slot_tail_s = queueing.wait_percentile_s(share, waiting, slot_s) if slots is not None else 0.0
        ttft[name] = first_s + share * state.decode_s + tail_s + slot_tail_s
        itl[name] = np.where(
            state.prefill_share > 1.0 - share, np.maximum(state.mixed_s, state.decode_s), state.decode_s
        )
    calls = np.asarray(asked.calls, np.float64)
    answer = np.maximum(asked.sequential_tokens - asked.sequential_thinking_tokens, 0.0)
    tokens = {
        "mean": asked.sequential_tokens,
        "p50": asked.sequential_p50_tokens,
        "p95": asked.sequential_p95_tokens,
        "p99": asked.sequential_p99_tokens,
    }
    tta = {n: calls * ttft[n] + np.maximum(tokens[n] - 1.0, 0.0) * state.itl_s for n in tokens}
    ttfo = {n: np.maximum(tta[n] - np.maximum(answer - 1.0, 0.0) * state.itl_s, ttft[n]) for n in tokens}
    return Latency(ttft_s=ttft, itl_s=itl, ttfo_s=ttfo, tta_s=tta)


def _slot_wait(state: Steady, slots: Any, rate_per_s: Any, burstiness: Any) -> tuple[Any, Any]:
    """(probability of waiting, mean wait in seconds) for a batch slot; a fleet at its limit counts as 99.9 % full."""
    if slots is None:
        return 0.0, 0.0
    servers = np.maximum(np.floor(slots), 1.0)
    busy_s = np.minimum(state.service_s, 0.999 * servers / np.maximum(rate_per_s, 1e-12))
    return (
        queueing.erlang_c(servers, rate_per_s * busy_s),
        queueing.mean_wait_s(servers, rate_per_s, busy_s, burstiness, 1.0),
    )
