"""Scores of predictions against measurements, told in every format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from capplan.measured.pairs import PRIMARY, Pair
from capplan.measured.score import DEFINITIONS, Accuracy, Grouped, Headline, Summary

from .answer import Sheet
from .blocks import Block, Grid, Heading, Text
from .charts.scatter import scatter
from .show import number

SCHEMA = "capplan.accuracy/1"
TITLE = "Predicted against measured"
COLUMNS = ("metric", "by", "group", "rows", "predicted", "coverage", "median", "p90", "bias", "within_20",
           "rank_correlation", "band_coverage")  # fmt: skip


def sheet(scores: Accuracy, worst: int) -> Sheet:
    """The scores with so many of the worst rows."""
    return Sheet(tuple(blocks(scores, worst)), COLUMNS, tuple(rows(scores)), tree(scores, worst))


def tree(scores: Accuracy, worst: int) -> dict[str, object]:
    """The JSON object of `capplan accuracy`."""
    from capplan.catalog.stamp import stamp
    from capplan.version import __version__

    return {
        "schema": SCHEMA,
        "tool_version": __version__,
        "catalog": stamp(),
        "definitions": list(DEFINITIONS),
        "headlines": [_headline_row(headline) for headline in scores.headlines],
        "groups": rows(scores),
        "worst": [_pair_row(pair) for pair in scores.worst(worst)],
        "refused": [{"row_id": row_id, "reason": reason} for row_id, reason in scores.refusals],
    }


def rows(scores: Accuracy) -> list[dict[str, object]]:
    """One line a metric and group, the CSV of `capplan accuracy`."""
    everything = [_row(h.metric, "all", "pooled", h.pooled) for h in scores.headlines]
    average = [
        _row(h.metric, "all", "equal weight for source x load_type", h.pooled)
        | {"rows": h.groups, "predicted": h.groups, "coverage": h.pooled.coverage}
        | {"median": h.median, "p90": h.p90, "within_20": h.within_20, "band_coverage": h.band_coverage}
        | dict.fromkeys(("bias", "rank_correlation"))
        for h in scores.headlines
    ]
    return [*average, *everything, *(_row(g.metric, g.by, g.group, g.summary) for g in scores.grouped)]


def blocks(scores: Accuracy, worst: int) -> list[Block]:
    """The report for people: headline, groups of the primary metric, worst rows, definitions."""
    told: list[Block] = [Heading(TITLE, 1)]
    told.append(_headlines(scores.headlines))
    told.append(scatter(scores))
    told.append(Text("`average` weighs every source x load type the same; `pooled` every row."))
    primary = [group for group in scores.grouped if group.metric == PRIMARY]
    for by in dict.fromkeys(group.by for group in primary):
        told += [Heading(f"Primary metric by {by}"), _groups([g for g in primary if g.by == by])]
    if listed := scores.worst(worst):
        told += [Heading("Worst rows"), _worst(listed)]
    if scores.refusals:
        told += [Heading("Refused"), Grid(("row", "why"), scores.refusals[:50], frozenset({0, 1}))]
    told += [Heading("Definitions"), *(Text(sentence) for sentence in DEFINITIONS)]
    return told


def _headlines(headlines: Sequence[Headline]) -> Grid:
    headings = ("metric", "rows", "covered", "average median", "average p90", "median", "p90", "bias", "within 20 %",
                "rank corr.", "80 % band holds")  # fmt: skip
    cells = tuple(
        (
            h.metric,
            f"{h.pooled.rows:,}",
            _share(h.pooled.coverage),
            _share(h.median),
            _share(h.p90),
            _share(h.pooled.median),
            _share(h.pooled.p90),
            _share(h.pooled.bias),
            _share(h.pooled.within_20),
            _plain(h.pooled.rank_correlation),
            _share(h.pooled.band_coverage),
        )
        for h in headlines
    )
    return Grid(headings, cells, frozenset({0}))


def _groups(groups: Sequence[Grouped]) -> Grid:
    headings = ("", "rows", "covered", "median", "p90", "bias", "within 20 %", "rank corr.", "80 % band holds")
    return Grid(headings, tuple(_group_cells(group) for group in groups), frozenset({0}))


def _group_cells(group: Grouped) -> tuple[str, ...]:
    s = group.summary
    shares = (s.coverage, s.median, s.p90, s.bias, s.within_20)
    return (group.group, f"{s.rows:,}", *map(_share, shares), _plain(s.rank_correlation), _share(s.band_coverage))


def _worst(pairs: Sequence[Pair]) -> Grid:
    headings = ("row", "model", "accelerator", "engine", "column", "measured", "predicted", "ratio")
    cells = tuple(
        (
            pair.labels.row_id,
            pair.labels.model,
            pair.labels.accelerator,
            pair.labels.engine,
            pair.column,
            number(pair.measured * _scale(pair)),
            number((pair.predicted or 0.0) * _scale(pair)),
            number((pair.predicted or 0.0) / pair.measured),
        )
        for pair in pairs
    )
    return Grid(headings, cells, frozenset({0, 1, 2, 3, 4}))


def _scale(pair: Pair) -> float:
    """Times are shown in the milliseconds of their column."""
    return 1e3 if "_ms_" in pair.column else 1.0


def _headline_row(headline: Headline) -> dict[str, object]:
    return {
        "metric": headline.metric,
        "groups": headline.groups,
        "median": headline.median,
        "p90": headline.p90,
        "within_20": headline.within_20,
        "band_coverage": headline.band_coverage,
        "pooled": _summary(headline.pooled),
    }


def _row(metric: str, by: str, group: str, summary: Summary) -> dict[str, object]:
    return {"metric": metric, "by": by, "group": group, **_summary(summary)}


def _summary(summary: Summary) -> dict[str, object]:
    return {**asdict(summary), "coverage": summary.coverage}


def _pair_row(pair: Pair) -> dict[str, object]:
    return {
        **asdict(pair.labels),
        "column": pair.column,
        "measured": pair.measured * _scale(pair),
        "predicted": None if pair.predicted is None else pair.predicted * _scale(pair),
    }


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
