"""The Beta law of difficulty and coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.reasoning.accuracy import difficulty


@given(st.floats(0.01, 0.99), st.one_of(st.floats(0.2, 100.0), st.just(np.inf)))
def test_weights_are_shares_whose_mean_is_the_accuracy(accuracy, concentration):
    share = difficulty.weights(accuracy, concentration)
    assert float(share.sum()) == pytest.approx(1.0)
    assert float(share @ difficulty.CHANCES) == pytest.approx(accuracy, abs=2e-3)


@given(st.floats(0.05, 0.95), st.integers(1, 500), st.floats(0.3, 50.0))
def test_coverage_in_closed_form_is_that_of_the_grid(accuracy, samples, concentration):
    share = difficulty.weights(accuracy, concentration)
    on_grid = float(share @ (1 - (1 - difficulty.CHANCES) ** samples))
    assert float(difficulty.coverage(accuracy, samples, concentration)) == pytest.approx(on_grid, abs=5e-3)


def test_coverage_of_250_samples_rises_as_published_for_swe_bench_lite():
    """Brown et al. 2024: 15.9 % at 1, 56 % at 250: concentrations from 0.4 to 1.2 bracket it."""
    found = difficulty.coverage(0.159, 250, np.array([0.4, 0.6, 1.2]))
    assert np.all(np.diff(found) > 0)
    assert float(found[0]) < 0.56 < float(found[2])


def test_lgamma_of_the_grid_agrees_with_scipy():
    special = pytest.importorskip("scipy.special")
    a, b = difficulty.shape(np.array([0.2, 0.7]), 1.2)
    assert np.allclose(difficulty.log_beta(a, b), special.betaln(a, b))
