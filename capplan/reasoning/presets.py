"""Token tables by type of query, and latency classes by use: starting points to be replaced by one's own counts."""

from dataclasses import dataclass
from typing import cast

from capplan.catalog import figures
from capplan.catalog.files import Tree
from capplan.errors import UserError
from capplan.units import parse

Tokens = tuple[float, float]


@dataclass(frozen=True)
class QueryType:
    """Output tokens of a type of query, as the printed range; without and with reasoning."""

    name: str
    standard_tokens: Tokens
    reasoning_tokens: Tokens

    @property
    def multiplier(self) -> Tokens:
        """Reasoning over standard, low to low and high to high, the smaller first."""
        low, high = (self.reasoning_tokens[end] / self.standard_tokens[end] for end in (0, 1))
        return min(low, high), max(low, high)


@dataclass(frozen=True)
class Use:
    """A use with its latency class, the target that it has (seconds, None where it has none) and its budget."""

    name: str
    latency_class: str
    strategy: str
    ttft_s: float | None = None
    tta_s: float | None = None
    budget_tokens: Tokens | None = None


def query_type(name: str) -> QueryType:
    """A type of query by name: factual, coding, math-word, competition or proof. Raises UserError for another."""
    row = _row("query-types", "types", name)
    return QueryType(name, _ends(row, "standard", "p10", "p90"), _ends(row, "reasoning", "p10", "p90"))


def use(name: str) -> Use:
    """A use by name: chat, autocomplete, code-generation, data-analysis, summary, agent, batch. Raises UserError."""
    row = _row("use-cases", "uses", name)
    return Use(
        name=name,
        latency_class=str(row["class"]),
        strategy=str(row["strategy"]),
        ttft_s=parse(str(row["ttft"]), "s") if "ttft" in row else None,
        tta_s=parse(str(row["tta"]), "s") if "tta" in row else None,
        budget_tokens=_ends(row, "budget", "low", "high") if "budget" in row else None,
    )


def names(table: str) -> list[str]:
    """Names in a table: `types` of queries or `uses`."""
    entry = {"types": "query-types", "uses": "use-cases"}[table]
    return list(cast(dict[str, Tree], figures.entry("quality", entry).plain[table]))


def _row(entry: str, table: str, name: str) -> dict[str, Tree]:
    rows = cast(dict[str, Tree], figures.entry("quality", entry).plain[table])
    if name not in rows:
        raise UserError(f"no '{name}' among the {table} of configs/quality/{entry}.yaml ({', '.join(rows)})")
    return cast(dict[str, Tree], rows[name])


def _ends(row: dict[str, Tree], key: str, low: str, high: str) -> Tokens:
    span = cast(dict[str, str], row[key])
    return parse(span[low], "tokens"), parse(span[high], "tokens")
