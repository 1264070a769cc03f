"""Sites and workloads: regions take what they lack from where they lie; traffic is as it was seen."""

import csv
import json
import statistics
from pathlib import Path

import pytest

from capplan.catalog import files
from capplan.catalog.figures import MissingFigure
from capplan.catalog.sites import regions, site
from capplan.catalog.workloads import models_of, workload

SHARED = Path(__file__).parents[2].parent / "shared"
KWH_J = 3.6e6


@pytest.mark.parametrize(
    ("name", "figure", "value"),
    [
        ("usa", "carbon_kg_per_j", 0.3695 / KWH_J), ("USA", "electricity_usd_per_j", 0.146 / KWH_J),
        ("us-iowa", "electricity_usd_per_j", 0.0604 / KWH_J), ("US-IA", "electricity_usd_per_j", 0.0604 / KWH_J),
        ("aws-us-east-1", "pue", 1.15), ("aws-us-east-1", "carbon_kg_per_j", 0.3695 / KWH_J),
        ("us-east-1", "pue", 1.15), ("gcp-us-central1", "carbon_kg_per_j", 0.430 / KWH_J),
        ("gcp-us-central1", "electricity_usd_per_j", 0.0604 / KWH_J),
        ("sweden", "carbon_kg_per_j", 0.0407 / KWH_J), ("NO", "carbon_kg_per_j", 0.0301 / KWH_J),
        ("hyperscale", "pue", 1.12), ("enterprise", "pue", 1.58), ("sweden", "water_l_per_j", 6.0315 / KWH_J),
    ],
)  # fmt: skip
def test_a_place_has_the_figures_of_its_file_or_of_where_it_lies(name: str, figure: str, value: float) -> None:
    assert getattr(site(name), figure) == pytest.approx(value)


def test_a_figure_says_whose_it_is() -> None:
    virginia = site("aws-us-east-1")
    assert virginia.sources["electricity"].startswith("usa: ")
    assert virginia.sources["pue"].startswith("aws: ")


def test_a_country_does_not_take_the_electricity_of_its_continent() -> None:
    assert site("sweden").electricity_usd_per_j is None
    with pytest.raises(MissingFigure, match="sweden has no 'electricity' figure, which the energy cost needs"):
        site("sweden").need("electricity", "the energy cost")


@pytest.mark.parametrize(
    ("name", "near"), [("sweeden", "sweden"), ("aws-us-east-9", "aws-us-east-1"), ("us-iwoa", "usa-iowa")]
)
def test_an_unknown_place_gets_suggestions(name: str, near: str) -> None:
    with pytest.raises(files.UnknownName) as unknown:
        site(name)
    assert near in unknown.value.suggestions


@pytest.mark.parametrize("cloud", ["gcp", "aws", "azure"])
def test_every_cloud_region_has_its_clouds_pue_and_a_carbon_intensity(cloud: str) -> None:
    for region in regions(cloud):
        found = site(f"{cloud}-{region}")
        assert found.pue == site(cloud).pue
        assert found.carbon_kg_per_j is not None, region


def test_production_reasoning_is_as_it_was_seen() -> None:
    r1 = workload("r1-production")
    assert r1.lengths("output").quantiles["p99"] == 12607
    assert r1.lengths("prompt").quantiles["p50"] == 208
    assert (r1.burstiness, r1.peak_to_mean[3600]) == (2.28, 2.194)
    thinking, answer = r1.lengths("thinking"), r1.lengths("answer")
    assert thinking.mean_tokens + answer.mean_tokens == pytest.approx(r1.lengths("output").mean_tokens, rel=1e-3)
    assert max(r1.diurnal) == pytest.approx(2.194)


def _azure(name: str) -> tuple[list[int], list[int]]:
    path = SHARED / "traces" / "azure2023" / f"AzureLLMInferenceTrace_{name}.csv"
    if not path.is_file():
        pytest.skip(f"no shared/traces/azure2023/{path.name} beside the checkout")
    with path.open(encoding="utf-8") as rows:
        pairs = [(int(row["ContextTokens"]), int(row["GeneratedTokens"])) for row in csv.DictReader(rows)]
    return [prompt for prompt, _ in pairs], [answer for _, answer in pairs]


@pytest.mark.parametrize(("name", "trace"), [("azure-code-2023", "code"), ("azure-conversation-2023", "conv")])
def test_the_lengths_at_azure_are_those_of_the_trace(name: str, trace: str) -> None:
    for part, seen in zip(("prompt", "answer"), _azure(trace), strict=True):
        lengths = workload(name).lengths(part)
        assert lengths.mean_tokens == pytest.approx(statistics.mean(seen), rel=0.01)
        assert lengths.quantiles["p90"] == pytest.approx(statistics.quantiles(seen, n=10)[-1], rel=0.01)
        assert lengths.max_tokens == max(seen)


@pytest.mark.parametrize("name", ["conversation", "synthetic"])
def test_the_lengths_at_kimi_are_those_of_the_trace(name: str) -> None:
    path = SHARED / "traces" / "mooncake" / f"{name}_trace.jsonl"
    if not path.is_file():
        pytest.skip(f"no shared/traces/mooncake/{path.name} beside the checkout")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lengths = workload(f"mooncake-{name}").lengths("prompt")
    assert lengths.mean_tokens == pytest.approx(statistics.mean(row["input_length"] for row in rows), rel=0.001)
    assert workload(f"mooncake-{name}").prefix_cache_hit_rate in (0.366, 0.64)


def test_one_task_takes_models_tenfold_different_lengths() -> None:
    means = {model: workload(f"reasoning-maths-{model}").lengths("output").mean_tokens for model in models_of("maths")}
    assert len(means) == 23
    assert means["deepseek-r1"] == 2890
    assert max(means.values()) > 10 * min(means.values())


def test_a_printed_range_of_means_keeps_its_ends() -> None:
    nominal = workload("nominal-reasoning-deepseek-r1")
    assert (nominal.lengths("thinking").low_tokens, nominal.lengths("thinking").high_tokens) == (4000, 12000)


def test_what_was_not_measured_is_an_error_that_names_where_it_was() -> None:
    with pytest.raises(MissingFigure, match=r"workloads that have it: .*r1-production"):
        workload("servegen-m-small").lengths("prompt")
    with pytest.raises(files.UnknownName) as unknown:
        workload("reasoning-maths-deepsek-r1")
    assert "reasoning-maths-deepseek-r1" in unknown.value.suggestions
