"""Rows of fleets that are several pools: sums, means over queries, what a cascade pays, and the cache in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from capplan.cost.energy import YEAR_S
from capplan.cost.lines import cents, usd, usd_per

if TYPE_CHECKING:
    from capplan.scenario.policies import AnswerCache

# Columns of a fleet that are the sum over its pools, and those that are the mean over queries.
SUMS = (
    "replicas", "gpus", "nodes", "annual_tco_usd", "capex_usd_per_year", "energy_usd_per_year",
    "maintenance_usd_per_year", "rent_usd_per_year", "annual_kwh", "annual_kg_co2e",
)  # fmt: skip
MEANS = (
    "prompt_tokens", "thinking_tokens", "answer_tokens", "output_tokens", "ttft_s", "itl_s", "ttfo_s", "tta_s",
    "energy_j_per_query", "usd_per_1k_queries", "accuracy",
)  # fmt: skip
# Of a cascade, every tier that is tried adds its own.
PAID = ("output_tokens", "tta_s", "energy_j_per_query", "usd_per_1k_queries")
DELAYED = ("ttft_s", "ttfo_s", "tta_s", "tta_p95_s", "tta_p99_s")
# What a query that the cache answers does not take.
_SAVED = ("thinking_tokens", "output_tokens", "ttft_s", "ttfo_s", "tta_s", "energy_j_per_query")

Row = Mapping[str, object]


def number(value: object) -> float:
    """A cell, money included, as a float."""
    return float(str(value))


def delayed(row: Row, delay_s: float, names: Sequence[str] = DELAYED) -> dict[str, object]:
    """The row with latencies that begin with a wait, such as a classifier's."""
    return {**row, **{name: number(row[name]) + delay_s for name in names if row.get(name) is not None}}


def total(pools: Sequence[Row], shares: Sequence[float]) -> dict[str, object]:
    """Several pools as one row: sums and means over queries; None where some pool has no value.

    shares: of the queries, by pool; together 1.
    """
    made = _summed(pools)
    for name in MEANS:
        if all(pool.get(name) is not None for pool in pools):
            made[name] = sum(share * number(pool[name]) for pool, share in zip(pools, shares, strict=True))
    return made


def cascade(tried: Sequence[Row], reached: Sequence[float]) -> dict[str, object]:
    """A cascade as one row. tried: each tier under the queries that come to it. reached: their share of all queries."""
    made = _summed(tried)
    for name in PAID:
        if all(row.get(name) is not None for row in tried):
            made[name] = sum(part * number(row[name]) for part, row in zip(reached, tried, strict=True))
    # The first tier's first token is what users see first; the answer comes after all tiers that were tried.
    made["ttft_s"] = tried[0].get("ttft_s")
    return made


def charged(row: Row, usd_per_1k: float, queries_per_s: float) -> dict[str, object]:
    """The row of so many queries with something that is paid by the query, beside the fleet."""
    if not usd_per_1k or row.get("annual_tco_usd") is None:
        return dict(row)
    added = usd(int(cents(usd_per_1k / 1000 * queries_per_s * YEAR_S)))
    each = number(row["usd_per_1k_queries"]) * (1 + number(added) / number(row["annual_tco_usd"]))
    return {**row, "annual_tco_usd": Decimal(str(row["annual_tco_usd"])) + added, "usd_per_1k_queries": each}


@dataclass(frozen=True)
class Front:
    """The cache before all pools, if there is one; qps: queries a second that come to it."""

    cache: AnswerCache | None
    qps: float

    @property
    def missed(self) -> float:
        """Share of the queries that it does not answer."""
        return 1 - self.cache.hit_rate if self.cache else 1.0

    @property
    def latency_s(self) -> float:
        return self.cache.latency_s if self.cache else 0.0

    def year_usd(self, usd_per_1k: float, share: float = 1.0) -> float:
        """A year of something paid by the query, for a share of all."""
        return usd_per_1k / 1000 * self.qps * share * YEAR_S

    def before(self, row: Row) -> dict[str, object]:
        """A fleet's row over all queries, given that over those that the cache does not answer."""
        cache = self.cache
        if cache is None:
            return dict(row)
        made = charged(row, cache.cost_usd, self.qps)
        made |= {name: number(made[name]) * self.missed for name in _SAVED if made.get(name) is not None}
        made = delayed(made, cache.latency_s, ("ttft_s", "ttfo_s", "tta_s"))
        if made.get("accuracy") is not None:
            made["accuracy"] = number(made["accuracy"]) * (1 - cache.hit_rate * cache.stale)
        paid = made.get("annual_tco_usd")
        if isinstance(paid, Decimal):
            made["usd_per_1k_queries"] = usd_per(int(paid * 100), self.qps * YEAR_S, 1e3)
        # A percentile of hits and misses together is not that of the misses.
        return made | {"tta_p95_s": None, "tta_p99_s": None}

    def row(self) -> dict[str, object] | None:
        """The cache's own row."""
        if self.cache is None:
            return None
        year = usd(int(cents(self.year_usd(self.cache.cost_usd))))
        return {
            "pool": "cache",
            "share": self.cache.hit_rate,
            "ttft_s": self.cache.latency_s,
            "tta_s": self.cache.latency_s,
            "annual_tco_usd": year,
            "usd_per_1k_queries": self.cache.cost_usd,
            "feasible": True,
        }


def _summed(rows: Sequence[Row]) -> dict[str, object]:
    """The sums, None for all other columns; the fleet can be where all of its pools can."""
    made: dict[str, object] = dict.fromkeys((name for name in rows[0] if name not in ("pool", "share")), None)
    for name in SUMS:
        values = [row.get(name) for row in rows]
        if None not in values:
            made[name] = sum(values, start=Decimal(0) if isinstance(values[0], Decimal) else 0)  # type: ignore[arg-type]
    made["feasible"] = all(row.get("feasible") for row in rows)
    return made
