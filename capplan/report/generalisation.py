"""The README's accuracy tables: in sample, on what the fit did not see, and where it is known to fall short."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from capplan.measured.generalise import Generalisation
from capplan.measured.observed import TPOT, TTFT
from capplan.measured.pairs import LONG_OUTPUT, PRIMARY, Pair
from capplan.measured.score import Accuracy, Headline, Summary
from capplan.report.shortfalls import shortfalls

BEGIN, END = "<!-- accuracy:begin -->", "<!-- accuracy:end -->"
_SCORES = ("in sample", "model left out", "accelerator left out", "source left out")


def pasted(text: str, known: Generalisation, pairs: Sequence[Pair]) -> str:
    """A document's text with the tables between their two markers; as it is where it has none."""
    between = f"(?s)({re.escape(BEGIN)}\n).*?({re.escape(END)})"
    return re.sub(between, lambda marks: marks[1] + tables(known, pairs) + marks[2], text)


def tables(known: Generalisation, pairs: Sequence[Pair]) -> str:
    """All three tables as Markdown. pairs: as shipped profiles predict them, percentiles of waits included."""
    scores = (known.in_sample, *(known.left_out[kind] for kind in ("model", "accelerator", "source")))
    head = _line("", *_SCORES, "aim")
    rows = [_line(name, *(_share(read(one)) for one in scores), aim) for name, aim, read in _ROWS]
    groups = [
        _line(
            group.group.replace("/", ", "),
            f"{group.summary.rows:,}",
            *(_share(_median(one, group.group)) for one in scores),
        )
        for group in known.in_sample.grouped
        if group.metric == PRIMARY and group.by == "source x load_type"
    ]
    short = [
        _line(place, f"{rows:,}", *(f"{ratio:.2f}" for ratio in (middle, low, high)))
        for place, rows, low, middle, high in shortfalls(pairs)
    ]
    tables = (
        [head, _rule(6), *rows],
        [_line("median error of", "rows", *_SCORES), _rule(6), *groups],
        [_line("measured over predicted", "rows", "median", "one in ten below", "one in ten above"), _rule(5), *short],
    )
    return "\n".join(line for table in tables for line in (*table, ""))


def _average(metric: str, figure: str) -> Callable[[Accuracy], float | None]:
    """A figure of a metric's headline: every source x load type alike."""
    return lambda scores: getattr(_headline(scores, metric), figure, None)


def _pooled(metric: str, figure: str) -> Callable[[Accuracy], float | None]:
    """A figure of a metric's headline: every row alike."""
    return lambda scores: getattr(getattr(_headline(scores, metric), "pooled", None), figure, None)


def _headline(scores: Accuracy, metric: str) -> Headline | None:
    return next((one for one in scores.headlines if one.metric == metric), None)


def _group(scores: Accuracy, by: str, group: str, metric: str = PRIMARY) -> Summary | None:
    found = (one.summary for one in scores.grouped if (one.metric, one.by, one.group) == (metric, by, group))
    return next(found, None)


def _median(scores: Accuracy, kind: str) -> float | None:
    found = _group(scores, "source x load_type", kind)
    return found.median if found else None


def _long(scores: Accuracy) -> float | None:
    found = _group(scores, "lengths", LONG_OUTPUT)
    return found.median if found else None


_ROWS: tuple[tuple[str, str, Callable[[Accuracy], float | None]], ...] = (
    ("rows predicted", "98 %", _pooled(PRIMARY, "coverage")),
    ("median error, every source x load type alike", "10 %; left out 15-20 %", _average(PRIMARY, "median")),
    ("median error, every row alike", "", _pooled(PRIMARY, "median")),
    ("p90 error, every source x load type alike", "40 %", _average(PRIMARY, "p90")),
    ("p90 error, every row alike", "40 %", _pooled(PRIMARY, "p90")),
    ("TPOT in closed loop: median error, every row alike", "10 %", _pooled(TPOT, "median")),
    ("the same, every source alike", "10 %", _average(TPOT, "median")),
    ("TTFT below saturation: median error, every row alike", "25 %", _pooled(TTFT, "median")),
    ("the same, every source alike", "25 %", _average(TTFT, "median")),
    ("1k in / 8k out: median error", "as the rest", _long),
    ("80 % band holds, every row alike", "70-90 %", _pooled(PRIMARY, "band_coverage")),
    ("the same, every source x load type alike", "70-90 %", _average(PRIMARY, "band_coverage")),
    ("80 % band of TTFT holds, every row alike", "70-90 %", _pooled(TTFT, "band_coverage")),
)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|---|" + "---:|" * (columns - 1)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
