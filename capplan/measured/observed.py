"""Measured values of a row in SI; read by scoring and fitting only, never by prediction."""

from dataclasses import dataclass

from capplan.measured.table import Row, number

MS = 1e-3  # points files carry times in milliseconds
THROUGHPUT, TPOT, TTFT, E2E = "throughput", "tpot", "ttft", "e2e"
QUANTITIES = (THROUGHPUT, TPOT, TTFT, E2E)
# Statistics in the order in which they are taken; the model predicts means.
_STATISTICS = ("mean", "p50")


@dataclass(frozen=True)
class Observed:
    """What was measured; None where the source does not give it.

    primary: the column that the source measured best, its quantity and its value in the column's own unit scaled to SI.
    """

    out_tps_total: float | None
    tpot_s: float | None
    ttft_s: float | None
    e2e_s: float | None
    primary: str
    primary_quantity: str | None
    primary_value: float | None

    def of(self, quantity: str) -> float | None:
        return {THROUGHPUT: self.out_tps_total, TPOT: self.tpot_s, TTFT: self.ttft_s, E2E: self.e2e_s}[quantity]


def observed(row: Row) -> Observed:
    """The measured values of a row, means before medians; per-accelerator throughput counts for all of them."""
    total = number(row, "out_tps_total")
    if total is None and (each := number(row, "out_tps_per_gpu")) is not None:
        total = each * (number(row, "gpu_count") or 1.0)
    primary = row.get("primary_metric", "")
    quantity = quantity_of(primary)
    value = number(row, primary) if quantity else None
    if value is not None and quantity != THROUGHPUT:
        value *= MS
    return Observed(
        out_tps_total=total,
        tpot_s=_time(row, "tpot") or _time(row, "itl"),
        ttft_s=_time(row, "ttft"),
        e2e_s=_time(row, "e2e"),
        primary=primary,
        primary_quantity=quantity,
        primary_value=value or None,
    )


def quantity_of(column: str) -> str | None:
    """What a measured column measures; inter-token latency is compared as TPOT.

    >>> quantity_of("itl_ms_p50"), quantity_of("out_tps_per_gpu"), quantity_of("")
    ('tpot', 'throughput', None)
    """
    if column in ("out_tps_total", "out_tps_per_gpu"):
        return THROUGHPUT
    kind = column.partition("_ms_")[0] if "_ms_" in column else ""
    kind = TPOT if kind == "itl" else kind
    return kind if kind in QUANTITIES else None


def _time(row: Row, kind: str) -> float | None:
    for statistic in _STATISTICS:
        value = number(row, f"{kind}_ms_{statistic}")
        if value:
            return value * MS
    return None
