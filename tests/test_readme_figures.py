"""Figures that the README types are those that capplan computes: what the articles claim, and counts in prose."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from capplan.catalog import figures
from capplan.catalog.accelerators import accelerator
from capplan.catalog.api_prices import api_price
from capplan.catalog.engines import COSTS
from capplan.catalog.models import model
from capplan.catalog.workloads import workload
from capplan.cost.textbook import textbook_lines
from capplan.engine.architecture import parameters
from capplan.engine.textbook import TextbookAccelerator, TextbookModel, accelerators, query
from capplan.reasoning.accuracy.voting import voted
from capplan.reasoning.cascade import Tier, cascade
from capplan.reasoning.flop import model_flop
from capplan.reasoning.lengths import Constant
from capplan.reasoning.options import Options, Query
from capplan.reasoning.strategy import demand

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
FLAT = " ".join(README.split())
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")

GPT_4 = TextbookModel(1.76e12, 120, 16384, 2.0, 2 * 120 * 128 * 128 * 2)
H100, B200 = TextbookAccelerator(989e12, 3.35e12, 700), TextbookAccelerator(2250e12, 8e12, 1000)


def year_musd(k: float) -> float:
    fleet = accelerators(query(GPT_4, H100, 2048, k).time_s, 100)
    return float(textbook_lines(fleet, 25_000, 700).total_usd(0)) / 1e6


def gpus(chip: TextbookAccelerator) -> float:
    return float(accelerators(query(GPT_4, chip, 2048, 8).time_s, 100))


def slower_from() -> float:
    llama = TextbookModel(total("llama-3-70b"), 80, 8192, 2.0, 327_680)
    once_s = float(query(GPT_4, H100, 2048, 1).time_s)
    return next(k for k in range(1, 100) if float(query(llama, H100, 2048, k).time_s) > once_s)


def tokens(samples: float) -> float:
    options = Options(strategy="best_of_n", thinking=Constant(1000.0), samples=samples)
    return float(demand(options, Query(Constant(100.0), Constant(100.0))).output_tokens / 1100)


def break_even_thousands() -> float:
    """A spot GPU's month over the article's own price of a query: 1.04 USD/Mtoken for 4,500 tokens."""
    return 0.80 * 720 / (4500 * 1.04e-6) / 1e3


def total(name: str) -> float:
    return float(parameters(model(name).architecture).total)


def tflop(name: str, count: float) -> float:
    return float(model_flop(model(name).architecture, count)) / 1e12


def r1(key: str) -> float:
    lengths = workload("r1-production").output_tokens
    assert lengths is not None
    return lengths.mean_tokens if key == "mean" else lengths.quantiles[key]


def thought() -> float:
    lengths = workload("r1-production").thinking_tokens
    assert lengths is not None
    return lengths.mean_tokens


def r1_usd(thinking: float) -> float:
    """A million tokens at the list price, of which a share is output."""
    price = api_price("deepseek-r1", "deepseek")
    return 1e6 * ((1 - thinking) * price.input_usd_per_token + thinking * price.output_usd_per_token)


# First cell of a row: the numbers of its last cell, each recomputed, in order. A printed number stands for all that
# round to it; a share of it more where the formula is taken at another model of the size.
ROWS: dict[str, tuple[float, tuple[Callable[[], float], ...]]] = {
    "cost of a year at K = 1": (0, (lambda: year_musd(1),)),
    "cost of a year at K = 8": (0, (lambda: year_musd(8),)),
    "K = 8 over K = 1": (0, (lambda: year_musd(8) / year_musd(1),)),
    '"the multiplier approaches K"': (0, (lambda: float(query(GPT_4, H100, 2048, 1e9).multiplier) / 1e9,)),
    "fits one H100": (0, (lambda: 1.76e12 * 2 / 1e9, lambda: accelerator("h100-sxm").memory_bytes / 1e9)),
    "GPUs at K = 8 on B200 instead of H100": (0, (lambda: gpus(B200), lambda: gpus(H100))),
    "K at which a 70B model is slower than GPT-4 at K = 1": (0, (slower_from,)),
    "K = 8 multiplies the bill": (0, (lambda: 443780.4 / 68228.6,)),
    "a forward pass of a 671B model": (0.02, (lambda: tflop("deepseek-r1", 1), lambda: 37)),
    "a 7B model thinking 64K tokens": (
        0.03, (lambda: tflop("llama-2-7b", 64e3), lambda: 70, lambda: 8, lambda: tflop("llama-3.1-70b", 8e3))),
    "majority vote, p = 0.6, N = 64": (0, (lambda: 100 * float(voted(0.6, 64)),)),
    "single 74 %, majority of 16": (
        0, (lambda: 100 * float(voted(0.74, 16)), lambda: 100 * float(voted(0.74, 16, 1.2, 0.25)))),
    "routing 80/20": (0, (lambda: 1e9 / cascade([Tier(0.8, 0.0), Tier(1.0, 1e9)], math.inf).cost,)),
    "best of 4 to 8": (0, (lambda: tokens(4.0), lambda: tokens(8.0))),
    "671B on 8 x H100": (
        0, (lambda: total("deepseek-r1") / 1e9, lambda: 8 * accelerator("h100-sxm").memory_bytes / 1e9)),
    "H100 in fp8, dense": (0, (lambda: accelerator("h100-sxm").peak_flop_per_s["fp8"] / 1e12, lambda: 2, lambda: 4)),
    "10,000 thinking tokens on one H100": (
        0.01, (lambda: 1e4 * total("llama-3.1-70b") / 3.35e12, lambda: 70, lambda: 3.35e12 / total("llama-3.1-70b"))),
    'a million tokens of R1 at its list price, "70/30 thinking/output"': (
        0, (lambda: 70, lambda: 30, lambda: r1_usd(1.0))),
    "self-hosting pays from": (0, (break_even_thousands,)),
    "R1 thinks on average": (0, (thought, lambda: r1("mean"), lambda: r1("p50"), lambda: r1("p99"))),
}  # fmt: skip
CELLS = {
    cells[0]: cells[-1]
    for line in README.splitlines()
    if line.startswith("| ") and len(cells := [cell.strip() for cell in line.strip("|").split(" | ")]) > 2
}


@pytest.mark.parametrize("row", ROWS)
def test_a_claim_comes_to_what_the_readme_says(row: str) -> None:
    within, expected = ROWS[row]
    printed = NUMBER.findall(CELLS[row])
    assert len(printed) == len(expected), printed
    for text, recompute in zip(printed, expected, strict=True):
        rounding = 0.5 * 10.0 ** -len(text.partition(".")[2]) * (1 + 1e-9)
        assert recompute() == pytest.approx(float(text.replace(",", "")), abs=rounding, rel=within), text


def test_no_claim_stands_there_that_nothing_recomputes() -> None:
    sections = README.partition('## The "$9M question"')[2].partition("## How right it is")[0]
    sections += README.partition("## What the articles claim")[2].partition("## What it does not do")[0]
    rows = [line for line in sections.splitlines() if line.startswith("| ") and not line.startswith("| claim")]
    heading = "| | the tutorial says"
    assert {line.strip("|").split(" | ")[0].strip() for line in rows if not line.startswith(heading)} == set(ROWS)


def test_the_priced_thirty_seventy_is_the_articles_figure() -> None:
    stated = next(line for line in README.splitlines() if line.startswith("| a million tokens of R1")).split(" | ")[1]
    assert r1_usd(0.30) == pytest.approx(float(stated.lstrip("$")), abs=0.005)


def test_claims_that_do_not_hold_are_counted() -> None:
    errors = figures.entry("quality", "known-errors").plain["errors"]
    verdicts = [one["verdict"] for one in errors.values()]
    unknown = verdicts.count("unverified")
    words = {5: "five"}
    assert f"{len(verdicts) - unknown} that do not, and {words[unknown]} that nobody can check" in FLAT


def test_residual_costs_are_counted() -> None:
    assert {14: "fourteen"}[len(COSTS)] + " residual costs" in FLAT


def test_rows_of_measured_results_add_up_to_what_is_said() -> None:
    table = README.partition("| median error of | rows |")[2].partition("\n\n")[0]
    rows = [line.strip("|").split(" | ") for line in table.splitlines()[2:]]
    said = re.search(r"against ([\d,]+) public measurements of (\w+) sources", FLAT)
    assert said and sum(int(cells[1].replace(",", "")) for cells in rows) == int(said[1].replace(",", ""))
    assert said[2] == {7: "seven"}[len({cells[0].split(",")[0] for cells in rows})]
    assert f"on {said[1]} public measurements" in (Path(__file__).parents[1] / "configs/engines/vllm.yaml").read_text()


def test_a_plan_starts_as_fast_as_the_first_lines_say() -> None:
    row = next(line for line in README.splitlines() if line.startswith("| `capplan tco --qps 100 --k 8`"))
    assert "in under half a second" in FLAT and float(NUMBER.findall(row.split(" | ")[1])[0]) < 0.5
