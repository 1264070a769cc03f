"""Prices: bands and medians from dated quotations, absent prices are never free, faults name the nearest that exist."""

import datetime
from pathlib import Path
from statistics import median

import pytest

from capplan.catalog import files
from capplan.catalog.api_prices import api_price, hosts
from capplan.catalog.prices import MissingPrice, bands, purchase, quotes, rent

RENTED = [n for n in files.names("prices/accelerators") if "rent" in files.load("prices/accelerators", n)]
HOUR_S = 3600


def hourly(usd_per_s: float) -> float:
    return round(usd_per_s * HOUR_S, 4)


@pytest.mark.parametrize(
    ("accelerator", "provider", "usd_per_hour"),
    [
        ("h100-sxm", "aws", 6.88), ("H100", "Azure", 12.29), ("h100-sxm", "google", 11.0612),
        ("h100-sxm", "nebius", 2.95),
        ("h100-sxm", "DataCrunch", 2.29), ("b200-sxm", "spheron", 7.43), ("mi300x", "tensorwave", 1.5),
        ("trainium2", "aws", 2.2351),
    ],
)  # fmt: skip
def test_a_provider_has_its_newest_price(accelerator: str, provider: str, usd_per_hour: float) -> None:
    assert hourly(rent(accelerator, provider).usd_per_gpu_s) == pytest.approx(usd_per_hour)


def test_a_price_before_a_cut_is_kept_but_never_used() -> None:
    stale = [quote for quote in quotes("h100-sxm") if quote.provider == "aws" and not quote.use]
    assert 12.29 in [hourly(quote.usd_per_gpu_s) for quote in stale]
    assert all(quote.use for quote in rent("h100-sxm").quotes)


@pytest.mark.parametrize("name", RENTED)
def test_the_price_taken_is_the_median_of_one_quotation_per_provider(name: str) -> None:
    terms = {quote.term for quote in quotes(name) if quote.use}
    for term in terms:
        price = rent(name, term=term)
        assert price.usd_per_gpu_s == pytest.approx(median(quote.usd_per_gpu_s for quote in price.quotes))
        assert price.low_usd_per_gpu_s <= price.usd_per_gpu_s <= price.high_usd_per_gpu_s
        providers = [quote.provider for quote in price.quotes if quote.provider != "market"]
        assert len(providers) == len(set(providers))


def test_hyperscalers_cost_more_than_neoclouds_and_spot_least() -> None:
    tiers = bands("h100-sxm")
    spot = bands("h100-sxm", term="spot")["spot"]
    assert tiers["hyperscaler"].usd_per_gpu_s > tiers["neocloud"].usd_per_gpu_s > spot.usd_per_gpu_s
    assert tiers["long_tail"].provider == "market"  # a survey stands in where no provider is quoted


def test_a_missing_price_names_the_nearest_that_exist() -> None:
    with pytest.raises(MissingPrice, match="providers with a price: aws") as fault:
        rent("h100-sxm", "aws-gov")
    assert fault.value.exit_code == 4
    with pytest.raises(MissingPrice, match="mi355x: the catalogue has no rental price"):
        rent("mi355x")
    with pytest.raises(MissingPrice, match="tiers with a price: hyperscaler"):
        rent("a10g", tier="neocloud")
    with pytest.raises(MissingPrice, match="regions with a price"):
        rent("h100-sxm", "aws", region="mars-1")
    with pytest.raises(MissingPrice, match=r"gh200: the catalogue has no purchase price; give cost\.purchase_price"):
        purchase("gh200")


def test_the_age_of_a_price_is_counted_from_the_day_passed_in() -> None:
    price = rent("h100-sxm", "aws")
    assert price.date == "2026-07-27"
    assert price.age_days(datetime.date(2026, 8, 27)) == 31
    assert rent("h100-sxm", "gcp").age_days(datetime.date(2026, 8, 27)) is None


def test_a_median_is_as_old_as_its_oldest_part() -> None:
    price = rent("h100-sxm")
    assert price.date == min(quote.date for quote in price.quotes if quote.date)
    assert price.undated == sum(not quote.date for quote in price.quotes) > 0
    assert rent("h100-sxm", "nebius").date == ""  # none of its quotations has a day


def test_a_provider_that_quotes_two_lengths_of_reservation_has_a_price_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("1 year", 3.0), ("3 year", 2.0)]
    lines = "".join(
        f"  - {{price: {usd} USD/hour, on: 2026-11-01, provider: acme, tier: neocloud, term: reserved,"
        f" commitment: {length}, from: list}}\n"
        for length, usd in rows
    )
    (tmp_path / "prices/accelerators").mkdir(parents=True)
    (tmp_path / "prices/accelerators/l4.yaml").write_text(
        f"name: l4\ntitle: L4\nsources:\n  list: {{kind: price-list, title: a list, read: 2026-11-21}}\nrent:\n{lines}"
    )
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    for length, usd in rows:
        found = rent("l4", term="reserved", commitment_s=float(length[0]) * 365 * 86400)
        assert hourly(found.usd_per_gpu_s) == pytest.approx(usd)


@pytest.mark.parametrize(("name", "band"), [("h100-sxm", (22000, 27500, 40000)), ("B200", (37000, 40000, 43000))])
def test_street_prices_are_bands(name: str, band: tuple[int, int, int]) -> None:
    price = purchase(name)
    assert (price.low_usd, price.usd, price.high_usd) == band


@pytest.mark.parametrize(
    ("model", "provider", "usd_per_m"),
    [
        ("o3", "openai", (2, 8)), ("claude-sonnet-4-6", "anthropic", (3, 15)),
        ("gpt-oss-120b", "deepinfra", (0.037, 0.17)),
        ("openai/gpt-oss-120b", "groq", (0.15, 0.6)), ("deepseek-r1", "deepseek", (0.55, 2.19)),
        ("gpt-oss-120b", "bedrock-converse", (0.15, 0.6)),
    ],
)  # fmt: skip
def test_api_prices_are_those_of_the_list(model: str, provider: str, usd_per_m: tuple[float, float]) -> None:
    price = api_price(model, provider)
    assert (price.input_usd_per_token * 1e6, price.output_usd_per_token * 1e6) == pytest.approx(usd_per_m)


def test_the_newest_row_of_a_model_holds() -> None:
    price = api_price("deepseek-reasoner", "deepseek")
    assert price.date == "2026-11"
    assert price.output_usd_per_token * 1e6 == pytest.approx(0.42)


def test_without_a_provider_the_maker_counts_and_else_the_middle_host() -> None:
    assert api_price("gemini-2.5-pro").provider == "gemini"
    offers = hosts("gpt-oss-120b")
    middle = api_price("gpt-oss-120b")
    assert offers[0].output_usd_per_token < middle.output_usd_per_token < offers[-1].output_usd_per_token
    assert f"middle of {len(offers)} hosts" in middle.note


def test_a_price_that_is_not_printed_is_absent_and_never_free() -> None:
    rows = [offer for name in ("gpt-oss-120b", "deepseek-r1", "o1-pro", "gpt-4o") for offer in hosts(name)]
    prices = [v for row in rows for k, v in row.model_dump().items() if k.endswith("_usd_per_token") and v is not None]
    assert prices and min(prices) > 0
    assert api_price("o1-pro", "openai").cached_input_usd_per_token is None
    with pytest.raises(MissingPrice, match="no price at lemonade"):
        api_price("gpt-oss-120b-mxfp-gguf", "lemonade")
    with pytest.raises(MissingPrice, match="no provider in the catalogue has a price"):
        api_price("qwen3-max")


def test_a_host_without_the_model_leads_to_those_that_have_it() -> None:
    with pytest.raises(MissingPrice, match="hosts with a price: openai"):
        api_price("o3", "groq")
