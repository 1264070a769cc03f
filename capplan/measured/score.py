"""Predicted against measured: errors by metric and group, worst rows, and whether the bands hold.

Error is |predicted / measured - 1|. A group's p90 is the error that nine of ten rows do not exceed, taken at index
int(0.9 (n - 1)) of the sorted errors. The headline is the mean over source x load type of the group medians, each group
with equal weight: sources differ in size by two orders of magnitude, and the largest would otherwise be the score.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from capplan.engine.point import Point
from capplan.measured.observed import E2E, THROUGHPUT, TPOT, TTFT
from capplan.measured.pairs import LONG_OUTPUT, PRIMARY, Estimate, Labels, Pair, pairs_of
from capplan.measured.points import Refusal
from capplan.measured.ranks import spearman
from capplan.measured.table import Row

METRICS = (PRIMARY, THROUGHPUT, TPOT, TTFT, E2E, "ttft p50", "ttft p99")
WITHIN = 0.20

DEFINITIONS = (
    "TTFT: request sent to its first output token of any kind, queueing included; mean over requests.",
    "TPOT: (end-to-end latency - TTFT) / (output tokens - 1) of one request, mean over requests.",
    "TPOT and TTFT are scored in closed loop; as a row's primary metric they count there whatever the load.",
    "ITL: gap between two streamed chunks. It equals TPOT only where every chunk holds one token; TensorRT-LLM streams "
    "several at once, so TPOT is compared.",
    "TTFT is scored in closed loop below saturation only: up a series of rows that differ in concurrency alone, as "
    "long as each step turns half of the added clients or more into throughput. Above, it is queue length.",
    "TTFT p50 and p99: at an offered rate below what the engine is predicted to serve; above, no percentile exists.",
    "Error: |predicted / measured - 1|; bias: median of predicted / measured, less 1.",
    "The average over source x load type gives every such group the same weight.",
)


@dataclass(frozen=True)
class Summary:
    """Errors of some pairs; the figures are None where no row was predicted."""

    rows: int
    predicted: int
    median: float | None
    p90: float | None
    bias: float | None
    within_20: float | None
    rank_correlation: float | None
    band_coverage: float | None

    @property
    def coverage(self) -> float:
        return self.predicted / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Grouped:
    """The summary of one group of one metric."""

    metric: str
    by: str
    group: str
    summary: Summary


@dataclass(frozen=True)
class Headline:
    """One metric over everything: pooled, and with equal weight for each source x load type."""

    metric: str
    pooled: Summary
    groups: int
    median: float | None
    p90: float | None
    within_20: float | None
    band_coverage: float | None


@dataclass(frozen=True)
class Accuracy:
    """All scores of one file."""

    pairs: tuple[Pair, ...]
    headlines: tuple[Headline, ...]
    grouped: tuple[Grouped, ...]
    refusals: tuple[tuple[str, str], ...]

    def worst(self, count: int = 10, metric: str = PRIMARY) -> list[Pair]:
        """The pairs with the largest ratio between predicted and measured, either way."""
        rated = [pair for pair in self.pairs if pair.metric == metric and pair.predicted is not None]
        return sorted(rated, key=lambda pair: (-_fold(pair), pair.labels.row_id))[:count]


GROUPINGS: dict[str, Callable[[Labels], str]] = {
    "source": lambda labels: labels.source,
    "load_type": lambda labels: labels.load_type,
    "source x load_type": lambda labels: labels.kind,
    "engine": lambda labels: labels.engine,
    "model": lambda labels: labels.model,
    "accelerator": lambda labels: labels.accelerator,
    "lengths": lambda labels: LONG_OUTPUT if labels.long_output else "other",
}


def accuracy(rows: Sequence[Row], points: Sequence[Point | Refusal], estimates: Sequence[Estimate]) -> Accuracy:
    """Scores of one file; the three sequences run in parallel."""
    pairs = pairs_of(rows, points, estimates)
    refusals = tuple(
        (row.get("row_id", ""), estimate.refused)
        for row, estimate in zip(rows, estimates, strict=True)
        if estimate.refused
    )
    present = [metric for metric in METRICS if any(pair.metric == metric for pair in pairs)]
    grouped = [
        Grouped(metric, by, group, summary(members))
        for metric in present
        for by, label in GROUPINGS.items()
        for group, members in _split([pair for pair in pairs if pair.metric == metric], label).items()
    ]
    headlines = [_headline(metric, [pair for pair in pairs if pair.metric == metric], grouped) for metric in present]
    return Accuracy(tuple(pairs), tuple(headlines), tuple(grouped), refusals)


def summary(pairs: Sequence[Pair]) -> Summary:
    """Errors of some pairs of one metric."""
    rated = [(pair.measured, pair.predicted) for pair in pairs if pair.predicted is not None and pair.predicted > 0]
    if not rated:
        return Summary(len(pairs), 0, None, None, None, None, None, None)
    errors = sorted(abs(predicted / measured - 1) for measured, predicted in rated)
    banded = [pair.in_band for pair in pairs if pair.in_band is not None]
    return Summary(
        rows=len(pairs),
        predicted=len(rated),
        median=statistics.median(errors),
        p90=errors[int(0.9 * (len(errors) - 1))],
        bias=statistics.median(predicted / measured for measured, predicted in rated) - 1,
        within_20=sum(error <= WITHIN for error in errors) / len(errors),
        rank_correlation=spearman(*zip(*rated, strict=True)),
        band_coverage=sum(banded) / len(banded) if banded else None,
    )


def _split(pairs: Iterable[Pair], label: Callable[[Labels], str]) -> dict[str, list[Pair]]:
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(label(pair.labels), []).append(pair)
    return dict(sorted(groups.items()))


def _headline(metric: str, pairs: Sequence[Pair], grouped: Sequence[Grouped]) -> Headline:
    own = [
        group.summary
        for group in grouped
        if group.metric == metric and group.by == "source x load_type" and group.summary.median is not None
    ]
    return Headline(
        metric=metric,
        pooled=summary(pairs),
        groups=len(own),
        median=_mean([one.median for one in own]),
        p90=_mean([one.p90 for one in own]),
        within_20=_mean([one.within_20 for one in own]),
        band_coverage=_mean([one.band_coverage for one in own]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None


def _fold(pair: Pair) -> float:
    ratio = (pair.predicted or 0.0) / pair.measured
    return max(ratio, 1 / ratio) if ratio > 0 else float("inf")
