"""Arithmetic per query, and training against inference."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog.models import model
from capplan.reasoning.flop import model_flop, model_tokens_at_flop
from capplan.reasoning.worth import queries_to_pay


def flop(name: str, tokens: float) -> float:
    return float(model_flop(model(name).architecture, tokens))


@pytest.mark.parametrize("name, parameters, layers, hidden, tokens, tflop", [
    ("llama-3.1-405b", 405e9, 126, 16384, 1_000, 814), ("llama-3.1-70b", 70e9, 80, 8192, 8_000, 1_204),
    ("llama-2-7b", 7e9, 32, 4096, 64_000, 1_970), ("llama-3.1-405b", 405e9, 126, 16384, 16_000, 14_017),
])  # fmt: skip
def test_a_query_takes_2nt_plus_causal_attention(name, parameters, layers, hidden, tokens, tflop):
    # 2 x 2 FLOP for each layer, width and pair of tokens, of which a causal mask leaves half.
    by_hand = 2 * parameters * tokens + 4 * layers * hidden * tokens**2 / 2
    assert by_hand / 1e12 == pytest.approx(tflop, rel=1e-3)
    assert flop(name, tokens) == pytest.approx(by_hand, rel=0.06)  # 6.6e9 active parameters of "7B"


def test_a_small_model_that_thinks_long_costs_more_than_a_large_one_that_thinks_less():
    assert flop("llama-2-7b", 64_000) > 1.5 * flop("llama-3.1-70b", 8_000)


@given(st.sampled_from(["llama-2-7b", "gpt-oss-120b", "deepseek-r1", "gemma-3-27b"]), st.floats(1, 1e6))
def test_tokens_at_equal_flop_undo_the_flop_of_a_query(name, tokens):
    arch = model(name).architecture
    assert model_tokens_at_flop(arch, flop(name, tokens)) == pytest.approx(tokens, rel=1e-9)


def test_equal_flop_buys_the_7b_model_fewer_tokens_than_its_size_promises():
    bought = model_tokens_at_flop(model("llama-2-7b").architecture, flop("llama-3.1-70b", 8_000))
    assert bought < 0.6 * 10 * 8_000


def test_windows_and_experts_take_less_arithmetic_than_their_size():
    assert flop("gpt-oss-120b", 8000) < 0.2 * flop("llama-3.1-70b", 8000)


def test_a_distilled_model_pays_at_the_volume_where_costs_are_equal():
    queries = queries_to_pay(50_000.0, 0.010, 0.002)
    assert 50_000 / queries + 0.002 == pytest.approx(0.010)
    assert queries_to_pay(1.0, 0.001, 0.002) == math.inf
