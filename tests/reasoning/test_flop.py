"""Arithmetic per query, and training against inference."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog.models import model
from capplan.engine.architecture import parameters
from capplan.reasoning.amortization import distillation_flop, queries_to_pay, training_flop, usd_per_query
from capplan.reasoning.flop import model_flop, model_tokens_at_flop, query_flop, tokens_at_flop

LLAMA_405B, LLAMA_70B, LLAMA_2_7B = (405e9, 126, 16384), (70e9, 80, 8192), (7e9, 32, 4096)


@pytest.mark.parametrize("model, tokens, tflop", [
    (LLAMA_405B, 1_000, 814), (LLAMA_70B, 8_000, 1_204), (LLAMA_2_7B, 64_000, 1_970), (LLAMA_405B, 16_000, 14_017),
])  # fmt: skip
def test_a_query_takes_2nt_plus_causal_attention(model, tokens, tflop):
    assert float(query_flop(*model, tokens)) / 1e12 == pytest.approx(tflop, rel=0.01)


def test_a_small_model_that_thinks_long_costs_more_than_a_large_one_that_thinks_less():
    assert query_flop(*LLAMA_2_7B, 64_000) > 1.5 * query_flop(*LLAMA_70B, 8_000)


@given(st.floats(1e8, 1e12), st.integers(1, 200), st.integers(256, 20_000), st.floats(1, 1e6))
def test_tokens_at_equal_flop_undo_the_flop_of_a_query(parameters, layers, hidden, tokens):
    flop = query_flop(parameters, layers, hidden, tokens)
    assert float(tokens_at_flop(parameters, layers, hidden, flop)) == pytest.approx(tokens, rel=1e-9)


def test_equal_flop_buys_the_7b_model_fewer_tokens_than_its_size_promises():
    flop = query_flop(*LLAMA_70B, 8_000)
    assert float(tokens_at_flop(*LLAMA_2_7B, flop)) < 0.6 * 10 * 8_000


def test_a_distilled_model_pays_at_the_volume_where_costs_are_equal():
    queries = queries_to_pay(50_000.0, 0.010, 0.002)
    assert float(usd_per_query(50_000.0, queries, 0.002)) == pytest.approx(0.010)
    assert queries_to_pay(1.0, 0.001, 0.002) == math.inf


def test_distillation_is_the_teachers_writing_and_the_students_training():
    found = distillation_flop(37e9, 7e9, traces=800e3, trace_tokens=4000, epochs=2, kept=0.5)
    assert found == pytest.approx(2 * 37e9 * 1.6e6 * 4000 + 2 * 6 * 7e9 * 800e3 * 4000)
    assert np.all(np.diff(training_flop(7e9, np.array([1e9, 2e9, 3e9]))) > 0)


def test_the_flop_of_a_catalogued_model_is_that_of_its_shape():
    arch = model("llama-2-7b").architecture
    nominal = query_flop(float(parameters(arch).active), 32, 4096, 64_000)
    assert float(model_flop(arch, 64_000)) == pytest.approx(float(nominal), rel=1e-3)
    assert model_tokens_at_flop(arch, float(nominal)) == pytest.approx(64_000, rel=1e-3)


def test_windows_and_experts_take_less_arithmetic_than_their_size():
    windowed, dense = (model(name).architecture for name in ("gpt-oss-120b", "llama-3.1-70b"))
    assert float(model_flop(windowed, 8000)) < 0.2 * float(model_flop(dense, 8000))
