"""`forecast`: the budget by year, then what is bought when."""

from collections.abc import Iterator
from decimal import Decimal

from ..blocks import Block, Grid, Heading, Text
from ..charts.of import beside_tables
from ..report import Report
from ..show import MISSING, cents, number
from ..text import identity


def tell(report: Report) -> Iterator[Block]:
    years = [row for row in report.rows if row["part"] == "year"]
    total = next(row for row in report.rows if row["part"] == "total")
    yield Heading(f"{report.name}: {identity(report)}", 1)
    yield Text(
        f"${_usd(total['total_usd'])} paid over {len(years)} years; net present cost ${_usd(total['npv_usd'])}, from "
        f"which the ${_usd(total['residual_usd'])} that the hardware is still worth at the end are taken off."
    )
    yield Grid(
        ("year", "queries/s at its end", "nodes", "GPUs", "bought USD", "rent USD", "running USD", "total USD",
         "present USD"),
        (
            *((str(row["year"]), number(float(str(row["qps"]))), f"{row['nodes']:,}", f"{row['gpus']:,}",
               _usd(row["purchases_usd"]), _usd(row["rent_usd"]), _usd(row["running_usd"]), _usd(row["total_usd"]),
               _usd(row["present_usd"])) for row in years),
        ),
    )  # fmt: skip
    yield from beside_tables(report)
    bought = [row for row in report.rows if row["part"] == "purchase"]
    if bought:
        yield Heading("When nodes are bought")
        yield Grid(
            ("month", "nodes", "fleet then", "USD"),
            tuple((str(row["month"]), str(row["nodes_bought"]), str(row["nodes"]), _usd(row["purchases_usd"]))
                  for row in bought),
        )  # fmt: skip
    for sentence in report.notes:
        yield Text(sentence)


def _usd(value: object) -> str:
    return cents(value) if isinstance(value, Decimal) else MISSING
