"""What hosted models bill: every kind of token, discounts, tiers, and prices that are not printed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.cost.api import Tariff, Usage, _catalogued, tariff, usd_per_query
from capplan.errors import PriceError
from capplan.scenario.cost import Api
from capplan.units import parse

R1 = Tariff("R1", 0.55e-6, 0.14e-6, 2.19e-6, 2.19e-6, 0.55e-6, 2.19e-6)
tokens = st.floats(0, 1e6)


def test_thinking_is_billed_as_output() -> None:
    assert usd_per_query(R1, Usage(0, 4000, 500)) == pytest.approx(4500 * 2.19e-6)
    assert usd_per_query(R1, Usage(0, 4000, 500)) == usd_per_query(R1, Usage(0, 0, 4500))


def test_cached_input_pays_the_cache_price() -> None:
    assert usd_per_query(R1, Usage(1000, 0, 0, cached=0.4)) == pytest.approx(600 * 0.55e-6 + 400 * 0.14e-6)


def test_what_no_cache_holds_is_written_to_it_where_that_pays() -> None:
    held = tariff(Api(model="claude-sonnet-4.6", provider="anthropic"))  # 3.00 to read, 3.75 to write, 0.30 cached
    dear, often = (float(usd_per_query(held, Usage(1e6, 0, 0, cached=share))) for share in (0.1, 0.8))
    assert dear == pytest.approx(3.00)  # 0.9 x 3.75 + 0.1 x 0.30 would be 3.405
    assert often == pytest.approx(0.2 * 3.75 + 0.8 * 0.30)
    assert any(said.key == "cost.api cache write" for said in held.assumptions)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_cache_that_is_hit_more_often_never_costs_more(one: float, other: float) -> None:
    held = tariff(Api(model="claude-sonnet-4.6", provider="anthropic"))
    less, more = (float(usd_per_query(held, Usage(1e6, 0, 0, cached=share))) for share in sorted((one, other)))
    assert more <= less * (1 + 1e-12) <= 3.0 * (1 + 1e-9)


def test_a_model_that_will_be_gone_is_said_with_its_price() -> None:
    held = tariff(Api(model="o3", provider="openai"))
    assert [said.value for said in held.assumptions if said.key == "cost.api model"] == ["retires 2026-12-11"]


@given(tokens, tokens, tokens, tokens, st.floats(0, 1))
def test_more_tokens_never_cost_less(prompt: float, thinking: float, answer: float, more: float, hit: float) -> None:
    few = usd_per_query(R1, Usage(prompt, thinking, answer, hit))
    many = usd_per_query(R1, Usage(prompt + more, thinking + more, answer + more, hit))
    assert many >= few


def test_long_requests_pay_the_long_context_price() -> None:
    long = tariff(Api(model="gemini-2.5-pro", provider="gemini"))
    short, above = usd_per_query(long, Usage(1e5, 0, 1e3)), usd_per_query(long, Usage(3e5, 0, 1e3, long=1.0))
    assert long.long_input_usd_per_token > long.input_usd_per_token
    assert above == pytest.approx(3e5 * long.long_input_usd_per_token + 1e3 * long.long_output_usd_per_token)
    assert above > 3 * short  # three times the prompt, at twice the price


def test_usage_broadcasts_over_a_sweep() -> None:
    assert usd_per_query(R1, Usage(np.array([1e3, 2e3]), 0, 500)).shape == (2,)


def test_the_catalogues_price_has_its_host_and_date() -> None:
    held = tariff(Api(model="deepseek-r1", provider="deepseek"))
    assert (held.input_usd_per_token, held.output_usd_per_token) == pytest.approx((0.55e-6, 2.19e-6))
    assert held.date == "2026-11" and held.title == "deepseek-r1 at deepseek"
    assert any("deepseek" in said.source for said in held.assumptions)


def test_hosts_of_one_model_have_prices_of_their_own() -> None:
    with pytest.raises(PriceError, match="hosts with a price"):
        tariff(Api(model="deepseek-r1", provider="openai"))


def test_the_scenarios_price_goes_before_the_catalogues() -> None:
    given_price = tariff(Api(model="deepseek-r1", output_usd_per_token=parse("4 USD/Mtoken", "usd_per_token")))
    assert given_price.output_usd_per_token == pytest.approx(4e-6)
    assert given_price.input_usd_per_token == pytest.approx(0.55e-6)


def test_a_batch_discount_is_taken_off_every_price() -> None:
    full, half = (tariff(Api(model="o3", provider="openai", batch_discount=off)) for off in (0.0, 0.5))
    usage = Usage(1000, 2000, 300, cached=0.5)
    assert usd_per_query(half, usage) == pytest.approx(usd_per_query(full, usage) / 2)


def test_batch_prices_are_the_providers_own_or_refused() -> None:
    batch = tariff(Api(model="gpt-4o", provider="openai", batch=True))
    assert batch.output_usd_per_token == pytest.approx(5e-6)
    with pytest.raises(PriceError, match="batch_discount"):
        tariff(Api(model="deepseek-r1", provider="deepseek", batch=True))


def test_the_mix_is_said_in_words() -> None:
    assert Usage(500, 4000, 500).mix() == (
        "500 input + 4,000 thinking + 500 answer tokens a query (input 10% : output 90%)"
    )


def test_prices_of_ones_own_need_no_catalogue_and_a_cache_price_left_open_is_the_input_price() -> None:
    open_ = tariff(Api(model="mine", input_usd_per_token=1e-6, output_usd_per_token=4e-6))
    assert usd_per_query(open_, Usage(1000, 200, 100, cached=0.5)) == pytest.approx(1000 * 1e-6 + 300 * 4e-6)
    assert [said.key for said in open_.assumptions] == ["cost.api cached input"]
    cached = Api(model="mine", input_usd_per_token=1e-6, cached_input_usd_per_token=1e-7, output_usd_per_token=4e-6)
    assert usd_per_query(tariff(cached), Usage(1000, 0, 0, cached=0.5)) == pytest.approx(500 * 1e-6 + 500 * 1e-7)
    assert tariff(cached).assumptions == ()
    # A request of any length pays the same.
    assert usd_per_query(open_, Usage(1e6, 0, 10, long=1.0)) == usd_per_query(open_, Usage(1e6, 0, 10))


def test_prices_of_ones_own_have_no_batch_prices_beside_them_but_may_be_discounted() -> None:
    own = Api(model="mine", input_usd_per_token=1e-6, output_usd_per_token=4e-6, batch=True)
    with pytest.raises(PriceError, match="give batch_discount"):
        tariff(own)
    half = tariff(own.having({"batch": False, "batch_discount": 0.5}))
    assert usd_per_query(half, Usage(1000, 0, 100)) == pytest.approx(0.5 * 1.4e-3)


def test_what_a_host_says_of_its_price_is_an_assumption() -> None:
    from capplan.catalog.api_prices import api_price

    host = "deepseek"
    price = api_price("deepseek-r1", host)
    noted = _catalogued(Api(model="deepseek-r1", provider=host), price.model_copy(update={"note": "off-peak only"}))
    assert ("cost.api provider", "off-peak only") in [(said.key, said.source) for said in noted.assumptions]


def test_output_is_thinking_and_answer_together() -> None:
    assert Usage(10, np.array([100, 200]), 50).output_tokens.tolist() == [150, 250]
    assert Usage(100, 300, 0).mix() == "100 input + 300 thinking tokens a query (input 25% : output 75%)"
