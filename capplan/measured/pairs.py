"""Measured values beside their predictions: what scoring compares, and what a row is grouped by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from capplan.engine.point import Point
from capplan.measured.observed import E2E, MS, THROUGHPUT, TPOT, TTFT, observed
from capplan.measured.open_loop import OFFERED
from capplan.measured.points import Refusal
from capplan.measured.saturation import below_saturation
from capplan.measured.table import Row, number

PRIMARY = "primary"
LONG_OUTPUT = "1k-in / 8k-out"


@dataclass(frozen=True)
class Estimate:
    """A prediction as scoring sees it, in SI; None where refused.

    low, high: factors of the 80 % band on each value but TTFT, which has `ttft_low` and `ttft_high`. waits_s: TTFT at
    an offered rate by percentile (`p50`, `p99`), of rows that have one.
    """

    out_tps_total: float | None = None
    tpot_s: float | None = None
    ttft_s: float | None = None
    e2e_s: float | None = None
    low: float | None = None
    high: float | None = None
    ttft_low: float | None = None
    ttft_high: float | None = None
    refused: str = ""
    waits_s: Mapping[str, float] | None = None

    def band(self, quantity: str | None) -> tuple[float | None, float | None]:
        """Factors of the 80 % band on one quantity."""
        return (self.ttft_low, self.ttft_high) if quantity == TTFT else (self.low, self.high)

    def of(self, quantity: str) -> float | None:
        return {THROUGHPUT: self.out_tps_total, TPOT: self.tpot_s, TTFT: self.ttft_s, E2E: self.e2e_s}[quantity]


@dataclass(frozen=True)
class Labels:
    """What a row is grouped by, in the catalogue's words where it was read."""

    row_id: str
    source: str
    load_type: str
    engine: str
    model: str
    accelerator: str
    long_output: bool

    @property
    def kind(self) -> str:
        return f"{self.source}/{self.load_type}"


@dataclass(frozen=True)
class Pair:
    """One measured value and its prediction, both in SI; predicted None where refused."""

    labels: Labels
    metric: str
    column: str
    measured: float
    predicted: float | None
    low: float | None = None
    high: float | None = None
    refused: str = ""

    @property
    def error(self) -> float | None:
        return None if self.predicted is None else abs(self.predicted / self.measured - 1)

    @property
    def in_band(self) -> bool | None:
        if self.predicted is None or self.low is None or self.high is None:
            return None
        return self.predicted * self.low <= self.measured <= self.predicted * self.high


def pairs_of(rows: Sequence[Row], points: Sequence[Point | Refusal], estimates: Sequence[Estimate]) -> list[Pair]:
    """Every measured value beside its prediction: the primary metric of each row, then the other quantities."""
    below = below_saturation(rows)
    result: list[Pair] = []
    for row, point, estimate, is_below in zip(rows, points, estimates, below, strict=True):
        result.extend(_row_pairs(row, labels_of(row, point), estimate, is_below))
    return result


def labels_of(row: Row, point: Point | Refusal) -> Labels:
    read = isinstance(point, Point)
    return Labels(
        row_id=row.get("row_id", ""),
        source=row.get("source") or row.get("submitter") or "unnamed",
        load_type=point.load_type if isinstance(point, Point) else row.get("load_type", ""),
        engine=point.engine if isinstance(point, Point) else row.get("engine", ""),
        model=point.model if isinstance(point, Point) else row.get("model", ""),
        accelerator=point.accelerator if isinstance(point, Point) else row.get("gpu", ""),
        long_output=read and (number(row, "isl") or 0) <= 1200 and (number(row, "osl") or 0) >= 7000,
    )


def _row_pairs(row: Row, labels: Labels, estimate: Estimate, below: bool) -> Iterable[Pair]:
    seen = observed(row)
    if seen.primary_quantity and seen.primary_value:
        predicted = estimate.of(seen.primary_quantity)
        if predicted and seen.primary == "out_tps_per_gpu":
            predicted /= number(row, "gpu_count") or 1.0
        band = estimate.band(seen.primary_quantity)
        yield _pair(labels, PRIMARY, seen.primary, seen.primary_value, predicted, band, estimate.refused)
    closed_loop = row.get("load_type", labels.load_type) == "concurrency"
    for quantity in (THROUGHPUT, TPOT, TTFT, E2E):
        measured = seen.of(quantity)
        scored = below if quantity == TTFT else closed_loop or quantity != TPOT
        if measured and scored:
            band = estimate.band(quantity)
            yield _pair(labels, quantity, quantity, measured, estimate.of(quantity), band, estimate.refused)
    yield from _percentile_pairs(row, labels, estimate)


def _percentile_pairs(row: Row, labels: Labels, estimate: Estimate) -> Iterable[Pair]:
    """TTFT at an offered rate, half and 99 of 100 requests."""
    if labels.load_type not in OFFERED:
        return
    for which in ("p50", "p99"):
        column = f"ttft_ms_{which}"
        if seen := number(row, column):
            predicted = (estimate.waits_s or {}).get(which)
            yield _pair(labels, f"ttft {which}", column, seen * MS, predicted, estimate.band(TTFT), estimate.refused)


def _pair(
    labels: Labels,
    metric: str,
    column: str,
    measured: float,
    predicted: float | None,
    band: tuple[float | None, float | None],
    refused: str,
) -> Pair:
    value = predicted if predicted and predicted > 0 else None
    return Pair(labels, metric, column, measured, value, *band, refused)
