"""Which closed-loop rows lie below saturation, where TTFT measures the machine and not the queue.

Rows that differ in concurrency alone are a series. Going up, a row is below saturation as long as every step so far
turned at least half of the added clients into throughput: d ln(output tokens/s) / d ln(clients) >= 1/2. The lowest row
of a series counts as below. Where throughput is not measured, clients / TPOT stands for it.
"""

import math
from collections.abc import Iterable, Sequence

from capplan.measured.observed import observed
from capplan.measured.table import INPUTS, Row, number

LEAST_GAIN = 0.5
_VARIES = frozenset({"row_id", "concurrency", "num_prompts", "isl_mean_actual", "osl_mean_actual", "parallel_note"})
_SERIES = tuple(sorted(INPUTS - _VARIES))


def below_saturation(rows: Sequence[Row]) -> list[bool]:
    """For each row, whether its TTFT is worth comparing; False outside closed loops."""
    series: dict[tuple[str, ...], list[int]] = {}
    for at, row in enumerate(rows):
        if row.get("load_type") == "concurrency" and number(row, "concurrency"):
            key = (*(row.get(name, "") for name in _SERIES), row.get("source", ""))
            series.setdefault(key, []).append(at)
    result = [False] * len(rows)
    for members in series.values():
        for at in _rising(rows, members):
            result[at] = True
    return result


def _rising(rows: Sequence[Row], members: Iterable[int]) -> Iterable[int]:
    """Members below saturation, from the fewest clients up; repeats of one concurrency count alike."""
    ordered = sorted(members, key=lambda at: number(rows[at], "concurrency") or 0.0)
    clients_before = rate_before = 0.0
    for at in ordered:
        clients, rate = number(rows[at], "concurrency") or 0.0, _rate(rows[at])
        if rate is None:
            continue
        if clients > clients_before:
            if rate_before > 0 and _gain(clients / clients_before, rate / rate_before) < LEAST_GAIN:
                return
            clients_before, rate_before = clients, rate
        yield at


def _gain(clients_ratio: float, rate_ratio: float) -> float:
    return math.log(max(rate_ratio, 1e-9)) / math.log(clients_ratio)


def _rate(row: Row) -> float | None:
    seen = observed(row)
    if seen.out_tps_total:
        return seen.out_tps_total
    return (number(row, "concurrency") or 0.0) / seen.tpot_s if seen.tpot_s else None
