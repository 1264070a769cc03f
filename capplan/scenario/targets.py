"""`targets`: what the plan has to keep. A plan that misses one is refused."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated

from capplan.scenario.part import Contradiction, Part, key
from capplan.scenario.quantity import Quantity

Limit = Annotated[float | None, Quantity("s", above=0, most=1e7, example="2 s")]

_MEANING = {
    "ttft": "request sent to the first token of any kind, queueing included",
    "ttfo": "request sent to the first token of the answer, thinking done",
    "itl": "mean time between output tokens of one request after the first",
    "tta": "request sent to the complete answer",
}
_STATISTICS = ("mean", "p50", "p95", "p99")


def _limit(metric: str, statistic: str) -> Limit:
    limit: Limit = key(None, f"At most this: {statistic} of {metric.upper()}, {_MEANING[metric]}.")
    return limit


class Targets(Part):
    """Upper limits on latency, cost and power; a lower one on accuracy."""

    ttft_mean_s: Limit = _limit("ttft", "mean")
    ttft_p50_s: Limit = _limit("ttft", "p50")
    ttft_p95_s: Limit = _limit("ttft", "p95")
    ttft_p99_s: Limit = _limit("ttft", "p99")
    ttfo_mean_s: Limit = _limit("ttfo", "mean")
    ttfo_p50_s: Limit = _limit("ttfo", "p50")
    ttfo_p95_s: Limit = _limit("ttfo", "p95")
    ttfo_p99_s: Limit = _limit("ttfo", "p99")
    itl_mean_s: Limit = _limit("itl", "mean")
    itl_p50_s: Limit = _limit("itl", "p50")
    itl_p95_s: Limit = _limit("itl", "p95")
    itl_p99_s: Limit = _limit("itl", "p99")
    tta_mean_s: Limit = _limit("tta", "mean")
    tta_p50_s: Limit = _limit("tta", "p50")
    tta_p95_s: Limit = _limit("tta", "p95")
    tta_p99_s: Limit = _limit("tta", "p99")
    accuracy: Annotated[float | None, Quantity("ratio", least=0, most=1, example="90 %")] = key(
        None, "At least this share of answers right."
    )
    annual_tco_usd: Annotated[float | None, Quantity("usd", above=0, example="2M USD")] = key(
        None, "At most this cost a year."
    )
    power_w: Annotated[float | None, Quantity("w", above=0, example="500 kW")] = key(
        None, "At most this power of the fleet at peak, cooling included."
    )

    def limits_s(self) -> dict[str, float]:
        """The latency limits that are set, by metric and statistic: {'ttft_p95_s': 2.0}."""
        names = (f"{metric}_{statistic}_s" for metric in _MEANING for statistic in _STATISTICS)
        return {name: limit for name in names if (limit := getattr(self, name)) is not None}

    def contradictions(self) -> Iterator[Contradiction]:
        for metric in _MEANING:
            set_ones = [(s, v) for s in _STATISTICS[1:] if (v := getattr(self, f"{metric}_{s}_s")) is not None]
            for (low, smaller), (high, larger) in pairwise(set_ones):
                if larger < smaller:
                    yield Contradiction(f"{metric}_{high}", f"is below {metric}_{low}, and no percentile can be",
                                        "a higher percentile is never faster")  # fmt: skip
        for statistic in _STATISTICS:
            first, whole = getattr(self, f"ttft_{statistic}_s"), getattr(self, f"tta_{statistic}_s")
            if first is not None and whole is not None and whole < first:
                yield Contradiction(f"tta_{statistic}", f"is below ttft_{statistic}",
                                    "the complete answer never comes before its first token")  # fmt: skip
