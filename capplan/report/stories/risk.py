"""`risk`: the interval first, then the odds, then what matters and what regrets least."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from ..blocks import Block, Grid, Heading, Text, grid
from ..charts.of import beside_tables
from ..metrics import metric
from ..report import Report
from ..show import MISSING, column
from ..text import identity

_SHOWN = ("annual_tco_usd", "gpus", "ttft_s", "tta_s", "tta_p99_s", "usd_per_1k_queries", "annual_kwh")

Row = Mapping[str, object]


def tell(report: Report) -> Iterator[Block]:
    parts: dict[str, list[Row]] = {}
    for row in report.rows:
        parts.setdefault(str(row["part"]), []).append(row)
    plan, quantiles = parts["plan"][0], parts["quantile"]
    yield Heading(f"{report.name}: {identity(report)}", 1)
    low, middle, high = (_usd(row["annual_tco_usd"]) for row in quantiles)
    planned, possible = _usd(plan["annual_tco_usd"]), _share(plan["possible"])
    yield Text(
        f"{middle} a year in the middle of the worlds, {low} to {high} in eight of ten; the plan says {planned}. "
        f"A plan can be in {possible} of the worlds."
    )
    shown = [name for name in _SHOWN if all(row.get(name) is not None for row in quantiles)]
    columns = [column(metric(name), [row[name] for row in (*quantiles, plan)]) for name in shown]
    names = [*(str(row["quantile"]) for row in quantiles), "plan"]
    yield grid(["", *(head for head, _ in columns)], [names, *(cells for _, cells in columns)], words=frozenset({0}))
    yield Heading("Odds that targets hold")
    yield Grid(
        ("target", "fleet sized for the world", "fleet of the plan kept"),
        tuple((str(row["target"]), _share(row["odds_sized"]), _share(row["odds_kept"])) for row in parts["odds"]),
        words=frozenset({0}),
    )
    yield Heading("What matters: one input alone, from its low to its high point")
    yield _inputs(parts["input"])
    yield from beside_tables(report)
    if regrets := parts.get("regret"):
        yield Heading("Least regret")
        yield Grid(
            ("candidate", "regret p95 USD/year", "regret mean USD/year", "cheapest in", "can be in"),
            tuple((str(row["candidate"]), _usd(row["regret_p95_usd"]), _usd(row["regret_mean_usd"]),
                   _share(row["best"]), _share(row["possible"])) for row in regrets),
            words=frozenset({0}),
        )  # fmt: skip
    for sentence in report.notes:
        yield Text(sentence)


def _inputs(rows: list[Row]) -> Grid:
    return Grid(
        ("input", "range", "USD/year at low", "USD/year at high"),
        tuple((str(row["input"]), str(row["range"]), _usd(row["low_usd"]), _usd(row["high_usd"])) for row in rows),
        words=frozenset({0, 1}),
    )


def _usd(value: object) -> str:
    return f"${value:,.0f}" if isinstance(value, Decimal) else MISSING


def _share(value: object) -> str:
    return f"{100 * float(str(value)):.1f} %"
