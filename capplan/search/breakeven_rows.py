"""The answer of `breakeven` as rows of a report: today's plan beside the API, the crossings, the curve."""

from collections.abc import Mapping

from capplan.search.breakeven import Breakeven

# Columns that tell the rows apart.
AXES = ("part", "quantity")


def rows(found: Breakeven) -> list[Mapping[str, object]]:
    """One row `today` with the plan's own columns, one per `crossing`, one per point of the `curve`."""
    queries = found.plan.scenario.workload.qps
    today = {
        **found.plan.row,
        "part": "today",
        "api_usd_per_year": found.api_usd_per_year,
        "api_usd_per_1k_queries": found.api_usd_per_query * found.factor * 1e3,
        "queries_per_month": queries * 365 * 86400.0 / 12,
        "naive_queries_per_month": found.volumes.naive,
        "first_queries_per_month": found.volumes.first,
        "stays_queries_per_month": found.volumes.stays,
    }
    crossings = [
        {"part": "crossing", "quantity": one.quantity, "unit": one.unit, "now": one.now, "breakeven": one.at,
         "self_hosting": one.cheaper, "note": one.note or None}
        for one in found.crossings
    ]  # fmt: skip
    curve = [
        {"part": "curve", "queries_per_month": volume, "gpus": gpus, "fleet_usd_per_month": fleet,
         "api_usd_per_month": api, "cheaper": "self-hosting" if fleet < api else "API"}
        for volume, fleet, api, gpus in found.curve
    ]  # fmt: skip
    feasible = {"feasible": found.plan.feasible}
    return [today, *({**row, **feasible} for row in crossings), *({**row, **feasible} for row in curve)]
