"""Adaptive self-consistency: what stopping early saves and costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.reasoning.accuracy.adaptive import grown
from capplan.reasoning.accuracy.voting import voted


def test_stopping_when_decided_saves_about_three_quarters_of_40_samples_at_no_loss():
    """Aggarwal et al. 2023 (arXiv 2305.11860): 3.3x fewer samples on average, up to 7.9x, 0.04 % lost."""
    growth = grown(0.74, 40)
    assert 2.5 < 40 / growth.samples < 7.9
    assert growth.accuracy == pytest.approx(float(voted(0.74, 40, 1.2, 0.25)), abs=0.002)


def test_an_easy_benchmark_stops_sooner_than_a_hard_one():
    assert grown(0.95, 64).samples < grown(0.60, 64).samples


@settings(max_examples=25)
@given(st.floats(0.1, 0.95), st.integers(2, 64), st.floats(0.4, 5.0))
def test_growth_never_draws_more_than_the_most_and_never_fewer_than_two(accuracy, most, concentration):
    growth = grown(accuracy, most, concentration)
    assert 2 - 1e-9 <= growth.samples <= most + 1e-9
    assert list(growth.reached) == sorted(growth.reached, reverse=True)
    assert growth.samples == pytest.approx(sum(np.diff((0, *growth.stages)) * np.array(growth.reached)))


@settings(max_examples=25)
@given(st.floats(0.1, 0.95), st.integers(2, 4))
def test_a_vote_too_small_to_be_decided_early_is_the_plain_vote(accuracy, most):
    assert grown(accuracy, most).accuracy == pytest.approx(float(voted(accuracy, most, 1.2, 0.25)), abs=1e-3)
